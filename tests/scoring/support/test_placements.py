import numpy as np
import pytest
from scipy.stats import chisquare

from atypeak_scale.config import ChanceSettings
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.placements import NO_WINDOW, Placements, draw_placements
from atypeak_scale.store.cell_line import CellLine


@pytest.fixture
def cell_line(unjudged: Scores) -> CellLine:
    return unjudged.cell_line


def test_draw__places_are_uniform_over_the_bp_of_all_windows(cell_line: CellLine) -> None:
    drawn = draw_placements(cell_line, ChanceSettings(placements=20_000, seed=2))
    windows = cell_line.windows(0, cell_line.shape.windows)
    _, empty_bp = cell_line.empty_windows()
    length = windows.end_bp - windows.start_bp
    counts = np.bincount(drawn.window + 1, minlength=len(length) + 1)
    expected = np.append(empty_bp.sum(), length) * counts.sum() / (empty_bp.sum() + length.sum())
    assert len(empty_bp) > 0
    assert chisquare(counts, expected).pvalue > 1e-3


def test_draw__widths_are_those_of_own_peaks_cut_at_the_borders(cell_line: CellLine) -> None:
    drawn = draw_placements(cell_line, ChanceSettings(placements=500, seed=1))
    peaks = cell_line.peaks(0, cell_line.peak_count)
    frame, bin_ = cell_line.frame
    windows = cell_line.windows(0, cell_line.shape.windows)
    for source in range(cell_line.shape.sources):
        own = (peaks.end_bp - peaks.start_bp)[peaks.source == source]
        inside = (drawn.source == source) & (drawn.window != NO_WINDOW)
        bins = drawn.last[inside] - drawn.first[inside] + 1
        # A width of w bp touches at most this many bins, and fewer only at a border of the window.
        assert bins.max() <= -(-own.max() // bin_) + 1
        at = drawn.window[inside]
        first_bin = (frame - (windows.end_bp - windows.start_bp)[at]) // bin_
        is_whole = (drawn.first[inside] > first_bin) & (drawn.last[inside] < frame // bin_ - 1)
        possible = {n for w in own.tolist() for n in (-(-w // bin_), -(-w // bin_) + 1)}
        assert set(bins[is_whole].tolist()) <= possible
        assert (drawn.first[inside] >= first_bin).all()


def test_draw__is_sorted_and_knows_its_crms(cell_line: CellLine) -> None:
    settings = ChanceSettings(placements=300, seed=1)
    drawn = draw_placements(cell_line, settings)
    assert (np.diff(drawn.window) >= 0).all()
    assert np.bincount(drawn.source).tolist() == [300] * cell_line.shape.sources
    windows, (empty_crm, _) = cell_line.windows(0, cell_line.shape.windows), cell_line.empty_windows()
    inside = drawn.window != NO_WINDOW
    assert np.array_equal(drawn.crm[inside], windows.crm[drawn.window[inside]])
    assert set(drawn.crm[~inside].tolist()) <= set(empty_crm.tolist())
    again = draw_placements(cell_line, settings)
    assert all(np.array_equal(a, b) for a, b in zip(vars(drawn).values(), vars(again).values(), strict=True))
    other = draw_placements(cell_line, settings.model_copy(update={"seed": 2}))
    assert not np.array_equal(drawn.window, other.window)


def test_placements__are_found_by_their_settings(support: Scores) -> None:
    placements = support.placements
    assert placements.exists()
    assert placements.blocks()[-1].stop == placements.count == 200 * 5
    assert np.array_equal(
        placements.read(v.PLACED_WINDOW), draw_placements(support.cell_line, support.chance).window
    )
    other = Placements(support.cell_line, ChanceSettings(placements=300), support.location)
    assert not other.exists()
