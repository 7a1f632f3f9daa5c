"""The source of every peak of a file, by its name; and what names say of the peaks that are left out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed import BedBlock, BedReader
from atypeak_scale.catalogue.names import Source, source_name, split_name, split_source
from atypeak_scale.config import Selection
from atypeak_scale.errors import InputError, nearest

# Codes of peaks that are not used; those of other cell lines are OTHER, OTHER - 1, ...
NOT_SELECTED, OTHER = -1, -2
MOST_NAMES = 1_000_000  # all are held in memory, and a catalogue has some ten thousand
MOST_SOURCES = 5_000  # all are columns of every window; a cell line has at most some hundreds


class NothingSelectedError(InputError):
    """The catalogue has peaks of the cell line, but the selection leaves none of them."""


class NothingNewError(NothingSelectedError):
    """All sources that the catalogue has of the cell line are known."""


class NameTable:
    """Source codes by name column; every distinct name in the file is parsed once.

    Sources that are `known` are not selected.

    sources: code of each selected (dataset, TR); unselected: the other sources of the cell line;
    not_selected: number of their peaks.
    """

    def __init__(self, cell_line: str, selection: Selection, known: Collection[Source] = ()) -> None:
        self._cell_line, self._selection, self._known = cell_line, selection, frozenset(known)
        self._wanted = _source_filter(selection)
        self._codes: dict[bytes, int] = {}
        self._has_cell_line = False
        self.sources: dict[Source, int] = {}
        self.unselected: set[Source] = set()
        self.not_selected = 0
        self._others: dict[str, int] = {}
        self._of_others: Counter[int] = Counter()
        self._peaks: Counter[int] = Counter()  # by code of the source

    def encode(self, reader: BedReader, block: BedBlock) -> npt.NDArray[np.int64]:
        """Return the code of each peak's source: int64 (rows,); below 0 it is not used."""
        names = block.columns[0]
        for number, name in enumerate(names.values):
            if name not in self._codes:
                line = int(block.line[names.first_row(number)])
                self._codes[name] = self._code(reader, name, line)
        codes = np.array([self._codes[name] for name in names.values], np.int64)[names.codes]
        self.not_selected += int((codes == NOT_SELECTED).sum())
        for counted, some in ((self._of_others, codes[codes <= OTHER]), (self._peaks, codes[codes >= 0])):
            found, counts = np.unique(some, return_counts=True)
            counted.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
        return codes

    def _code(self, reader: BedReader, name: bytes, line: int) -> int:
        if len(self._codes) == MOST_NAMES:
            raise too_many_names(reader, line, MOST_NAMES, "dataset.TR.cell_line")
        try:
            source, cell_line = split_name(reader.text(name, line))
        except ValueError as problem:
            raise reader.fail(line, str(problem)) from None
        if cell_line != self._cell_line:
            return self._others.setdefault(cell_line, OTHER - len(self._others))
        self._has_cell_line = True
        if source in self._known or not self._wanted(source):
            self.unselected.add(source)
            return NOT_SELECTED
        code = self.sources.setdefault(source, len(self.sources))
        if code == MOST_SOURCES:
            raise reader.fail(
                line, f"over {MOST_SOURCES:,} sources, dataset.TR, of the cell line; expected the same name "
                "for all peaks of a source, without a number of the peak",
            )  # fmt: skip
        return code

    def other_cell_lines(self) -> dict[str, int]:
        """Return the number of peaks by cell line, of all other cell lines."""
        return {name: self._of_others[code] for name, code in self._others.items()}

    def require_peaks(self, reader: BedReader) -> None:
        """Raise InputError if the file has no peak of the cell line, or none that is selected."""
        if not self._has_cell_line:
            hint = nearest(self._cell_line, self._others)
            raise InputError(f"{reader.name}: no peak of cell line {self._cell_line!r}; {hint}")
        if not self.sources and self.unselected <= self._known:
            raise NothingNewError(
                f"{reader.name}: the store has all {len(self.unselected):,} sources of cell line "
                f"{self._cell_line!r} that the catalogue has"
            )
        if not self.sources:
            absent = " ".join(self.absent())
            raise NothingSelectedError(
                f"{reader.name}: the selection leaves no peak of cell line {self._cell_line!r}; "
                f"{absent or 'check its trs, datasets and sources'}"
            )
        if not self.kept():
            least = self._selection.min_source_peaks
            raise NothingSelectedError(
                f"{reader.name}: no selected source of cell line {self._cell_line!r} has {least:,} peaks or "
                f"more; the most that one has is {max(self._peaks.values()):,}; lower min_source_peaks"
            )

    def absent(self) -> list[str]:
        """Return, for each list of the selection, the labels that no peak has, and the nearest there are.

        So a misspelt name is noticed even if others of the list are found.
        """
        selection, present = self._selection, [*self.sources, *self.unselected]
        told = []
        for what, wanted, known in (
            ("TRs", (selection.trs, selection.exclude_trs), {source[1] for source in present}),
            ("datasets", (selection.datasets, selection.exclude_datasets), {source[0] for source in present}),
            ("sources", (selection.sources, selection.exclude_sources), set(map(source_name, present))),
        ):
            absent = sorted({name for names in wanted for name in names or ()} - known)
            if absent:
                hint = nearest(absent[0], known)
                of_first = f" of {absent[0]}" if len(absent) > 1 else ""
                told.append(
                    f"selected {what} without a peak in the catalogue: {', '.join(absent)};{of_first} {hint}"
                )
        return told

    def kept(self) -> list[Source]:
        """Return the sources that the whole selection leaves, sorted."""
        peaks = {source: self._peaks[code] for source, code in self.sources.items()}
        return selected_sources(peaks, self._selection)


def too_many_names(reader: BedReader, line: int, most: int, convention: str) -> InputError:
    """Return the error for the line with the name that is one too many."""
    return reader.fail(
        line, f"over {most:,} different names; expected {convention}, the same for all peaks of a source, "
        "without a number of the peak",
    )  # fmt: skip


def selected_sources(peaks: Mapping[Source, int], selection: Selection) -> list[Source]:
    """Return the sources that a selection leaves of a cell line's, sorted; peaks: number by source."""
    is_wanted = _source_filter(selection)
    wanted = [
        source for source, count in peaks.items()
        if is_wanted(source) and count >= selection.min_source_peaks
    ]  # fmt: skip
    if selection.top_trs is None:
        return sorted(wanted)
    top = _most_covered(wanted, selection.top_trs)
    return sorted(source for source in wanted if source[1] in top)


def _source_filter(selection: Selection) -> Callable[[Source], bool]:
    try:
        sources = None if selection.sources is None else {split_source(text) for text in selection.sources}
        excluded = {split_source(text) for text in selection.exclude_sources}
    except ValueError as problem:
        raise InputError(f"selection: {problem}") from None
    datasets, trs = selection.datasets, selection.trs
    no_datasets, no_trs = set(selection.exclude_datasets), set(selection.exclude_trs)
    return lambda source: (
        (datasets is None or source[0] in datasets)
        and (trs is None or source[1] in trs)
        and (sources is None or source in sources)
        and source[0] not in no_datasets
        and source[1] not in no_trs
        and source not in excluded
    )


def _most_covered(sources: Iterable[Source], count: int) -> set[str]:
    """Return the `count` TRs with the most datasets; ties go to the first name."""
    datasets: defaultdict[str, set[str]] = defaultdict(set)
    for dataset, tr in sources:
        datasets[tr].add(dataset)
    return set(sorted(datasets, key=lambda tr: (-len(datasets[tr]), tr))[:count])
