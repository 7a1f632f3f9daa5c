"""A run without a configuration: peaks become a catalogue, CRMs are made of them, and sizes are chosen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from atypeak_scale.catalogue.bed import BedReader
from atypeak_scale.catalogue.folder import CATALOGUE, Catalogue, is_catalogue, open_catalogue
from atypeak_scale.catalogue.merging import make_crms
from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.catalogue.streams import identify, require_file
from atypeak_scale.config import Config, Objective, StoreSettings, dump_config, parse_config
from atypeak_scale.errors import AtypeakError, InputError, InterruptedStageError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.pipeline import OBJECTIVES, StageReport, run
from atypeak_scale.provenance import fingerprint
from atypeak_scale.storage.locations import Location, is_url, join, local_path
from atypeak_scale.storage.targets import target

SPLIT, CRMS, SETTINGS, LINES = "catalogue", "crms.bed", "config.yaml", "lines"
CRMS_FROM = ".crms-made-from"  # of which catalogue
CHOSEN = "# Chosen by a run without a configuration.\n"
# From a workdir and a cell line to what the boxes of its report say, see `write_report`.
Commands = Callable[[Location, str], Mapping[str, str]]
# Of the article's network (its Table S2): up to so many sources, filters, deep dimension, learning rate.
SIZES = ((10, 16, 64, 1e-3), (40, 32, 256, 1e-4), (None, 64, 1024, 5e-5))


@dataclass(frozen=True)
class Prepared:
    """What is run: the catalogue, the CRMs, and how many peaks a CRM must have; told: how it was chosen."""

    catalogue: Catalogue
    crms: Location
    min_crm_peaks: int
    told: list[str]

    def config(self, cell_line: str) -> Config:
        """Return the configuration of a cell line, with sizes that its number of sources asks for."""
        line = self.catalogue.line(cell_line)
        filters, deep, rate = next(rest for most, *rest in SIZES if most is None or line.sources <= most)
        values = {
            "cell_line": cell_line,
            "store": {"min_crm_peaks": self.min_crm_peaks},
            "model": {"filters": filters, "deep_dimension": deep},
            "training": {"learning_rate": rate},
        }
        return parse_config(values, "defaults")

    def of_line(self, cell_line: str) -> str:
        """Return a sentence about the sizes of a cell line."""
        line, config = self.catalogue.line(cell_line), self.config(cell_line)
        return (
            f"{cell_line}: {line.peaks:,} peaks of {line.sources:,} sources; the article's network has "
            f"{config.model.filters} filters and a deep dimension of {config.model.deep_dimension}, that of "
            f"support {config.support.filters} and {config.support.deep_dimension}"
        )


@dataclass(frozen=True)
class LineRun:
    """A cell line of a whole catalogue that was run: where, and its stages, or why not."""

    cell_line: str
    workdir: Location
    reports: list[StageReport]
    problem: str | None


def prepare(
    workdir: Location,
    peaks: Location | None,
    crms: Location | None = None,
    executor: Executor | None = None,
    cell_line: str | None = None,
) -> Prepared:
    """Make what is missing of a catalogue and of CRMs in a workdir.

    Parameters
    ----------
    workdir
        Folder of the run; the catalogue goes into `catalogue`, CRMs into `crms.bed`.
    peaks
        A BED file, which is split by cell line, or the folder of a catalogue.
    crms
        BED file of CRMs; None makes them of the peaks of all cell lines.
    executor
        Where the work runs; None means this process.
    cell_line
        The one that will be run; None means several.

    Raises
    ------
    InputError
        If an input is missing or wrong, the peaks have no such cell line, or the workdir holds the catalogue
        of other peaks.

    """
    executor = executor or InProcess()
    if is_url(workdir):
        raise InputError(f"{workdir}: a run without a configuration needs a local folder", "workdir")
    if crms is not None:
        require_file(crms, "crms")
    catalogue = _catalogue(workdir, peaks, executor)
    if cell_line is not None:
        catalogue.line(cell_line)  # refuses a wrong name before CRMs are made
    told = [f"peaks: {len(catalogue.lines):,} cell lines, names as {catalogue.convention}"]
    if crms is not None:
        least = _min_crm_peaks(crms)
        told.append(f"CRMs: {crms}, " + (f"those with {least} peaks or more" if least else "all of them"))
        return Prepared(catalogue, crms, least, told)
    made = _made_crms(workdir, catalogue, executor)
    told.append(f"CRMs: {made}, all peaks with {StoreSettings().frame:,} bp around them, merged")
    return Prepared(catalogue, made, 0, told)


def _catalogue(workdir: Location, peaks: Location | None, executor: Executor) -> Catalogue:
    if peaks is not None and is_catalogue(peaks):
        return open_catalogue(peaks)
    file = require_file(peaks, "peaks")
    folder = join(workdir, SPLIT)
    if not (local_path(folder) / CATALOGUE).exists():
        return split_catalogue([file], folder, executor=executor)
    known = open_catalogue(folder)
    if known.inputs != [identify(file)]:
        raise InputError(f"{folder}: is the catalogue of other peaks; remove it or name another workdir")
    return known


def _made_crms(workdir: Location, catalogue: Catalogue, executor: Executor) -> Location:
    """Return the file of CRMs in the workdir, made of this catalogue, now or before."""
    made, record = join(workdir, CRMS), local_path(join(workdir, CRMS_FROM))
    made_from = fingerprint(asdict(identify(catalogue.path / CATALOGUE)))
    if local_path(made).exists():
        if not record.exists() or record.read_text(encoding="utf-8") != made_from:
            raise InputError(
                f"{made}: was not made of these peaks; remove it, name it as crms, or name another workdir"
            )
        return made
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(made_from, encoding="utf-8")
    make_crms(str(catalogue.path), made, min_peaks=1, width=StoreSettings().frame, executor=executor)
    return made


def _min_crm_peaks(crms: Location) -> int:
    """Return the article's least number of peaks if some CRM of a file reaches it; otherwise 0, all CRMs."""
    least = StoreSettings().min_crm_peaks
    is_reached = False
    try:
        for block in BedReader(crms, 5):
            counts = np.array(block.columns[1].values, np.float64)
            if not (counts >= 1).all():  # scores of some other kind
                return 0
            is_reached |= bool((counts >= least).any())
    except (InputError, ValueError):
        return 0
    return least if is_reached else 0


