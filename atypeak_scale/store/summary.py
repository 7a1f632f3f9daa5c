"""What a store holds, in numbers that a person reads."""

from typing import Any

import numpy as np

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.registry.variables import OCCUPANCY
from atypeak_scale.store.arrays import array_of
from atypeak_scale.store.cell_line import CellLine


def summarize(cell_line: CellLine) -> dict[str, Any]:
    """Return the facts of a cell line; reads one chunk at a time."""
    view0, view1 = cell_line.views
    occupancy = array_of(cell_line.group(), OCCUPANCY.name)
    windows, bins, sources = cell_line.shape
    per_source = np.zeros(sources, np.int64)
    for block in cell_line.blocks("peaks"):
        per_source += np.bincount(cell_line.peaks(*block).source, minlength=sources)
    names = map(source_name, cell_line.sources)
    return {
        "cell_line": cell_line.name,
        "windows": windows,
        "windows_in_crms": cell_line.attributes["windows_in_crms"],
        "peaks": cell_line.peak_count,
        "peaks_outside_windows": cell_line.attributes["peaks_outside_windows"],
        "rows": cell_line.row_count,
        f"{view0}s": len(cell_line.labels[0]),
        f"{view1}s": len(cell_line.labels[1]),
        "sources": sources,
        "bins": bins,
        "bp_per_bin": cell_line.frame[1],
        "occupancy_bytes": occupancy.size,
        "occupancy_bytes_stored": occupancy.nbytes_stored(),
        "peaks_of_source": dict(zip(names, per_source.tolist(), strict=True)),
        "inputs": {what: cell_line.made_from[what] for what in ("peaks", "crms")},
        "versions": cell_line.attributes["versions"],
    }
