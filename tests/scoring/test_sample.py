"""The windows of the sample: how many, which, and in which chunks they lie."""

import numpy as np
import pytest
from conftest import WINDOWS_PER_CHUNK

from atypeak_scale.config import NormalizationSettings
from atypeak_scale.scoring.sample import sample_blocks, sample_windows
from atypeak_scale.scoring.scores import Scores


@pytest.mark.parametrize(
    "sample, size", [("all", 1000), (10, 10), (5000, 1000), (0.25, 250), (0.0001, 1), (1, 1)]
)
def test_sample__size_and_seed(sample: object, size: int) -> None:
    settings = NormalizationSettings.model_validate({"sample": sample, "seed": 3})
    windows = sample_windows(1000, settings)
    assert len(windows) == len(set(windows.tolist())) == size
    assert (np.diff(windows) > 0).all()
    assert np.array_equal(windows, sample_windows(1000, settings))
    other = settings.model_copy(update={"seed": 4})
    assert size in (1, 1000) or not np.array_equal(windows, sample_windows(1000, other))


def test_sample_blocks__read_the_windows_that_were_drawn(scores: Scores) -> None:
    cell_line = scores.cell_line
    whole = cell_line.occupancy(0, cell_line.shape.windows)
    size = WINDOWS_PER_CHUNK
    windows = np.array([0, 3, size - 1, size, 2 * size - 1, cell_line.shape.windows - 1])
    blocks = sample_blocks(cell_line, windows)
    assert [block.start for block in blocks] == [0, size, (windows[-1] // size) * size]
    drawn = np.concatenate([block.start + block.windows for block in blocks])
    np.testing.assert_array_equal(drawn, windows)
    read = np.concatenate([block.occupancy(cell_line) for block in blocks])
    np.testing.assert_array_equal(read, whole[windows])


def test_sample_blocks__of_no_window_are_none(scores: Scores) -> None:
    assert sample_blocks(scores.cell_line, np.arange(0)) == []
