"""The Monte Carlo sample of windows (method, section 5.5)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.config import NormalizationSettings
from atypeak_scale.store.cell_line import CellLine

IntArray = npt.NDArray[np.int64]


def sample_windows(total: int, settings: NormalizationSettings) -> IntArray:
    """Draw the windows of the sample, without replacement, in store order."""
    wanted = settings.sample
    if wanted == "all":
        return np.arange(total)
    size = max(1, round(wanted * total)) if isinstance(wanted, float) else min(wanted, total)
    return np.sort(np.random.default_rng(settings.seed).choice(total, size, replace=False))


@dataclass(frozen=True)
class SampleBlock:
    """Sampled windows of one chunk; `windows` are sorted and counted from `start`."""

    start: int
    windows: IntArray

    def occupancy(self, cell_line: CellLine) -> npt.NDArray[np.bool_]:
        """Read the sampled windows: bool (windows, bins, sources)."""
        chunk = cell_line.occupancy(self.start, self.start + int(self.windows[-1]) + 1)
        sampled: npt.NDArray[np.bool_] = chunk[self.windows]
        return sampled


def sample_blocks(cell_line: CellLine, windows: IntArray) -> list[SampleBlock]:
    """Split sorted windows by the chunks of occupancy that hold them."""
    blocks = []
    for start, stop in cell_line.blocks("windows"):
        inside = slice(*np.searchsorted(windows, [start, stop]))
        if len(windows[inside]):
            blocks.append(SampleBlock(start, windows[inside] - start))
    return blocks
