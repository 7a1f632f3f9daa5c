"""Make a catalogue from a sample sheet: one row for each file of peaks, and what it holds."""

import csv
import io
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.assemble import WORK, Assembly, assemble, folder_for
from atypeak_scale.catalogue.folder import Catalogue
from atypeak_scale.catalogue.genomes import Genome, genome
from atypeak_scale.catalogue.parts import ReadReceipt, known_receipt, place_dtype, write_part, write_receipt
from atypeak_scale.catalogue.peak_files import EXTRA_OF_PEAKS, Peaks, read_peaks
from atypeak_scale.catalogue.streams import identify, place_of
from atypeak_scale.errors import InputError, quoted
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.storage.locations import Location, beside
from atypeak_scale.storage.targets import target

COLUMNS = ("file", "dataset", "tr", "cell_line")
MOST_LABEL, MOST_PATH = 200, 4000  # characters


@dataclass(frozen=True)
class Sample:
    """A row of a sample sheet; line: its number in the sheet."""

    line: int
    file: Location
    dataset: str
    tr: str
    cell_line: str


@dataclass(frozen=True)
class SampleTask:
    """A file of a sample sheet to read into a part."""

    sheet: str
    sample: Sample
    folder: Path
    number: int
    assembly: Genome | None

    @property
    def path(self) -> Location:
        """The file."""
        return self.sample.file

    @property
    def settings(self) -> Any:
        """What the part depends on, beside the content of the file."""
        assembly = self.assembly and [self.assembly.name, *self.assembly.sizes.items()]
        return [[str(one) for one in astuple(self.sample)], assembly]

    def fail(self, message: str) -> InputError:
        """Return the error that names the row of the sheet."""
        return InputError(f"{self.sheet}, line {self.sample.line}: {self.sample.file}: {message}")


def read_sheet(sheet: Path) -> list[Sample]:
    """Read a sample sheet: comma- or tab-separated, with the columns file, dataset, tr and cell_line.

    Further columns are ignored. A file is looked for beside the sheet. Labels may hold dots and blanks.

    Raises
    ------
    InputError
        If the sheet or a row of it is wrong, a file is not there, or is listed twice; the error names the
        line.

    """
    try:
        text = sheet.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise InputError(f"{sheet}: cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{sheet}: is not UTF-8 text; expected a comma-separated sample sheet") from None
    head = text.lstrip().split("\n", 1)[0]
    # Not str.splitlines, which ends lines at characters that a label may hold.
    lines_of = io.StringIO(text, newline="")
    rows = _rows(sheet, csv.reader(lines_of, delimiter="\t" if "\t" in head else ",", strict=True))
    names = [name.strip() for name in next(rows, (1, []))[1]]
    for name in COLUMNS:
        if names.count(name) != 1:
            raise InputError(
                f"{sheet}, line 1: {'two columns' if name in names else 'no column'} {name}; expected the "
                f"columns {', '.join(COLUMNS)}"
            )
    samples: list[Sample] = []
    lines: dict[str, int] = {}
    for line, row in rows:
        if any(value.strip() for value in row[len(names) :]):
            raise InputError(
                f"{sheet}, line {line}: {len(row)} values in {len(names)} columns; put quotes around a label "
                "that holds the separator"
            )
        sample = _sample(sheet, line, dict(zip(names, row, strict=False)))
        first = lines.setdefault(place_of(sample.file), sample.line)
        if first != sample.line:
            raise InputError(
                f"{sheet}, line {sample.line}: {sample.file} is on line {first}, too; remove one of them"
            )
        samples.append(sample)
    if not samples:
        raise InputError(f"{sheet}: lists no file; expected a row for each file of peaks")
    return samples


