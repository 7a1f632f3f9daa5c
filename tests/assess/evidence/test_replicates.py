"""Confirmation by a replicate that is left out: folds as they lie in their folder, against all pairs."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from assess.supported import pairs_won

from atypeak_scale.assess.evidence import replicates as replicates_module
from atypeak_scale.assess.evidence.replicates import Intervals, confirmation, replicates
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.model.training import train as train_module
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.evidence_columns import CONFIRMATION
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.derive import without_source

SCORES = {"support": v.SUPPORT, "network": v.NETWORK, "regression": v.REGRESSION,
          "overlapping_sources": v.OVERLAPPING}  # fmt: skip


@pytest.fixture(scope="module")
def few(supported: Scores, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Scores that do not exist, of three sources of two TRs; two are replicates of each other."""
    folder, cell_line = tmp_path_factory.mktemp("few"), supported.cell_line
    kept = [("dataset00", "tr00"), ("dataset01", "tr00"), ("dataset00", "tr01")]
    for number, source in enumerate(set(cell_line.sources) - set(kept)):
        cell_line = without_source(cell_line, source, folder / f"{number}.zarr")
    return replace(supported, cell_line=cell_line, location=cell_line.store)


@pytest.fixture(scope="module")
def work(few: Scores, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folds that are complete; tests only read them."""
    folder = tmp_path_factory.mktemp("work")
    confirmation(few, folder)
    return folder


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare any numbers of peaks: the catalogue is small."""
    monkeypatch.setattr(replicates_module, "FEWEST_TO_COMPARE", 1)


def peaks_of(cell_line: CellLine, source: tuple[str, str]) -> list[tuple[int, int, int]]:
    """Return contig, start and end of the peaks of a source."""
    peaks = cell_line.peaks(0, cell_line.peak_count)
    mine = peaks.source == cell_line.sources.index(source)
    return list(zip(*(column[mine].tolist() for column in (peaks.contig, peaks.start_bp, peaks.end_bp)),
                    strict=True))  # fmt: skip


def test_touch__equals_all_pairs() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        contig = np.sort(rng.integers(0, 3, 30)).astype(np.int32)
        start = rng.integers(0, 200, 30)
        order = np.lexsort((start, contig))
        contig, start = contig[order], start[order]
        end = start + rng.integers(1, 30, 30)
        asked = rng.integers(0, 4, 50).astype(np.int32), (left := rng.integers(0, 220, 50)), left + 5
        expected = [
            any(c == k and s < b and a < e for k, s, e in zip(contig, start, end, strict=True))
            for c, a, b in zip(*asked, strict=True)
        ]
        np.testing.assert_array_equal(Intervals(contig, start, end).touch(*asked), expected)


def test_replicates__are_of_labels_with_several(supported: Scores, few: Scores) -> None:
    assert replicates(few.cell_line) == [("dataset00", "tr00"), ("dataset01", "tr00")]
    assert replicates(supported.cell_line) == list(supported.cell_line.sources)


def test_confirmation__equals_all_pairs_of_what_was_left_out(
    few: Scores, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*_: object, **__: object) -> None:
        raise AssertionError("a complete fold must not be trained again")

    monkeypatch.setattr(train_module, "train", train)
    monkeypatch.setattr(replicates_module, "MANY_PEAKS", 1)
    table = confirmation(few, work)
    assert list(table.columns) == [column.name for column in CONFIRMATION.columns]
    rows = {(row.left_out, row.judged, row.score): row for row in table.itertuples() if row.scope == "pair"}
    pair = [("dataset00", "tr00"), ("dataset01", "tr00")]
    assert len(rows) == 8
    for number, (left_out, judged) in enumerate((pair, pair[::-1]), 1):
        without = open_store(work / f"fold-{number}" / "store.zarr")
        assert set(without.sources) == set(few.cell_line.sources) - {left_out}
        assert peaks_of(without, judged) == peaks_of(few.cell_line, judged)
        scores = open_scores(without, work / f"fold-{number}" / "model")
        assert scores.config == few.config
        judges = peaks_of(few.cell_line, left_out)
        confirmed = np.array([
            any(c == k and s < b and a < e for k, s, e in judges) for c, a, b in peaks_of(without, judged)
        ])  # fmt: skip
        assert 0 < confirmed.sum() < len(confirmed)
        mine = without.peaks(0, without.peak_count).source == without.sources.index(judged)
        for name, variable in SCORES.items():
            row = rows[source_name(left_out), source_name(judged), name]
            values = scores.read(variable)[mine]
            assert (row.pairs, row.peaks, row.confirmed) == (1, len(values), confirmed.sum())
            assert row.auroc == pytest.approx(pairs_won(values[confirmed], values[~confirmed]), abs=1e-9)
            counts = scores.read(v.OVERLAPPING)[mine]
            base = pairs_won(counts[confirmed], counts[~confirmed])
            assert row.over_counts == pytest.approx(row.auroc - base, abs=1e-9)
            assert row.auroc_low < row.auroc < row.auroc_high
    means = table[table["scope"] == "mean"].set_index("score")
    for name in SCORES:
        of_score = [row for (_, _, score), row in rows.items() if score == name]
        assert means["auroc"][name] == pytest.approx(np.mean([row.auroc for row in of_score]))
        assert means["confirmed"][name] == sum(row.confirmed for row in of_score)
    monkeypatch.setattr(replicates_module, "MANY_PEAKS", 10_000)
    assert set(confirmation(few, work)["scope"]) == {"mean of small", "pair"}


def test_confirmation__too_few_of_a_kind_say_nothing(
    few: Scores, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = confirmation(few, work)
    kinds = known[known["scope"] == "pair"].set_index("judged")
    fewest = np.minimum(kinds["confirmed"], kinds["peaks"] - kinds["confirmed"]).groupby("judged").first()
    assert fewest.nunique() == 2
    monkeypatch.setattr(replicates_module, "FEWEST_TO_COMPARE", int(fewest.min()) + 1)
    table = confirmation(few, work)
    pairs = table[table["scope"] == "pair"].set_index("judged")
    assert pairs["auroc"][fewest.idxmin()].isna().all()
    means = table[table["scope"] != "pair"]
    assert set(means["pairs"]) == {1}
    np.testing.assert_array_equal(means["auroc"], pairs["auroc"][fewest.idxmax()])


def test_confirmation__goes_on_after_a_stop(
    few: Scores, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = confirmation(few, work)
    copy = shutil.copytree(work, tmp_path / "work")
    shutil.rmtree(copy / "fold-2" / "model")
    real, stopped = train_module.train, []

    def train(*given: object, **named: object) -> object:
        trained = real(*given, **named)  # type: ignore[arg-type]
        stopped.append(1)
        return replace(trained, training=replace(trained.training, stopped="interrupted"))  # type: ignore[type-var]

    monkeypatch.setattr(train_module, "train", train)
    told = r"without dataset0\d\.tr00 was interrupted; "
    with pytest.raises(InterruptedStageError, match=f"{told}the same command goes on from there"):
        confirmation(few, copy)
    with pytest.raises(InterruptedStageError, match=f"{told}its folds were in a temporary folder"):
        confirmation(few)
    assert stopped
    assert not (copy / "fold-2" / "model").exists()
    monkeypatch.setattr(train_module, "train", real)
    assert confirmation(few, copy).equals(expected)  # one thread or several: the same seed, the same model


def test_confirmation__refuses(few: Scores, article: Scores, supported: Scores, work: Path) -> None:
    with pytest.raises(InputError, match="is no model of support"):
        confirmation(article, work)
    with pytest.raises(InputError, match=r"store\.zarr: was made from another store; name another folder"):
        confirmation(supported, work)
    training = few.config.training.model_copy(update={"seed": 7})
    other = replace(few, config=few.config.model_copy(update={"training": training}))
    with pytest.raises(InputError, match=r"fold-1/model: was trained with other settings than"):
        confirmation(other, work)
    alone = open_store(work / "fold-1" / "store.zarr")
    with pytest.raises(InputError, match="no tr has peaks of several datasets, so none is confirmed"):
        confirmation(replace(few, cell_line=alone), work)
