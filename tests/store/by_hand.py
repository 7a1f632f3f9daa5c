"""The contents of a store from its input files, base pair by base pair, and what tests ask of files."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import xarray as xr

FRAME, BIN = 3200, 10
Window = tuple[str, int, int]


def brute_force(peaks: Path, crms: Path) -> dict[Window, dict[str, set[int]]]:
    """Return window -> source -> occupied bins, straight from the method, section 2."""
    windows = []
    for line in crms.read_text().splitlines():
        contig, start, end = line.split("\t")[:3]
        windows += [
            (contig, left, min(left + FRAME, int(end))) for left in range(int(start), int(end), FRAME)
        ]
    found: dict[Window, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for line in peaks.read_text().splitlines()[1:]:
        contig, start, end, name = line.split("\t")[:4]
        for window in windows:
            if window[0] != contig:
                continue
            for position in range(max(int(start), window[1]), min(int(end), window[2])):
                bin_ = (position - (window[2] - FRAME)) // BIN
                found[window][name.rsplit(".", 1)[0]].add(bin_)
    return found


def stored(data: xr.Dataset) -> dict[Window, dict[str, set[int]]]:
    """Return the same from a store."""
    contig = data["contig"].values[data["window_contig"].values]
    sources = [
        f"{data['dataset'].values[i]}.{data['tr'].values[j]}"
        for i, j in zip(data["source_dataset"].values, data["source_tr"].values, strict=True)
    ]
    occupancy = data["occupancy"].values
    return {
        (str(contig[w]), int(data["window_start"][w]), int(data["window_end"][w])): {
            source: set(np.flatnonzero(occupancy[w, :, s]).tolist())
            for s, source in enumerate(sources)
            if occupancy[w, :, s].any()
        }
        for w in range(data.sizes["window"])
    }


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def flip(file: Path, at: int = 0) -> None:
    """Change one byte of a file."""
    data = bytearray(file.read_bytes())
    data[at] ^= 0xFF
    file.write_bytes(bytes(data))
