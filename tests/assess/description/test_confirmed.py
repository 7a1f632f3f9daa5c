"""Peaks that another dataset of the same TR has too, against every pair of peaks."""

import numpy as np
import pytest

from atypeak_scale.assess.description.confirmed import confirmed
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.scoring.scores import Scores


@pytest.mark.parametrize("catalogue", [0, 1], indirect=True)
def test_confirmed__counts_each_peak_that_shares_a_bp(random_scored: Scores) -> None:
    cell_line = random_scored.cell_line
    found = confirmed(cell_line)
    peaks = cell_line.peaks(0, cell_line.peak_count)
    label = cell_line.cells[:, 1]
    touch = (
        (peaks.contig[:, None] == peaks.contig)
        & (peaks.start_bp[:, None] < peaks.end_bp)
        & (peaks.end_bp[:, None] > peaks.start_bp)
    )
    of_others = (label[peaks.source][:, None] == label[peaks.source]) & (
        peaks.source[:, None] != peaks.source
    )
    is_confirmed = (touch & of_others).any(axis=1)
    for source in range(cell_line.shape.sources):
        mine = peaks.source == source
        assert found.peaks[source] == mine.sum()
        assert found.confirmed[source] == is_confirmed[mine].sum()
        assert found.others[source] == (label == label[source]).sum() - 1
    alone = found.others == 0
    assert alone.any() and not alone.all()
    np.testing.assert_array_equal(np.isnan(found.share), alone)


def test_confirmed__is_the_same_on_two_workers(random_scored: Scores, two_workers: DaskExecutor) -> None:
    here = confirmed(random_scored.cell_line)
    there = confirmed(random_scored.cell_line, two_workers)
    np.testing.assert_array_equal(here.confirmed, there.confirmed)
