import numpy as np
import pytest
from scoring.support_fixtures import ROWS

from atypeak_scale.errors import DamagedError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.ranking import auroc
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.corroboration import asked_of_rows
from atypeak_scale.scoring.support.judging import judge
from atypeak_scale.store.cell_line import Block


def test_support__of_a_peak_is_the_mean_of_its_rows(support: Scores) -> None:
    cell_line = support.cell_line
    rows = cell_line.rows(0, cell_line.row_count)
    of_rows = {
        v.NETWORK: support.read(v.ROW_NETWORK),
        v.REGRESSION: support.placements.read(v.ROW_REGRESSION),
    }
    assert np.bincount(rows.peak).max() > 1
    for variable, values in of_rows.items():
        expected = [values[rows.peak == peak].mean() for peak in range(cell_line.peak_count)]
        assert np.allclose(support.read(variable), expected, atol=1e-6)
    assert np.allclose(support.read(v.SUPPORT), support.read(v.NETWORK) + support.read(v.REGRESSION))


def test_overlapping__counts_the_sources_that_share_a_bin(support: Scores) -> None:
    cell_line = support.cell_line
    asked = asked_of_rows(cell_line, Block(0, cell_line.row_count))
    rows = cell_line.rows(0, cell_line.row_count)
    expected = np.zeros(cell_line.peak_count, int)
    for row in range(cell_line.row_count):
        window = int(asked.window[row])
        bins = cell_line.occupancy(window, window + 1)[0, asked.first[row] : asked.last[row] + 1]
        count = int(np.delete(bins, asked.source[row], axis=1).any(axis=0).sum())
        expected[rows.peak[row]] = max(expected[rows.peak[row]], count)
    assert support.read(v.OVERLAPPING).tolist() == expected.tolist()
    assert expected.max() > 0


def test_p__is_the_share_of_placements_with_as_much_support(support: Scores) -> None:
    source = support.cell_line.peaks(0, support.cell_line.peak_count).source
    found, p = support.read(v.SUPPORT), support.read(v.P_RANDOM)
    placed = support.read(v.PLACED_NETWORK) + support.placements.read(v.PLACED_REGRESSION)
    placed_source = support.placements.read(v.PLACED_SOURCE)
    for peak in range(0, len(found), 3):
        mine = placed[placed_source == source[peak]]
        assert p[peak] == pytest.approx((1 + (mine >= found[peak]).sum()) / (1 + len(mine)), abs=1e-6)


def test_figures__of_every_source(support: Scores) -> None:
    source = support.cell_line.peaks(0, support.cell_line.peak_count).source
    found, p = support.read(v.SUPPORT), support.read(v.P_RANDOM).astype(np.float64)
    placed = support.read(v.PLACED_NETWORK) + support.placements.read(v.PLACED_REGRESSION)
    placed_source = support.placements.read(v.PLACED_SOURCE)
    for one in range(support.cell_line.shape.sources):
        mine, theirs = found[source == one], placed[placed_source == one]
        assert support.read(v.SOURCE_PEAKS)[one] == len(mine)
        assert support.read(v.POWER)[one] == pytest.approx(auroc(mine, theirs))
        assert support.read(v.POWER_LOW)[one] <= support.read(v.POWER)[one] <= support.read(v.POWER_HIGH)[one]
        share = min(1, (p[source == one] > 0.5).sum() / (0.5 * len(mine)))
        assert support.read(v.SHARE_RANDOM)[one] == pytest.approx(share)
        assert np.array_equal(support.read(v.PLACED_SUPPORT)[one], np.sort(theirs))


def test_sources_of_few_peaks_get_no_doubt_and_the_reason(support: Scores) -> None:
    peaks, verdict = support.read(v.SOURCE_PEAKS), support.read(v.VERDICT)
    assert peaks.max() < 100
    assert verdict.tolist() == ["few peaks"] * len(peaks)
    assert np.isnan(support.read(v.DOUBT)).all()
    assert np.isnan(support.read(v.Q_RANDOM)).all()
    assert not np.isnan(support.read(v.P_RANDOM)).any()


def test_compare__says_which_placements_are_lost(support: Scores) -> None:
    """A lost chunk reads as zeros, which is a source."""
    support.placements.write(v.PLACED_SOURCE, ROWS, np.zeros(ROWS, np.int32))
    with pytest.raises(DamagedError, match="placed_source is lost; remove this group"):
        judge(support, InProcess())
