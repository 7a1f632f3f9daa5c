"""Write complete scores as files for other programs; each format is a module, listed in `FORMATS`.

Peaks come one block of the store at a time, in C order of their contig, then by start. Memory holds at most
one block, and one float32 for every peak for the percentiles.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from atypeak_scale.config import Objective
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.provenance import MADE_FROM, new_output, refuse_existing_output
from atypeak_scale.registry.dictionary import DICTIONARY
from atypeak_scale.registry.table import Column
from atypeak_scale.scoring.export.bed import (
    FINAL_BED_FILE,
    RAW_BED_FILE,
    BedTrackWriter,
    BedWriter,
    bed_scores,
)
from atypeak_scale.scoring.export.bigbed import BIGBED_FILE, BigBedWriter
from atypeak_scale.scoring.export.browser import BrowserWriter, Drawn, drawn_by
from atypeak_scale.scoring.export.hub import HubWriter
from atypeak_scale.scoring.export.igv import IGV_FILE, IgvWriter
from atypeak_scale.scoring.export.indexed_bed import IndexedBedWriter, IndexedSupportBedWriter
from atypeak_scale.scoring.export.mean_score import (
    BEDGRAPH_FILE,
    BIGWIG_FILE,
    BedGraphWriter,
    BigWigWriter,
)
from atypeak_scale.scoring.export.parquet import PEAKS_FILE, ParquetWriter
from atypeak_scale.scoring.export.support import (
    SOURCES_FILE,
    SUPPORT_BED_FILE,
    SourcesWriter,
    SupportBedWriter,
    SupportTrackWriter,
)
from atypeak_scale.scoring.export.tsv import LABELS_FILE, WEIGHTS_FILE, TsvWriter
from atypeak_scale.scoring.named_scores import by_objective
from atypeak_scale.scoring.peak_table import Columns, PeakTable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.tables import COLUMNS_FILE, write_dictionary

__all__ = [
    "BEDGRAPH_FILE",
    "BIGBED_FILE",
    "BIGWIG_FILE",
    "DEFAULT_FORMATS",
    "FINAL_BED_FILE",
    "FORMATS",
    "IGV_FILE",
    "LABELS_FILE",
    "PEAKS_FILE",
    "RAW_BED_FILE",
    "SOURCES_FILE",
    "SUPPORT_BED_FILE",
    "WEIGHTS_FILE",
    "Exported",
    "Writer",
    "bed_scores",
    "export",
    "new_export",
]


class Writer(Protocol):
    """Writes one format. `files`: the names of its files, each with a description; `columns`: those of each.

    A writer is created with the scores, their table of peaks and the local folder for its files.
    """

    files: ClassVar[Mapping[str, str]]

    def __init__(self, scores: Scores, table: PeakTable, folder: Path) -> None: ...

    @property
    def columns(self) -> Mapping[str, Sequence[Column]]:
        """The columns of each of the files that has some."""

    def write(self, peaks: Columns) -> None:
        """Take the next block of peaks: the columns that the table names."""

    def close(self) -> None:
        """Close the files, whether they are complete or not."""


# By objective: what writes a format. If both objectives have the same writer, it writes one file of both.
FORMATS: dict[str, Mapping[Objective, type[Writer] | type[BrowserWriter]]] = {
    "bed": {"article": BedWriter, "support": SupportBedWriter},
    "bed.gz": {"article": IndexedBedWriter, "support": IndexedSupportBedWriter},
    "track": {"article": BedTrackWriter, "support": SupportTrackWriter},
    "parquet": {"article": ParquetWriter, "support": ParquetWriter},
    "tsv": {"article": TsvWriter, "support": SourcesWriter},
    "bigbed": {"article": BigBedWriter, "support": BigBedWriter},
    "hub": {"article": HubWriter, "support": HubWriter},
    "igv": {"article": IgvWriter, "support": IgvWriter},
    "bigwig": {"article": BigWigWriter, "support": BigWigWriter},
    "bedgraph": {"article": BedGraphWriter, "support": BedGraphWriter},
}
WITH = {"hub": ("bigbed", "bigwig"), "igv": ("bigbed", "bigwig")}  # formats whose files another one names
DEFAULT_FORMATS = ("bed", "parquet", "tsv")


@dataclass(frozen=True)
class Exported:
    """What an export wrote: folder, number of peaks, formats, and objectives of the scores."""

    folder: Location
    peaks: int = 0
    formats: tuple[str, ...] = DEFAULT_FORMATS
    objectives: tuple[Objective, ...] = ("article",)

    def names(self) -> set[str]:
        """Return the names of all files in the folder."""
        return {MADE_FROM, *self._described()}

    def files(self) -> list[tuple[Location, str]]:
        """Return each file of the scores with its description."""
        return [(join(self.folder, name), what) for name, what in self._described().items()]

    def _described(self) -> dict[str, str]:
        written = {
            name: what
            for one in self.formats
            for objective in self.objectives
            if objective in FORMATS[one]
            for name, what in FORMATS[one][objective].files.items()
        }
        return {**written, COLUMNS_FILE: DICTIONARY.description}


def export(
    scores: Scores | Sequence[Scores],
    out: Location,
    formats: Sequence[str] = DEFAULT_FORMATS,
    chrom_sizes: Location | None = None,
    score: str | None = None,
    executor: Executor | None = None,
) -> Exported:
    """Write every scored peak, and the figures of sources, to the new folder `out`, whole or not at all.

    Parameters
    ----------
    scores
        Complete scores: of the article, support, or one of each, whose columns then share one table.
    out
        New folder or URL. It also receives `made-from.json`: input, model, settings and versions.
    formats
        Some of `FORMATS`: "bed" is a BED6 file for each score; "bed.gz" is the same with bgzip, indexed for
        tabix; "track" is the same with a track line, for the
        UCSC browser; "parquet" is a table of every peak with everything known about it; "tsv" gives the
        figures of each source and label. For genome browsers: "bigbed" is every peak, coloured by score;
        "bigwig" and "bedgraph" are the mean score at each bp; "hub" makes the folder a UCSC track hub, and
        "igv" adds a session of IGV, both with the bigBed and bigWig files.
    chrom_sizes
        For "bigbed", "bigwig", "hub" and "igv": hg38, hg19, mm10, mm39, or a file with the size of each
        contig in bp.
    score
        What files for genome browsers show: "trust", 1000 (1 - doubt), the default if there is support; or
        "final".
    executor
        Its `progress` receives the progress of the export, which runs in this process; None reports nothing.

    Returns
    -------
    Exported
        The folder, the number of peaks, the formats and the objectives.

    Raises
    ------
    InputError
        If `out` exists, a format is unknown, "bed" and "track" are both named, or two scores have the same
        objective; or if a peak lies outside the contigs of `chrom_sizes`.
    StageMissingError
        If the scores are not complete.

    Examples
    --------
    >>> export(scores, "hela-scores", formats=("parquet",))

    """
    chosen = _known(formats)
    refuse_existing_output(out)
    together = by_objective(scores)
    for one in together.values():
        one.require_complete()
    executor = executor or InProcess()
    cell_line = next(iter(together.values())).cell_line
    drawn = drawn_by(_browser_writers(chosen, together), together, chrom_sizes, score)
    told = drawn.provenance() if drawn else {}
    with new_export(out, list(together.values()), **told) as folder, ExitStack() as open_files:
        table = PeakTable(cell_line, *(one.group() for one in together.values()))
        writers = _opened(chosen, together, table, folder, drawn)
        for writer in writers:
            open_files.enter_context(closing(writer))
        for block in table.blocks():
            peaks = table.read(block)
            for writer in writers:
                writer.write(peaks)
            executor.tell("export", block.stop, cell_line.peak_count)
        columns = {file: these for writer in writers for file, these in writer.columns.items()}
        write_dictionary(columns, folder)
    return Exported(join(out), cell_line.peak_count, chosen, tuple(together))


def _of_writers(
    chosen: Sequence[str], together: Mapping[Objective, Scores]
) -> dict[type[Writer] | type[BrowserWriter], Scores]:
    """Return each writer of the formats, once, with its scores."""
    return {
        FORMATS[name][objective]: one
        for name in chosen
        for objective, one in together.items()
        if objective in FORMATS[name]
    }


def _browser_writers(
    chosen: Sequence[str], together: Mapping[Objective, Scores]
) -> dict[str, type[BrowserWriter]]:
    """Return, by format, the writers that draw."""
    return {
        name: writer
        for name in chosen
        for writer in _of_writers([name], together)
        if issubclass(writer, BrowserWriter)
    }


def _opened(
    chosen: Sequence[str],
    together: Mapping[Objective, Scores],
    table: PeakTable,
    folder: Path,
    drawn: Drawn | None,
) -> list[Writer]:
    """Create the writers of the formats."""
    writers: list[Writer] = []
    for writer, one in _of_writers(chosen, together).items():
        if issubclass(writer, BrowserWriter):
            assert drawn is not None
            writers.append(writer(one, table, folder, drawn))
        else:
            writers.append(writer(one, table, folder))
    return writers


@contextmanager
def new_export(out: Location, scores: Sequence[Scores], **further: Any) -> Iterator[Path]:
    """Yield a local folder to fill with what follows from scores, as `new_output` does.

    Raises
    ------
    InputError
        If `out` exists, or the scores were normalized anew in the meantime: the files would mix both.

    """
    before = export_provenance(scores)
    with new_output(out, {**before, **further}) as folder:
        yield folder
        if export_provenance(scores) != before:
            raise InputError(
                f"{scores[0].location}: its scores changed while they were read; run the command again"
            )


def export_provenance(scores: Sequence[Scores]) -> dict[str, Any]:
    """Return what an export of these scores is made from; that of support stands beside the article's."""
    first, *others = scores
    return {**first.provenance(), **{one.objective: one.provenance()["scores"] for one in others}}


def _known(formats: Sequence[str]) -> tuple[str, ...]:
    """Return the formats, each once, with those that they need beside them.

    Raises
    ------
    InputError
        If a format is unknown, there is none, or two write the same files.

    """
    chosen = tuple(dict.fromkeys([formats] if isinstance(formats, str) else formats))
    for name in chosen:
        if name not in FORMATS:
            raise InputError(f"no format {name!r}; {nearest(name, FORMATS)}", "formats")
    if {"bed", "track"} <= set(chosen):
        raise InputError("formats bed and track write the same files; name one of them", "formats")
    if not chosen:
        raise InputError(f"no format was named; {nearest('', FORMATS)}", "formats")
    return tuple(dict.fromkeys(one for name in chosen for one in (name, *WITH.get(name, ()))))