def _rows(sheet: Path, rows: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a csv.reader that hold anything, with the number of the line."""
    try:
        for row in rows:
            if any(value.strip() for value in row):
                yield rows.line_num, row
    except csv.Error as problem:
        raise InputError(f"{sheet}, line {rows.line_num}: is not comma-separated text ({problem})") from None


def _sample(sheet: Path, line: int, row: dict[str, str]) -> Sample:
    values = {name: row.get(name, "").strip() for name in COLUMNS}
    for name, value in values.items():
        if not value or (name != "file" and (len(value) > MOST_LABEL or not value.isprintable())):
            raise InputError(
                f"{sheet}, line {line}: {name} is {quoted(value)}; expected printable text of at most "
                f"{MOST_LABEL} characters"
            )
    if ".." in values["cell_line"] or values["cell_line"] != values["cell_line"].strip("."):
        raise InputError(
            f"{sheet}, line {line}: cell_line is {quoted(values['cell_line'])}; expected a name that neither "
            "begins nor ends with a dot, nor has two in a row"
        )
    if "\0" in values["file"] or len(values["file"]) > MOST_PATH:
        raise InputError(f"{sheet}, line {line}: file is {quoted(values['file'])}, which names no file")
    try:
        file = beside(sheet, values["file"])
        size = target(file).file_size()
    except (InputError, OSError) as problem:
        raise InputError(f"{sheet}, line {line}: {getattr(problem, 'strerror', None) or problem}") from None
    if size is None:
        raise InputError(f"{sheet}, line {line}: {file}: no such file; name it relative to the sheet")
    return Sample(line, file, values["dataset"], values["tr"], values["cell_line"])


def make_catalogue(
    sheet: Path, out: Location, chrom_sizes: Location | None = None, executor: Executor | None = None
) -> Catalogue:
    """Make a catalogue folder from the peak files of a sample sheet.

    A run that was stopped goes on when it is started again. Summits and signals of narrowPeak and broadPeak
    files are kept as columns.

    Parameters
    ----------
    sheet
        See `read_sheet`. Its files are narrowPeak, broadPeak or BED, plain or compressed, or bigBed.
    out
        The new folder.
    chrom_sizes
        An assembly, such as hg38, or a file of sizes: peaks on other contigs, or past their ends, are
        refused.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    Catalogue
        The cell lines, with their numbers of peaks and sources.

    Raises
    ------
    InputError
        If the sheet or a file is wrong (the error names the line of the sheet), or `out` exists.

    """
    executor = executor or InProcess()
    samples = read_sheet(sheet)
    assembly = None if chrom_sizes is None else genome(chrom_sizes)
    folder = folder_for(out)
    executor.require(0)
    work = folder / WORK
    tasks = [SampleTask(str(sheet), sample, work, number, assembly) for number, sample in enumerate(samples)]
    return assemble(folder, Assembly("sample sheet", tasks, read_sample, EXTRA_OF_PEAKS), executor)


def read_sample(task: SampleTask) -> ReadReceipt:
    """Read a file of a sheet into one part; one that was read before is not read again.

    Raises
    ------
    InputError
        If the file is no file of peaks, is empty, or does not fit the assembly.

    """
    known = known_receipt(task.folder, task.number)
    if known is not None:
        return known
    sample = task.sample
    try:
        peaks = read_peaks(sample.file)
    except InputError as problem:
        raise InputError(f"{task.sheet}, line {sample.line}: {problem}") from None
    if task.assembly is not None:
        _refuse_outside(task, peaks, task.assembly)
    records = np.empty(len(peaks.start), place_dtype(EXTRA_OF_PEAKS))
    for name in ("contig", "start", "end", *EXTRA_OF_PEAKS):
        records[name] = getattr(peaks, name)
    records["source"] = 0
    label = (sample.dataset, sample.tr, sample.cell_line)
    write_part(task.folder, (task.number, 0), records, peaks.contigs, [label])
    receipt = ReadReceipt(len(records), 1, identify(sample.file))
    write_receipt(task.folder, task.number, receipt)
    return receipt


def _refuse_outside(task: SampleTask, peaks: Peaks, assembly: Genome) -> None:
    size: npt.NDArray[np.int64] = assembly.size_of(peaks.contigs)
    outside = np.flatnonzero(peaks.end > size[peaks.contig])
    if outside.size:
        at = outside[0]
        contig, end = peaks.contigs[peaks.contig[at]], int(peaks.end[at])
        raise task.fail(
            f"peak {at + 1:,}, {contig} from {peaks.start[at]} to {end}: {assembly.past_end(contig, end)}"
        )
