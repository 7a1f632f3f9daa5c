"""What a store holds, in numbers for people."""

from typing import Any

import numpy as np
import zarr

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.registry.variables import OCCUPANCY
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.arrays import array_of
from atypeak_scale.store.cell_line import CellLine, cell_lines
from atypeak_scale.store.result_groups import CHANCE, NORMALIZATION, all_results


def info(store: Location, results: Location | None = None) -> list[dict[str, Any]]:
    """Return the facts of each cell line of a store; read one chunk at a time.

    Parameters
    ----------
    store
        Folder or URL.
    results
        Where the scores are; None means the store.

    Returns
    -------
    list of dict
        One for each cell line: numbers of windows, peaks, sources and so on, its scores, inputs and versions.

    Raises
    ------
    InputError
        If there is no store, or it has another schema version.

    Examples
    --------
    >>> info("hela.zarr")[0]["windows"]

    """
    return [_facts(cell_line, results) for cell_line in cell_lines(store)]


def _facts(cell_line: CellLine, results: Location | None) -> dict[str, Any]:
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
        # One or the other: earlier versions kept only this number.
        "rows_of_inputs": cell_line.attributes.get("accounts"),
        "peaks_outside_windows": cell_line.attributes.get("peaks_outside_windows"),
        "rows": cell_line.row_count,
        f"{view0}s": len(cell_line.labels[0]),
        f"{view1}s": len(cell_line.labels[1]),
        "sources": sources,
        "bins": bins,
        "bp_per_bin": cell_line.frame[1],
        "occupancy_bytes": occupancy.size,
        "occupancy_bytes_stored": occupancy.nbytes_stored(),
        "peaks_of_source": dict(zip(names, per_source.tolist(), strict=True)),
        "scores": {name: _state(group) for name, group in all_results(cell_line, results).items()},
        "inputs": {what: cell_line.made_from[what] for what in ("peaks", "crms")},
        "versions": cell_line.attributes["versions"],
    }


def _state(results: zarr.Group) -> str:
    if CHANCE in results.attrs:
        return "support"
    if "placements" in results.attrs:  # what support is compared with
        return "support, not complete yet"
    return "normalized" if NORMALIZATION in results.attrs else "not normalized yet"
