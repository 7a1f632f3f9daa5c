"""A CRM against the labelled tensor, the whole network's output, and the peaks of the handles."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from assess.supported import normalized_of, outputs, settings, untrained

from atypeak_scale.assess.regions import module as module_file
from atypeak_scale.assess.regions.module import Module, absent_sources, module, modules
from atypeak_scale.assess.regions.places import find_modules
from atypeak_scale.config import for_support
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.model.inference.engine import LOWEST_RATIO
from atypeak_scale.registry.columns import PEAKS
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores


@pytest.fixture(scope="session")
def article(supported: Scores, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Score the same cell line by a model of the article, and normalize, in another place."""
    return normalized_of(supported, tmp_path_factory.mktemp("normalized"))


def some_crms(scores: Scores) -> list[int]:
    """Return a CRM of two windows, and some others."""
    crm, windows = np.unique(scores.cell_line.data["crm"].values, return_counts=True)
    return [int(crm[windows > 1][0]), *crm[:2].tolist(), int(crm[-1])]


@pytest.fixture
def found(supported: Scores, article: Scores) -> list[Module]:
    return list(modules(supported.cell_line, some_crms(supported), article, supported))


def test_module__original_is_the_tensor(supported: Scores, found: list[Module]) -> None:
    tensor, crms = supported.cell_line.tensor, supported.cell_line.data["crm"].values
    for one in found:
        expected = tensor[np.flatnonzero(crms == one.place.crm)]
        for source in one.windows["source"].values:
            dataset, tr = source.split(".")
            there = expected.sel(dataset=dataset, tr=tr).to_numpy()
            assert np.array_equal(one.windows["original"].sel(source=source), there)
        assert one.is_whole
    assert len(found[0].windows["window"]) == 2


def test_module__rebuilt_is_the_networks_output(article: Scores, found: list[Module]) -> None:
    for one in found:
        original = one.windows["original"].to_numpy()
        _, h = outputs(article, original)
        np.testing.assert_allclose(one.windows["rebuilt"], h, atol=1e-4)
        score, phantom = one.windows["score"].to_numpy(), one.windows["phantom"].to_numpy()
        np.testing.assert_allclose(score[original], np.maximum(h[original], LOWEST_RATIO), atol=1e-4)
        assert np.isnan(score[~original]).all()
        np.testing.assert_allclose(phantom[~original], h[~original], atol=1e-4)
        assert np.isnan(phantom[original]).all()


def test_module__expected_does_not_see_its_source(supported: Scores, found: list[Module]) -> None:
    is_changed = False
    for one in found:
        original = one.windows["original"].to_numpy()
        for source in range(original.shape[2]):
            without = original.copy()
            without[:, :, source] = False
            _, odds = outputs(supported, without)
            expected = 1 / (1 + np.exp(-odds[:, :, source].astype(float)))
            np.testing.assert_allclose(one.windows["expected"][:, :, source], expected, atol=1e-4)
        is_changed |= not np.allclose(
            one.windows["expected"], 1 / (1 + np.exp(-outputs(supported, original)[1]))
        )
    assert is_changed


def test_module__crumbs(supported: Scores, tmp_path: Path) -> None:
    article = normalized_of(supported, tmp_path, crumbs=0.25)
    one = module(supported.cell_line, some_crms(supported)[0], article)
    original = one.windows["original"].to_numpy()
    crumbed, h = outputs(article, original, crumbs=0.25)
    np.testing.assert_allclose(one.windows["rebuilt"], h, atol=1e-4)
    ratio = np.maximum(h[original] / crumbed[original], LOWEST_RATIO)
    np.testing.assert_allclose(one.windows["score"].to_numpy()[original], ratio, atol=1e-4)
    assert "expected" not in one.windows


def test_module__an_ensemble_is_the_mean(supported: Scores, article: Scores, tmp_path: Path) -> None:
    cell_line, crm = supported.cell_line, some_crms(supported)[0]
    of_support = open_scores(cell_line, untrained(tmp_path / "s", for_support(settings()), cell_line, seed=5))
    of_article = open_scores(cell_line, untrained(tmp_path / "a", settings(), cell_line, seed=6))
    both = [
        replace(article, members=(article, of_article)),
        replace(supported, members=(supported, of_support)),
    ]
    (place,) = find_modules(cell_line, str(crm))
    found = module_file._windows(cell_line, place.windows, module_file._networks(*both))
    original = found["original"].to_numpy()
    h = [outputs(one, original)[1] for one in both[0].members]
    np.testing.assert_allclose(found["rebuilt"], (h[0] + h[1]) / 2, atol=1e-4)
    ratio = np.mean([np.maximum(one, LOWEST_RATIO) for one in h], axis=0)
    np.testing.assert_allclose(found["score"].to_numpy()[original], ratio[original], atol=1e-4)
    source = int(np.flatnonzero(~original.any(axis=(0, 1)))[0])
    odds = np.mean([outputs(one, original)[1][:, :, source] for one in both[1].members], axis=0)
    np.testing.assert_allclose(found["expected"][:, :, source], 1 / (1 + np.exp(-odds)), atol=1e-4)


