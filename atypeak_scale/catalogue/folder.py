"""A catalogue as a folder: the peaks of every cell line as a Parquet file, sorted by contig and start.

catalogue.json says what was read and lists the cell lines. It is written last, so a folder without it is not
finished.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed import CONTROL, BedBlock, BedReader, Coded
from atypeak_scale.catalogue.line_files import LABELS, batches
from atypeak_scale.catalogue.names import Source, peak_name
from atypeak_scale.catalogue.streams import InputFile, identify
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.storage.locations import Location, is_url, local_path

CATALOGUE = "catalogue.json"
PEAKS = "peaks"
FORMAT = 1
ROWS_PER_GROUP = 1 << 20
MOST_PEAKS = 10**15
MOST_BYTES = 1 << 28  # of catalogue.json; that of a million cell lines is smaller
# As `assemble` names files: a catalogue may come from a stranger, and must not choose a path.
LINE_FILE = re.compile(PEAKS + r"/[0-9]{4,}-[A-Za-z0-9_.~%+ -]*\.parquet")
# Columns that a peak may have beside its place and labels, and what stands for a missing value.
EXTRA = {"summit": np.dtype(np.int64), "signal": np.dtype(np.float64)}


@dataclass(frozen=True)
class CatalogueLine:
    """A cell line of a catalogue: its file within the folder, and numbers of peaks and sources."""

    name: str
    file: str
    peaks: int
    sources: int


@dataclass(frozen=True)
class Catalogue:
    """A finished folder. convention: how names were spelled; inputs: what was read; rows: in these files."""

    path: Path
    convention: str
    inputs: list[InputFile]
    rows: int
    lines: list[CatalogueLine]

    def line(self, name: str) -> CatalogueLine:
        """Return a cell line; raise InputError if there is none of this name."""
        for line in self.lines:
            if line.name == name:
                return line
        hint = nearest(name, [line.name for line in self.lines])
        raise InputError(f"{self.path}: no peak of cell line {name!r}; {hint}")

    def largest_first(self, min_peaks: int = 0) -> list[CatalogueLine]:
        """Return the cell lines with so many peaks or more; raise InputError if there is none."""
        lines = sorted(self.lines, key=lambda line: (-line.peaks, line.name))
        wanted = [line for line in lines if line.peaks >= min_peaks]
        if not wanted:
            raise InputError(
                f"{self.path}: no cell line has {min_peaks:,} peaks or more; the largest is "
                f"{lines[0].name!r}, with {lines[0].peaks:,}; lower min_peaks", "min_peaks",
            )  # fmt: skip
        return wanted

    def write(self) -> None:
        """Write the file that says the folder is finished."""
        values = {"format": FORMAT, **asdict(self)}
        del values["path"]
        partial = self.path / f".{CATALOGUE}"
        partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        partial.rename(self.path / CATALOGUE)


def is_catalogue(path: Location) -> bool:
    """Return whether a path is a folder, which only a catalogue can be where peaks are asked for."""
    return not is_url(path) and local_path(path).is_dir()


def open_catalogue(path: Location) -> Catalogue:
    """Open a catalogue.

    Raises
    ------
    InputError
        If the folder is none, or is not finished.

    """
    folder = local_path(path)
    try:
        with (folder / CATALOGUE).open("rb") as file:
            values = json.loads(file.read(MOST_BYTES))
        return _catalogue(folder, values)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{path}: holds no {CATALOGUE}, so it is no finished catalogue; make it with "
            "'atypeak-scale split' or 'atypeak-scale catalogue'"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{folder / CATALOGUE}: is damaged; make the catalogue again") from None


def _catalogue(folder: Path, values: dict[str, Any]) -> Catalogue:
    """Return what catalogue.json says; raise ValueError, or what Python raises, if it cannot be true."""
    if values.pop("format") != FORMAT:
        raise ValueError
    inputs = [InputFile(**one) for one in values.pop("inputs")]
    lines = [CatalogueLine(**one) for one in values.pop("lines")]
    catalogue = Catalogue(folder, inputs=inputs, lines=lines, **values)
    names, files = {line.name for line in lines}, {line.file for line in lines}
    numbers = [catalogue.rows, *(n for line in lines for n in (line.peaks, line.sources))]
    texts = [catalogue.convention, *names]
    if (
        not lines
        or not len(lines) == len(names) == len(files)
        or not all(type(number) is int and 0 < number < MOST_PEAKS for number in numbers)
        or any(not text or text != text.strip() or CONTROL.search(text) for text in texts)
        or not all(map(LINE_FILE.fullmatch, files))
        or not all(type(file.size) is int and type(file.sha256) is str for file in inputs)
    ):
        raise ValueError
    return catalogue


def peaks_file(path: Location, cell_line: str) -> Location:
    """Return the file that holds the peaks of a cell line: of a catalogue its part, otherwise the path.

    Raises
    ------
    InputError
        If the path is a folder but no catalogue, or one without the cell line.

    """
    if not is_catalogue(path):
        return path
    catalogue = open_catalogue(path)
    return str(catalogue.path / catalogue.line(cell_line).file)


class CatalogueReader(BedReader):
    """The peaks of one cell line of a catalogue, as `BedReader` gives those of a file; its lines are rows."""

    def __init__(self, catalogue: Catalogue, cell_line: str) -> None:
        self._catalogue, self._line = catalogue, catalogue.line(cell_line)
        self._file = catalogue.path / self._line.file
        super().__init__(str(self._file), 4)

    @cached_property
    def others(self) -> dict[str, int]:
        """Peaks of the other cell lines."""
        return {other.name: other.peaks for other in self._catalogue.lines if other != self._line}

    def __iter__(self) -> Iterator[BedBlock]:
        """Yield blocks of peaks; the name column is spelled dataset.TR.cell_line."""
        row = 1
        for batch in batches(self._file, self._line.peaks):
            contig, *labels = (_coded(batch.column(name)) for name in ("contig", *LABELS))
            start, end = (batch.column(name).to_numpy() for name in ("start", "end"))
            line = np.arange(row, row + len(start))
            yield BedBlock(contig, start, end, [self._names(*labels)], line)
            row += len(start)
        self.input_file = identify(self._file)

    def _names(self, dataset: Coded, tr: Coded) -> Coded:
        pairs, codes = np.unique(
            dataset.codes.astype(np.int64) * len(tr.values) + tr.codes, return_inverse=True
        )
        sources = [
            (dataset.values[pair // len(tr.values)].decode(), tr.values[pair % len(tr.values)].decode())
            for pair in pairs.tolist()
        ]
        return Coded(
            [peak_name(source, self._line.name).encode() for source in sources], codes.astype(np.int32)
        )


def _coded(column: Any) -> Coded:
    """Return a column with those texts of its dictionary alone that some row has."""
    used, codes = np.unique(column.indices.to_numpy(), return_inverse=True)
    return Coded([text.encode() for text in column.dictionary.take(used).to_pylist()], codes.astype(np.int32))


class LineWriter:
    """Writes the sorted peaks of a cell line into its file, which appears whole, at `close`.

    Parameters
    ----------
    file : Path
        To be written.
    contigs : sequence of str
        What the contig codes mean.
    sources : sequence of (str, str)
        What the source codes mean.
    extra : sequence of str
        Names of further columns, of EXTRA.

    """

    def __init__(
        self, file: Path, contigs: Sequence[str], sources: Sequence[Source], extra: Sequence[str] = ()
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet

        text = pa.dictionary(pa.int32(), pa.string())
        self._schema = pa.schema(
            [("contig", text), ("start", pa.int64()), ("end", pa.int64()), *((name, text) for name in LABELS),
             *((name, pa.from_numpy_dtype(EXTRA[name])) for name in extra)]
        )  # fmt: skip
        self._labels = [sorted({source[view] for source in sources}) for view in (0, 1)]
        self._label_of_source = [
            np.array([code[source[view]] for source in sources], np.int32)
            for view, code in enumerate({label: n for n, label in enumerate(of)} for of in self._labels)
        ]
        self._contigs, self._extra = list(contigs), list(extra)
        self._file, self._partial = file, file.with_name(f".{file.name}")
        self._writer = pyarrow.parquet.ParquetWriter(
            self._partial, self._schema, compression="zstd", compression_level=1,
            use_dictionary=["contig", *LABELS],
            column_encoding={"start": "DELTA_BINARY_PACKED", "end": "DELTA_BINARY_PACKED"},
        )  # fmt: skip
        self._waiting: list[npt.NDArray[np.void]] = []
        self.rows = 0

    def append(self, records: npt.NDArray[np.void]) -> None:
        """Append sorted records with the fields contig, start, end, source, and the further columns."""
        self._waiting.append(records)
        if sum(map(len, self._waiting)) >= ROWS_PER_GROUP:
            waiting = np.concatenate(self._waiting)
            whole = len(waiting) // ROWS_PER_GROUP * ROWS_PER_GROUP
            for start in range(0, whole, ROWS_PER_GROUP):
                self._write(waiting[start : start + ROWS_PER_GROUP])
            self._waiting = [waiting[whole:]]

    def close(self) -> None:
        """Write what is left, and give the file its name."""
        rest = np.concatenate(self._waiting) if self._waiting else None
        if rest is not None and len(rest):
            self._write(rest)
        self._writer.close()
        self._partial.rename(self._file)

    def _write(self, records: npt.NDArray[np.void]) -> None:
        import pyarrow as pa

        def coded(codes: npt.NDArray[np.int32], values: list[str]) -> Any:
            return pa.DictionaryArray.from_arrays(codes, pa.array(values, pa.string()))

        source = records["source"]
        views = zip(self._label_of_source, self._labels, strict=True)
        columns = [
            coded(records["contig"].astype(np.int32), self._contigs),
            pa.array(records["start"]), pa.array(records["end"]),
            *(coded(of_source[source], labels) for of_source, labels in views),
            *(pa.array(records[name]) for name in self._extra),
        ]  # fmt: skip
        self._writer.write_table(
            pa.Table.from_arrays(columns, schema=self._schema), row_group_size=ROWS_PER_GROUP
        )
        self.rows += len(records)