def run_line(
    prepared: Prepared,
    workdir: Location,
    cell_line: str,
    objectives: Sequence[Objective] = OBJECTIVES,
    executor: Executor | None = None,
    commands: Commands | None = None,
) -> list[StageReport]:
    """Run a cell line as `run` does, and leave its configuration in `config.yaml` of the workdir."""
    config = prepared.config(cell_line)
    folder = local_path(workdir)
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / SETTINGS
    if settings.exists() and not settings.read_text(encoding="utf-8", errors="replace").startswith(CHOSEN):
        raise InputError(f"{settings}: is a configuration of yours; run with it, or name another workdir")
    with target(settings).replacing_file() as file:
        file.write_text(CHOSEN + dump_config(config), encoding="utf-8")
    of_report = None if commands is None else commands(workdir, cell_line)
    return run(config, workdir, str(prepared.catalogue.path), prepared.crms, objectives, executor, of_report)


def run_all(
    prepared: Prepared,
    workdir: Location,
    min_peaks: int = 0,
    objectives: Sequence[Objective] = OBJECTIVES,
    executor: Executor | None = None,
    commands: Commands | None = None,
) -> Iterator[LineRun]:
    """Run every cell line that has enough peaks, the largest first, each in a folder of its own.

    What is up to date is kept: a run that was stopped goes on when it is started again. One that fails does
    not stop the others.

    Raises
    ------
    InputError
        If no cell line has enough peaks.
    InterruptedStageError
        If Ctrl-C stopped the training of one; those after it are not run.

    """
    for line in prepared.catalogue.largest_first(min_peaks):
        # The name of its file is numbered, and spelled so that it cannot choose a path.
        folder = join(workdir, LINES, Path(line.file).stem)
        try:
            yield LineRun(
                line.name, folder, run_line(prepared, folder, line.name, objectives, executor), None
            )
        except InterruptedStageError:
            raise
        except AtypeakError as problem:
            yield LineRun(line.name, folder, [], str(problem))
