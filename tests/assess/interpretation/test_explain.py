"""What each source adds to a peak's support, against the whole network on windows changed by hand."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from assess.supported import outputs, settings, untrained

from atypeak_scale.assess.interpretation import explain as explain_module
from atypeak_scale.assess.interpretation.explain import (
    explain,
    explain_peaks,
    find_peak,
    least_supported,
)
from atypeak_scale.catalogue.folds import fold_of_crm
from atypeak_scale.config import for_support
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.evidence_columns import EXPLANATION
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.neighbours import gaps
from atypeak_scale.scoring.support.regression import Regression, log_odds
from atypeak_scale.store.arrays import array_of, write_chunks
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.groups import open_group


def support_of(scores: Scores, peak: int, change: str = "", other: int = -1) -> float:
    """Return L of a peak from the dense network: another source removed from its windows, or added there."""
    data = scores.cell_line.data.load()
    values = []
    for row in np.flatnonzero(data["peak_catalogue"].values == peak):
        number, own = int(data["peak_window"][row]), int(data["peak_source"][row])
        first, last = int(data["peak_first_bin"][row]), int(data["peak_last_bin"][row])
        window = data["occupancy"].values[number].copy()
        window[:, own] = False
        if change == "remove":
            window[:, other] = False
        elif change == "add":
            window[first : last + 1, other] = True
        _, h = outputs(scores, window[None])
        third = max((last - first + 1) // 3, 1)
        start = (first + last) // 2 - (third - 1) // 2
        of_bins = h[0, start : start + third, own]
        fold = fold_of_crm(data["crm"].values[[number]], scores.chance.folds, scores.chance.seed)
        regression = Regression(
            scores.placements.read(v.COEFFICIENT)[own], scores.placements.read(v.INTERCEPT)[own]
        )
        one = np.array([0])
        gap = gaps(window[None], one, one + own, one + first, one + last)
        odds = log_odds(regression, gap, fold, 10)[0]
        values.append(of_bins.mean() + odds)
    return float(np.mean(values))


def some_peaks(scores: Scores) -> list[int]:
    """Return a peak in several windows and some others."""
    peak, rows = np.unique(scores.cell_line.data["peak_catalogue"].values, return_counts=True)
    return [int(peak[rows > 1][0]), *np.random.default_rng(1).choice(peak, 3, replace=False).tolist()]


@pytest.mark.parametrize("windows_at_once", [1, 1000])
def test_explain__equals_scoring_by_hand(
    supported: Scores, monkeypatch: pytest.MonkeyPatch, windows_at_once: int
) -> None:
    monkeypatch.setattr(explain_module, "WINDOW_BYTES", windows_at_once * 320 * 6)
    cell_line = supported.cell_line
    data = cell_line.data.load()
    seen = set()
    for peak in some_peaks(supported):
        at = cell_line.peaks(peak, peak + 1)
        own = int(at.source[0])
        name = ".".join(cell_line.sources[own])
        place = cell_line.contigs[int(at.contig[0])], int(at.start_bp[0]), int(at.end_bp[0])
        table = explain(supported, *place, name)
        assert list(table.columns) == [column.name for column in EXPLANATION.named(("dataset", "tr"))]
        assert set(zip(table["contig"], table["start"], table["end"], strict=True)) == {place}
        base = support_of(supported, peak)
        rows = np.flatnonzero(data["peak_catalogue"].values == peak)
        in_windows = data["occupancy"].values[data["peak_window"].values[rows]].any(axis=(0, 1))
        assert len(table) == len(cell_line.sources) - 1
        for row in table.itertuples():
            other = cell_line.sources.index((row.other_dataset, row.other_tr))
            assert other != own
            assert row.present == in_windows[other]
            changed = support_of(supported, peak, "remove" if row.present else "add", other)
            effect = base - changed if row.present else changed - base
            assert row.effect == pytest.approx(effect, abs=1e-3)
            assert row.network + row.regression == pytest.approx(row.effect)
            assert row.support == pytest.approx(base, abs=1e-3)
            seen.add((row.present, bool(row.effect > 0)))
        for _, part in table.groupby("present"):
            assert part["effect"].is_monotonic_decreasing
        assert table["present"].is_monotonic_decreasing
        np.testing.assert_allclose(table["support"], supported.read(v.SUPPORT)[peak], atol=1e-3)
    assert len(seen) == 4


def test_explain__overlaps_in_bins(supported: Scores) -> None:
    peaks = some_peaks(supported)
    table = explain_peaks(supported, peaks)
    others = supported.cell_line.shape.sources - 1
    counts = table["overlaps"].to_numpy().reshape(len(peaks), others).sum(axis=1)
    single = [at for at, peak in enumerate(peaks) if peak != peaks[0]]
    expected = supported.read(v.OVERLAPPING)[peaks]
    np.testing.assert_array_equal(counts[single], expected[single])
    assert explain_peaks(supported, []).empty


def test_explain__an_ensemble_is_the_mean(supported: Scores, tmp_path: Path) -> None:
    config = for_support(settings())
    other = untrained(tmp_path / "other", config, supported.cell_line, seed=5)
    second = replace(supported, name="other", model=other, fingerprint=_fingerprint(other))
    both = replace(supported, members=(supported, second))
    peak = some_peaks(supported)[1]
    effects = []
    for one in (supported, second, both):
        found = explain_module._explain_peak(
            one, peak, [c.name for c in EXPLANATION.named(("dataset", "tr"))]
        )
        effects.append(found.set_index(["other_dataset", "other_tr"])["network"].sort_index().to_numpy())
    np.testing.assert_allclose(effects[2], (effects[0] + effects[1]) / 2, atol=1e-5)
    assert not np.allclose(effects[0], effects[1], atol=1e-3)


def _fingerprint(model: Path) -> str:
    from atypeak_scale.model.description import describe_model

    return str(describe_model(model)["fingerprint"])


def test_least__are_the_lowest_of_each_source(supported: Scores) -> None:
    support = supported.read(v.SUPPORT)
    source = supported.cell_line.peaks(0, len(support)).source
    expected = [
        int(peak)
        for number in range(supported.cell_line.shape.sources)
        for peak in sorted(np.flatnonzero(source == number), key=lambda peak: (support[peak], peak))[:3]
    ]
    assert least_supported(supported, 3) == expected


# Finding a peak


@pytest.fixture
def in_chunks(supported: Scores, tmp_path: Path) -> CellLine:
    """Return the cell line with its peaks in chunks of 7."""
    store = shutil.copytree(supported.cell_line.store, tmp_path / "s.zarr")
    group = open_group(store, supported.cell_line.path, "r+")
    for variable in (v.PEAK_CONTIG, v.PEAK_START, v.PEAK_END, v.PEAK_SOURCE):
        old = array_of(group, variable.name)
        values, attributes = np.asarray(old[:]), dict(old.attrs)
        new = group.create_array(
            variable.name, shape=values.shape, chunks=(7,), dtype=values.dtype, overwrite=True,
            dimension_names=["catalogue_peak"], attributes=attributes,
        )  # fmt: skip
        write_chunks(new, 0, values)
    return open_store(store)


def test_find__every_peak(in_chunks: CellLine) -> None:
    peaks = in_chunks.peaks(0, in_chunks.peak_count)
    assert len(in_chunks.blocks("peaks")) > 10
    known: dict[tuple[str, int, int, int], int] = {}
    columns = (peaks.contig.tolist(), peaks.start_bp.tolist(), peaks.end_bp.tolist(), peaks.source.tolist())
    for number, (contig, *rest) in enumerate(zip(*columns, strict=True)):
        known.setdefault((in_chunks.contigs[contig], *rest), number)  # type: ignore[arg-type]
    for place, number in list(known.items())[::5]:
        assert find_peak(in_chunks, *place) == number


def test_find__names_the_nearest(in_chunks: CellLine) -> None:
    peaks = in_chunks.peaks(0, in_chunks.peak_count)
    rng = np.random.default_rng(2)
    for number in rng.choice(in_chunks.peak_count, 15):
        contig, source = int(peaks.contig[number]), int(peaks.source[number])
        wanted = int(peaks.start_bp[number]) + int(rng.integers(-9000, 9000))
        mine = np.flatnonzero((peaks.contig == contig) & (peaks.source == source))
        away = np.abs(peaks.start_bp[mine] - wanted)
        with pytest.raises(InputError, match=r"has no peak .* in a CRM; the nearest is") as told:
            find_peak(in_chunks, in_chunks.contigs[contig], wanted, wanted + 1, source)
        start = int(str(told.value).rpartition(":")[2].partition("-")[0])
        assert abs(start - wanted) == away.min()


def test_find__no_peak_on_the_contig(supported: Scores) -> None:
    cell_line = supported.cell_line
    peaks = cell_line.peaks(0, cell_line.peak_count)
    pairs = set(zip(peaks.contig.tolist(), peaks.source.tolist(), strict=True))
    (contig, source), *_ = [
        (c, s) for c in range(len(cell_line.contigs)) for s in range(9) if (c, s) not in pairs
    ]
    if source < cell_line.shape.sources:
        with pytest.raises(InputError, match="it has no peak on that contig"):
            find_peak(cell_line, cell_line.contigs[contig], 5, 9, source)


def test_explain__refuses(supported: Scores, article: Scores) -> None:
    first = ".".join(supported.cell_line.sources[0])
    with pytest.raises(InputError, match=rf"has no source '{first}0'; the nearest known are {first}"):
        explain(supported, "chr1", 1, 2, f"{first}0")
    with pytest.raises(InputError, match=r"has no contig 'chr11'; the nearest known are chr1"):
        explain(supported, "chr11", 1, 2, first)
    for function in (explain_peaks, least_supported):
        with pytest.raises(InputError, match="is no model of support"):
            function(article, 1)  # type: ignore[operator]
    unscored = replace(supported, name="other")
    with pytest.raises(StageMissingError, match="not scored by this model"):
        least_supported(unscored, 1)
