"""What a store holds, in numbers that a person reads."""

from typing import Any

import numpy as np
import zarr

from atypeak_scale.score.result_groups import results as results_of
from atypeak_scale.storage.locations import Location
from atypeak_scale.store import schema


def summarize(store: Location, results: Location | None = None) -> list[dict[str, Any]]:
    """Return the facts of each cell line of a store; reads one chunk at a time.

    results: where the scores are that are told of; None is the store.

    Raises
    ------
    InputError
        Where there is no store, or it has another schema version.

    """
    names = sorted(schema.cell_lines(store))
    return [_cell_line(schema.open_cell_line(store, name), results) for name in names]


def _cell_line(group: zarr.Group, results: Location | None) -> dict[str, Any]:
    view0, view1 = schema.views_of(group)
    attributes = dict(group.attrs)
    occupancy = schema.array(group, "occupancy")
    peaks = schema.array(group, "catalogue_source").shape[0]
    rows = schema.array(group, "peak_window").shape[0]
    per_source = np.zeros(occupancy.shape[2], np.int64)
    length = schema.array(group, "catalogue_source").chunks[0]
    for start in range(0, peaks, length):
        source = schema.read_array(group, "catalogue_source", start, start + length)
        per_source += np.bincount(source, minlength=len(per_source))
    names = [".".join(labels) for labels in schema.source_labels(group)]
    made_from = attributes["made_from"]
    assert isinstance(made_from, dict)
    return {
        "cell_line": attributes["cell_line"],
        "windows": occupancy.shape[0],
        "windows_in_crms": attributes["windows_in_crms"],
        "peaks": peaks,
        "peaks_outside_windows": attributes["peaks_outside_windows"],
        "rows": rows,
        f"{view0}s": schema.array(group, view0).shape[0],
        f"{view1}s": schema.array(group, view1).shape[0],
        "sources": occupancy.shape[2],
        "bins": occupancy.shape[1],
        "bp_per_bin": attributes["bin"],
        "occupancy_bytes": occupancy.size,
        "occupancy_bytes_stored": occupancy.nbytes_stored(),
        "peaks_of_source": dict(zip(names, per_source.tolist(), strict=True)),
        "scores": {name: _progress(scores) for name, scores in results_of(group, results).items()},
        "inputs": {what: made_from[what] for what in ("peaks", "crms")},
        "versions": attributes["versions"],
    }


def _progress(scores: zarr.Group) -> str:
    return "normalized" if schema.NORMALIZATION in scores.attrs else "not normalized yet"
