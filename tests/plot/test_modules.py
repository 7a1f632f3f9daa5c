"""Panels and tracks of a module against the module."""

from dataclasses import replace

import numpy as np
import pytest
from plot.drawn import image, labels

from atypeak_scale.assess.regions.module import Module
from atypeak_scale.assess.regions.tracks import tracks as tracks_of
from atypeak_scale.errors import InputError
from atypeak_scale.plot.canvas import axes_for
from atypeak_scale.plot.colours import shade
from atypeak_scale.plot.modules import PANELS, along, module, module_panels, shown_sources, tracks


@pytest.mark.parametrize("what", PANELS)
def test_module__every_cell_at_its_place(found: Module, what: str) -> None:
    ax = module(found, what)
    left, right, *_ = ax.images[0].get_extent()
    values = image(ax)
    assert values.shape == (len(labels(ax)), (right - left) // 10)
    windows = found.windows
    for row, source in enumerate(labels(ax)):
        for window in range(windows.sizes["window"]):
            starts, inside = windows["bin_start"].values[window], windows["inside"].values[window]
            columns = ((starts[inside] - left) // 10).astype(int)
            expected = windows[what].sel(source=source).values[window, inside].astype(float)
            # Windows of the end of a CRM may share a bin with the one before.
            same = np.isclose(values[row, columns], expected, equal_nan=True)
            assert same.sum() >= len(same) - 1
    assert abs(left - found.place.start) < 10
    assert right == found.place.end
    assert ax.get_xlabel() == f"{found.place.contig}, bp"


def test_module__rows_are_of_sources_that_matter(found: Module) -> None:
    bare = replace(found, windows=found.windows[["original"]])
    present = found.windows["original"].any(["window", "bin"]).values
    assert shown_sources(bare).tolist() == np.flatnonzero(present).tolist()
    more = shown_sources(found)
    assert set(np.flatnonzero(present)) <= set(more)
    for source in set(range(len(present))) - set(more.tolist()):
        assert float(found.windows["expected"][:, :, source].max()) < 0.1
        assert float(found.windows["rebuilt"][:, :, source].max()) < 0.1


def test_along__nothing_where_no_window_is(found: Module) -> None:
    gap = replace(found, windows=found.windows.assign_coords(
        bin_start=found.windows["bin_start"] + 6400 * found.windows["window"].astype(int) % 2
    ))  # fmt: skip
    values, start, end = along(gap, "original")
    assert len(values) == (end - start) // 10
    first = found.windows["original"].values[0][found.windows["inside"].values[0]]
    np.testing.assert_array_equal(along(found, "original")[0][: len(first)], first)


def test_panels__all_that_there_are(found: Module) -> None:
    figure = module_panels(found)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(",")[0] for title in titles] == [title for title, *_ in PANELS.values()]
    assert found.place.text in figure.get_suptitle()
    bare = module_panels(replace(found, windows=found.windows[["original", "expected"]], is_whole=False))
    assert len(bare.axes) == 2
    assert bare.get_suptitle().endswith(f", the first {found.windows.sizes['window']} windows")


def test_module__no_such_view(found: Module) -> None:
    with pytest.raises(InputError, match="has no view 'phantoms'; the nearest known are phantom"):
        module(found, "phantoms")
    with pytest.raises(InputError, match="has no view 'rebuilt'; known are original"):
        module(replace(found, windows=found.windows[["original"]]), "rebuilt")


@pytest.mark.parametrize("score", [None, "support", "final"])
def test_tracks__every_peak_in_its_row(found: Module, score: str | None) -> None:
    ax = tracks(found, score, axes_for(None))
    named, listed = tracks_of(found, score)
    assert labels(ax) == [track.source for track in listed]
    drawn = []
    for bars in ax.collections:
        (path,) = bars.get_paths()
        (colour,) = bars.get_facecolor()
        (left, low), (right, high) = path.vertices.min(axis=0), path.vertices.max(axis=0)
        code = "#" + "".join(f"{round(255 * part):02x}" for part in colour[:3])
        drawn.append((round((low + high) / 2), left, right, code))
    expected = [
        (row, peak.start, peak.end, shade(peak.trust))
        for row, track in enumerate(listed)
        for peak in track.peaks
    ]
    assert drawn == expected
    bottom, top = ax.get_ylim()
    assert bottom > top  # the least trusted is on top
    assert f"{named.name}: orange is doubtful" in ax.texts[-1].get_text()
