"""New sources beside those that a cell line of a store has, as if all had come in one file.

The peaks that the store has are read from it, so the file that it was built from need not exist any more.
"""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from atypeak_scale.catalogue.accounts import PeakAccount
from atypeak_scale.catalogue.peaks import PEAK, PeakSpool, map_peaks, sort_stretches
from atypeak_scale.catalogue.streams import InputFile
from atypeak_scale.catalogue.stretches import Stretches
from atypeak_scale.config import Config, StoreSettings
from atypeak_scale.errors import InputError
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.overlap import PEAKS_AT_ONCE
from atypeak_scale.store.result_groups import all_results

APPENDED = "appended"  # in what a store was made from: selection and peak file of each addition
ACCOUNTS = "accounts"


def refuse_other_settings(cell_line: CellLine, config: Config, crms: InputFile) -> None:
    """Raise InputError unless the windows of a cell line are those of a configuration and a CRM file.

    It is refused as well if the line has results, which would be lost, or was not built from files.
    """
    where, made = f"{cell_line.store}: cell line {cell_line.name!r}", cell_line.made_from
    built = StoreSettings(**made["store"]).model_dump()
    for name, asked in config.store.model_dump().items():
        if built[name] != asked:
            raise InputError(
                f"{where} was built with store.{name} {built[name]}, not {asked}; append with the same"
            )
    if made["crms"] != asdict(crms):
        raise InputError(f"{where} was built from another CRM file; append with the same one")
    if ACCOUNTS not in cell_line.attributes:
        raise InputError(
            f"{where} has no accounts of the rows it was built from; build it again from its files"
        )
    if results := sorted(all_results(cell_line)):
        raise InputError(
            f"{where} has results ({', '.join(results)}), which would be lost; append to a copy of the store "
            f"without its folders {cell_line.path}/scores and {cell_line.path}/placements"
        )


def with_peaks_of(cell_line: CellLine, new: PeakSpool, folder: Path) -> PeakSpool:
    """Return the peaks of a cell line and those of other sources together, sorted, in files in `folder`.

    Everything else that the result says is said of the new peaks.
    """
    sources = sorted({*cell_line.sources, *new.sources})
    code = {source: number for number, source in enumerate(sources)}
    joined = folder / "joined"  # apart from the files of the new peaks, which are read
    joined.mkdir()
    stretches = Stretches(joined, PEAK)
    of_line = np.array([code[source] for source in cell_line.sources], np.int32)
    for block in cell_line.blocks("peaks"):
        peaks = cell_line.peaks(*block)
        records = np.zeros(block.stop - block.start, PEAK)
        records["start"], records["end"] = peaks.start_bp, peaks.end_bp
        records["source"] = of_line[peaks.source]
        for contig in np.unique(peaks.contig).tolist():
            stretches.append(cell_line.contigs[contig], records[peaks.contig == contig])
    of_new = np.array([code[source] for source in new.sources], np.int32)
    for name, file in new.contigs.items():
        mapped = map_peaks(file)
        for start in range(0, len(mapped), PEAKS_AT_ONCE):
            records = np.array(mapped[start : start + PEAKS_AT_ONCE])
            records["source"] = of_new[records["source"]]
            stretches.append(name, records)
    found = sort_stretches(stretches, joined, np.arange(len(sources), dtype=np.int32))
    return PeakSpool(
        sources, found.contigs, new.other_contigs, found.selected, found.largest, new.cell_line_peaks,
        new.rows, new.input_file,
    )  # fmt: skip


def account_with(cell_line: CellLine, new: PeakSpool, used: int) -> PeakAccount:
    """Return what became of every row of all files, if so many peaks are used in all."""
    before = PeakAccount(**cell_line.attributes[ACCOUNTS]["peaks"])
    added = new.account(used - before.used)
    names = [field.name for field in fields(PeakAccount)]
    return PeakAccount(**{name: getattr(before, name) + getattr(added, name) for name in names})


def made_with(cell_line: CellLine, config: Config, peaks: InputFile) -> dict[str, Any]:
    """Return what the cell line with new sources is made from."""
    added = {"selection": config.selection.record(), "peaks": asdict(peaks)}
    return {**cell_line.made_from, APPENDED: [*cell_line.made_from.get(APPENDED, []), added]}


def is_made_from(cell_line: CellLine, made_from: dict[str, Any]) -> bool:
    """Return whether a cell line is made from these files and settings, whatever was appended since."""
    return {name: value for name, value in cell_line.made_from.items() if name != APPENDED} == made_from
