"""What the figure shows of one module, against the module itself."""

from pathlib import Path

import numpy as np
import pytest
from bokeh.models import ColorBar

from atypeak_scale.assess.regions.module import Module, absent_sources, module
from atypeak_scale.report.module_figure import (
    FAINT,
    MOST_SCORE,
    PANELS,
    PEAK_COLUMNS,
    SCALES,
    TYPICAL,
    _shade,
    choice_of,
    empty_figure,
)
from atypeak_scale.report.page import Choice
from atypeak_scale.report.results import Results


@pytest.fixture(scope="module")
def shown(results: Results) -> tuple[Module, Choice]:
    crm = int(results.cell_line.windows(0, 50).crm[30])
    found = module(results.cell_line, str(crm), results.article, results.support)
    average = results.statistics["mean_crm"].to_numpy()
    absent = absent_sources(found, "expected")
    return found, choice_of(found, "typical", absent, average, results.cell_line.labels)


def test_choice_of__has_every_peak_in_its_track(shown: tuple[Module, Choice]) -> None:
    found, choice = shown
    peaks = choice.data["peaks"]
    assert sorted(peaks) == sorted(PEAK_COLUMNS)
    drawn = sorted(zip(peaks["left"], peaks["right"], peaks["source"], strict=True))
    names = found.peaks["dataset"] + "." + found.peaks["tr"]
    expected = sorted(
        zip(
            found.peaks["start"],
            found.peaks["end"],
            [one.replace("$$", "$\u200b$") for one in names],
            strict=True,
        )
    )
    assert drawn == expected
    assert set(peaks["source"]) <= set(choice.ranges["tracks"])
    assert choice.place == (found.place.contig, found.place.start, found.place.end, found.place.crm)
    start, end = choice.ranges["place"]
    assert start <= found.place.start and end >= found.place.end
    assert f"CRM {found.place.crm}: {len(found.peaks)} peaks" in choice.note


def test_choice_of__shows_what_is_expected_and_absent(shown: tuple[Module, Choice]) -> None:
    _, choice = shown
    expected = choice.data["expected"]
    assert all(value >= FAINT for value in expected["value"])
    assert not set(expected["source"]) & set(choice.data["peaks"]["source"])


def test_choice_of__panels_hold_means_along_the_module(
    shown: tuple[Module, Choice], results: Results
) -> None:
    found, choice = shown
    inside = found.windows["inside"].to_numpy()
    sources = [".".join(source) for source in results.cell_line.sources]
    for name in ("original", "rebuilt"):
        values = found.windows[name].to_numpy()[inside].mean(axis=0)
        cells = choice.data[name]
        for row, column, value in zip(cells["row"], cells["column"], cells["value"], strict=True):
            at = sources.index(f"{row}.{column}".replace("\u200b", ""))
            assert value == pytest.approx(values[at], abs=1e-4)
        assert all(0 <= shade <= 1 for shade in cells["shade"])
    finals = found.peaks.groupby(["dataset", "tr"])["final"].mean()
    cells = choice.data["score"]
    assert len(cells["value"]) == len(finals)
    for row, column, value in zip(cells["row"], cells["column"], cells["value"], strict=True):
        assert value == pytest.approx(finals[row, column.replace("\u200b", "")], abs=1e-3)


def test_choice_of__colours_say_who_is_believed(shown: tuple[Module, Choice]) -> None:
    found, choice = shown
    doubt = dict(zip(zip(found.peaks["start"], found.peaks["dataset"] + "." + found.peaks["tr"], strict=True),
                     found.peaks["doubt"], strict=True))  # fmt: skip
    peaks = choice.data["peaks"]
    for left, source, colour, text in zip(
        peaks["left"], peaks["source"], peaks["colour"], peaks["doubt"], strict=True
    ):
        value = doubt[left, source.replace("\u200b", "")]
        expected = "#8b8f96" if np.isnan(value) else "#e0772a" if value > 0.5 else "#3f86d6"
        assert colour == expected
        assert text == ("not judged" if np.isnan(value) else f"{value:.3f}")


def test_empty_figure__has_a_source_for_all_data_of_a_choice(shown: tuple[Module, Choice]) -> None:
    _, choice = shown
    drawn = empty_figure(True, ("dataset", "tr"))
    for name in (*choice.data, *choice.ranges):
        assert drawn.select_one({"name": name}) is not None, name
    assert {"peaks", "expected", *PANELS} == set(choice.data)
    only_tracks = empty_figure(False, ("dataset", "tr"))
    assert only_tracks.select_one({"name": "original"}) is None


def test_panel__its_scale_says_what_the_colours_mean() -> None:
    drawn = empty_figure(True, ("dataset", "tr"))
    panels = drawn.children[1].children
    scales = [one for panel in panels for one in panel.below if isinstance(one, ColorBar)]
    said = [{tick: scale.major_label_overrides[tick] for tick in scale.ticker.ticks} for scale in scales]
    assert said == [SCALES[name] for name in PANELS]
    values = np.array([0, 0.2, 0.8])
    for name in ("original", "rebuilt", "average"):
        assert _shade(name, values, 0.8) == pytest.approx([at for at, _ in sorted(SCALES[name].items())])
    assert _shade("score", np.array([0.0, TYPICAL, MOST_SCORE]), 1) == pytest.approx(sorted(SCALES["score"]))


def test_choice_of__without_the_article_has_no_panels(results: Results, tmp_path: Path) -> None:
    crm = int(results.cell_line.windows(0, 50).crm[30])
    found = module(results.cell_line, str(crm), None, results.support)
    choice = choice_of(
        found, "", absent_sources(found, "expected"), np.zeros((4, 4)), results.cell_line.labels
    )
    assert set(choice.data) == {"peaks", "expected"}
    assert set(choice.ranges) == {"place", "tracks"}