def test_module__where_the_bins_are(supported: Scores, found: list[Module]) -> None:
    """Every occupied bin lies under a peak of its source, and every peak over its bins."""
    for one in found:
        original, starts = one.windows["original"].to_numpy(), one.windows["bin_start"].to_numpy()
        inside = one.windows["inside"].to_numpy()
        assert not original[~inside].any()
        assert ((starts + 10 > one.place.start) == inside)[0].all()
        assert starts[-1, -1] + 10 == one.place.end
        for number, (dataset, tr) in enumerate(supported.cell_line.sources):
            peaks = one.peaks[(one.peaks["dataset"] == dataset) & (one.peaks["tr"] == tr)]
            covered = np.zeros_like(inside)
            for peak in peaks.itertuples():
                # Bins begin at multiples of 10 bp from the window's end.
                covered |= (starts < peak.end) & (starts + 10 > peak.start) & inside
            assert np.array_equal(original[:, :, number], covered)


def test_module__peaks_with_all_their_scores(supported: Scores, article: Scores, found: list[Module]) -> None:
    of_article, of_support = (one.peaks.to_dataframe() for one in (article, supported))
    everything = of_article.join(of_support[of_support.columns.difference(of_article.columns)])
    for one in found:
        overlaps = (
            (everything["contig"] == one.place.contig)
            & (everything["start"] < one.place.end)
            & (everything["end"] > one.place.start)
        )
        expected = everything[overlaps]
        names = [column.name for column in PEAKS.named(("dataset", "tr")) if "spread" not in column.name]
        assert one.peaks.columns.tolist() == names
        pd.testing.assert_frame_equal(one.peaks, expected[names], check_dtype=False)
        assert one.peaks["start"].is_monotonic_increasing


def test_module__without_scores(supported: Scores, found: list[Module]) -> None:
    bare = module(supported.cell_line, found[0].place)
    assert set(bare.windows.data_vars) == {"original"}
    assert "final" not in bare.peaks
    assert "doubt" not in bare.peaks
    assert bare.peaks["start"].tolist() == found[0].peaks["start"].tolist()
    again = module(supported.cell_line, bare.place.text)
    assert again.place == bare.place


def test_module__without_the_models(supported: Scores, article: Scores, found: list[Module]) -> None:
    """What is stored can be shown without the models that made it."""
    gone = [replace(one, model=one.name) for one in (article, supported)]
    bare = module(supported.cell_line, found[0].place, *gone)
    assert set(bare.windows.data_vars) == {"original"}
    pd.testing.assert_frame_equal(bare.peaks, found[0].peaks)


def test_module__a_long_crm_is_shown_in_part(supported: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_file, "MOST_WINDOWS", 1)
    (place,) = find_modules(supported.cell_line, str(some_crms(supported)[0]))
    found = module(supported.cell_line, place)
    assert not found.is_whole
    assert found.windows["window"].values.tolist() == [place.windows.start]
    assert (found.peaks["start"] < int(found.windows["bin_start"][0, -1]) + 10).all()


def test_module__refuses(supported: Scores, article: Scores) -> None:
    cell_line = supported.cell_line
    with pytest.raises(InputError, match="holds support"):
        module(cell_line, 0, article=supported)
    with pytest.raises(InputError, match="is no model of support"):
        module(cell_line, 0, support=article)
    with pytest.raises(StageMissingError, match="not scored"):
        module(cell_line, 0, support=replace(supported, name="other"))
    other = replace(cell_line, name="other")
    with pytest.raises(InputError, match="scores of other data"):
        module(other, 0, article)


@pytest.mark.parametrize("by", ["expected", "rebuilt"])
def test_absent__equals_a_loop(found: list[Module], by: str) -> None:
    for one in found:
        windows = one.windows
        expected = []
        for source in windows["source"].values.tolist():
            of_source = windows.sel(source=source)
            if bool(of_source["original"].any()):
                continue
            values = {
                (window, bin_): float(of_source[by][window, bin_])
                for window in range(windows.sizes["window"])
                for bin_ in range(320)
                if windows["inside"][window, bin_]
            }
            window, top = max(values, key=lambda at: (values[at], -at[0], -at[1]))
            first = last = top
            while values.get((window, first - 1), -1e9) >= values[window, top] / 2:
                first -= 1
            while values.get((window, last + 1), -1e9) >= values[window, top] / 2:
                last += 1
            starts = windows["bin_start"].to_numpy()[window]
            begin = max(int(starts[first]), one.place.start)
            expected.append((*source.split("."), values[window, top], begin, int(starts[last]) + 10))
        expected.sort(key=lambda row: -row[2])
        table = absent_sources(one, by)  # type: ignore[arg-type]
        assert list(table.itertuples(index=False, name=None)) == expected
        assert list(table.columns) == ["dataset", "tr", "value", "start", "end"]
