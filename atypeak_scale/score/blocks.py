"""Score every peak of a store, block by block (SPEC 4, DESIGN 4).

A block is a chunk of the array of (peak, window) rows. Its task rebuilds the windows that these rows lie in
and writes that one chunk: no two tasks share a chunk, and a chunk without NaN is a block that is done.
"""

import logging
import shlex
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.config import Config, Precision, load_config, with_seed
from atypeak_scale.errors import DamagedError, InputError
from atypeak_scale.execution.cluster import (
    IN_PROCESS,
    Cluster,
    Progress,
    connect,
    no_progress,
    run_blocks,
)
from atypeak_scale.model.description import (
    CONFIG,
    INTERRUPTED,
    NETWORK,
    absent_labels,
    check_labels,
    describe_model,
)
from atypeak_scale.model.inference.process import process_engine
from atypeak_scale.model.seeds import members_of
from atypeak_scale.score.ensemble import Home, average
from atypeak_scale.score.result_groups import find_scores, open_or_create_scores
from atypeak_scale.storage.locations import Location, absolute, exists, join, name_of
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.store import schema
from atypeak_scale.store.build import fingerprint

log = logging.getLogger(__name__)

# What a pass of the engine may hold: the decoder's products, their sum, and the rebuilt cells.
PASS_BYTES = 1_000_000_000
PROCESS_BYTES = 800_000_000  # the interpreter with TensorFlow, and the model
BlockArguments = tuple[Location, str, Location, str, Location, str, float, Precision, int]


@dataclass(frozen=True)
class ScorePlan:
    """What a scoring will do, known before the network is loaded."""

    cell_line: str
    scores: str
    windows: int
    peaks: int
    rows: int
    blocks: int
    blocks_done: int
    score_bytes: int
    projected_memory_bytes: int


@dataclass(frozen=True)
class ScoreRun:
    """A store, a model with its configuration, and the crumbs at scoring; they name the results.

    results: where these are, the store itself or another place; members: of an ensemble, the run of each of
    its models, where `model` is the folder that holds them.
    """

    store: Location
    cell_line: str
    model: Location
    config: Config
    fingerprint: str
    crumbs: float
    precision: Precision
    results: Location
    members: tuple["ScoreRun", ...] = ()

    @property
    def group(self) -> str:
        """Name of the result group within the cell line's group; another fingerprint is another group."""
        name = f"{schema.group_name(name_of(self.model))}-{self.fingerprint[:8]}"
        crumbs = f"-crumbs-{self.crumbs:g}" if self.crumbs else ""
        precision = "" if self.precision == "float32" else f"-{self.precision}"
        return f"{schema.SCORES}/{name}{crumbs}{precision}"

    @property
    def options(self) -> str:
        """The options of a command that name these results; those that are the model's own left out."""
        words = ["--model", str(self.model)]
        if len(schema.cell_lines(self.store)) > 1:
            words += ["--cell-line", self.cell_line]
        if self.crumbs != self.config.scoring.crumbs:
            words += ["--crumbs", f"{self.crumbs:g}"]
        if self.precision != self.config.scoring.precision:
            words += ["--precision", self.precision]
        if self.results != self.store:
            words += ["--results", str(self.results)]
        return shlex.join(words)

    def open(self) -> tuple[zarr.Group, zarr.Group]:
        """Open the cell line's group, and for writing that of the results, which is made where absent."""
        data = schema.open_cell_line(self.store, self.cell_line)
        for one in self.members or (self,):
            network = join(one.model, NETWORK)
            if not exists(network):
                raise InputError(f"{network}: cannot be loaded: no such file")
        variables = schema.ENSEMBLE_VARIABLES if self.members else schema.SCORE_VARIABLES
        is_new = find_scores(data, self.results, self.group) is None
        making = self.writing("new", wait=True)
        with making if is_new else nullcontext():
            scores = open_or_create_scores(
                data, self.results, self.group, self.attributes(), self._trained(), variables
            )
        return data, scores

    def writing(self, *part: str, wait: bool = False) -> AbstractContextManager[None]:
        """Hold the right to write these results, or a part of them, as `sole_writer` does."""
        remedy = "keep the scores of a store that is only read in another place, with --results"
        return sole_writer(self.results, "/".join([self.cell_line, self.group, *part]), wait, remedy)

    @property
    def home(self) -> Home:
        """Location and path of the results."""
        return self.results, f"{schema.group_name(self.cell_line)}/{self.group}"

    def refuse_several(self) -> None:
        """Raise InputError where this is an ensemble, for what is done with one model."""
        if self.members:
            raise InputError(
                f"{self.model}: holds {len(self.members)} models; name one, such as {self.members[0].model}"
            )

    def attributes(self) -> dict[str, Any]:
        """What the results are made from."""
        members = {"members": [one.fingerprint for one in self.members]} if self.members else {}
        return {
            **members,
            "model_fingerprint": self.fingerprint,
            "crumbs": self.crumbs,
            "precision": self.precision,
        }

    def _trained(self) -> dict[str, Any]:
        """How the model was made, for readers of the results."""
        return {
            "model": self.config.model.model_dump(mode="json"),
            "training": self.config.training.model_dump(mode="json"),
            "versions": describe_model((self.members or (self,))[0].model).get("versions"),
        }


def score_run(
    store: Location,
    model: Location,
    cell_line: str | None = None,
    crumbs: float | None = None,
    precision: Precision | None = None,
    results: Location | None = None,
) -> ScoreRun:
    """Resolve the arguments that score, normalize and export share; None takes the model's setting.

    model: the folder of a model, or the one of several seeds that `train_seeds` made, an ensemble. results:
    another place for what is found, so that the store is only read; None is the store.

    Raises
    ------
    InputError
        Where store or model is none, or they do not fit together.

    """
    if folders := members_of(model):
        members = [score_run(store, one, cell_line, crumbs, precision, results) for one in folders]
        return _ensemble(absolute(model), members)
    group = schema.open_cell_line(store, cell_line)
    description = describe_model(model)
    config = load_config(join(model, CONFIG))
    of_model = config.store.frame, config.store.bin
    check_labels(description["views"], of_model, schema.labels_of(group), schema.frame_of(group), str(store))
    return ScoreRun(
        absolute(store),  # workers may be somewhere else
        str(group.attrs["cell_line"]),
        absolute(model),
        config,
        description["fingerprint"],
        config.scoring.crumbs if crumbs is None else crumbs,
        precision or config.scoring.precision,
        absolute(store if results is None else results),
    )


def _ensemble(model: Location, members: list[ScoreRun]) -> ScoreRun:
    first = members[0]
    for one in members:
        if (describe_model(one.model)["training"] or {}).get("stopped") == INTERRUPTED:
            raise InputError(
                f"{one.model}: its training was interrupted; train it again, or move it elsewhere"
            )
        if with_seed(one.config, 0) != with_seed(first.config, 0):
            raise InputError(
                f"{one.model}: trained with other settings than {first.model}; only the seed may differ"
            )
    together = fingerprint([one.fingerprint for one in members])
    return replace(first, model=model, fingerprint=together, members=tuple(members))


def plan_score(run: ScoreRun) -> ScorePlan:
    """Return what `score_store` would do, for an ensemble of all its models; nothing is written."""
    if run.members:
        plans = [plan_score(one) for one in run.members]
        totals = {
            name: sum(getattr(plan, name) for plan in plans)
            for name in ("blocks", "blocks_done", "score_bytes")
        }
        return replace(plans[0], scores=run.group, **totals)
    data = schema.open_cell_line(run.store, run.cell_line)
    rows, length = schema.array(data, "peak_window").shape[0], schema.array(data, "peak_window").chunks[0]
    windows, bins, sources = schema.array(data, "occupancy").shape
    blocks = -(-rows // length)
    scores = find_scores(data, run.results, run.group)
    done = 0 if scores is None else blocks - len(_missing(scores))
    windows_of_block = min(windows, -(-windows // blocks) * 2)
    return ScorePlan(
        cell_line=run.cell_line,
        scores=run.group,
        windows=windows,
        peaks=schema.array(data, "catalogue_source").shape[0],
        rows=rows,
        blocks=blocks,
        blocks_done=done,
        score_bytes=4 * rows,
        projected_memory_bytes=PROCESS_BYTES + 2 * windows_of_block * bins * sources + PASS_BYTES,
    )


def score_store(run: ScoreRun, cluster: Cluster = IN_PROCESS, progress: Progress = no_progress) -> ScorePlan:
    """Score every peak that has no score yet, then average over its windows (SPEC 4.1, 4.2).

    Fills `rebuilt_score` of every (peak, window) row and `raw` of every catalogue peak. A run that was
    stopped goes on with the missing blocks.
    """
    with connect(cluster, progress, plan_score(run).projected_memory_bytes) as client:
        return score_with(run, client, progress)


def score_with(run: ScoreRun, client: Any | None, progress: Progress = no_progress) -> ScorePlan:
    """Score as `score_store` does, with a client that is connected already, or None: in this process."""
    plan = plan_score(run)
    if run.members:
        _score_members(run, client, progress)
        return plan
    with run.writing():
        data, scores = run.open()
        # Not refused, but told: a selection that was forgotten looks the same as regions without such peaks.
        absent = absent_labels(describe_model(run.model)["views"], schema.labels_of(data))
        for view, labels in absent.items():
            log.warning(
                "%s: no peak of these labels of the model's %s: %s", run.store, view, ", ".join(labels)
            )
        blocks = _arguments(run, data, scores, _missing(scores))
        for _ in run_blocks(score_block, blocks, client, stage="score", progress=progress):
            pass
        chunks = schema.array(scores, "raw")
        starts = [
            (run.store, data.path, run.results, scores.path, c)
            for c in range(-(-chunks.shape[0] // chunks.chunks[0]))
        ]
        for _ in run_blocks(_average_block, starts, client, stage="average", progress=progress):
            pass
        schema.consolidate(run.results)
    return plan


def _score_members(run: ScoreRun, client: Any | None, progress: Progress) -> None:
    """Score with every model of an ensemble, and average what they gave."""
    for one in run.members:
        score_with(one, client, progress)
    with run.writing():
        run.open()
        for name in ("rebuilt_score", "raw"):
            average([one.home for one in run.members], run.home, name, client, progress)
        schema.consolidate(run.results)


def score_part(
    run: ScoreRun, part: int, parts: int, cluster: Cluster = IN_PROCESS, progress: Progress = no_progress
) -> int:
    """Score the blocks of one of `parts` equal parts, counted from 1, for the tasks of a job array.

    Parts share no chunk, so that all may run at the same time. When they are done, `score_store` finds
    nothing missing and only averages. Returns the number of blocks that were scored.

    Raises
    ------
    InputError
        Where there is no such part.

    """
    if not 1 <= part <= parts:
        raise InputError(f"part {part} of {parts}: expected a part from 1 to {parts}")
    if run.members:
        return sum(score_part(one, part, parts, cluster, progress) for one in run.members)
    with connect(cluster, progress, plan_score(run).projected_memory_bytes) as client:
        data, scores = run.open()
        with run.writing(str(part), str(parts)):
            of_part = [block for block in _missing(scores) if block % parts == part - 1]
            blocks = _arguments(run, data, scores, of_part)
            for _ in run_blocks(score_block, blocks, client, stage="score", progress=progress):
                pass
    return len(blocks)


def _arguments(
    run: ScoreRun, data: zarr.Group, scores: zarr.Group, blocks: list[int]
) -> list[BlockArguments]:
    """What `score_block` needs of each block."""
    return [
        (run.store, data.path, run.results, scores.path, run.model, run.fingerprint, run.crumbs,
         run.precision, block)
        for block in blocks
    ]  # fmt: skip


def is_scored(run: ScoreRun) -> bool:
    """Whether every peak has a raw score of this run."""
    data = schema.open_cell_line(run.store, run.cell_line)
    scores = find_scores(data, run.results, run.group)
    return scores is not None and not _missing(scores) and not _has_nan(scores, "raw")


def _has_nan(scores: zarr.Group, name: str) -> bool:
    """Whether an array of results has elements not computed, or damaged; one chunk at a time."""
    array = schema.array(scores, name)
    starts = range(0, array.shape[0], array.chunks[0])
    try:
        return any(np.isnan(schema.read_array(scores, name, s, s + array.chunks[0])).any() for s in starts)
    except DamagedError:
        return True


def _missing(scores: zarr.Group) -> list[int]:
    """Numbers of the blocks whose chunk is not written, or damaged."""
    array = schema.array(scores, "rebuilt_score")
    length = array.chunks[0]
    return [
        start // length
        for start in range(0, array.shape[0], length)
        if _is_missing(scores, start, start + length)
    ]


def _is_missing(scores: zarr.Group, start: int, stop: int) -> bool:
    try:
        return bool(np.isnan(schema.read_array(scores, "rebuilt_score", start, stop)).any())
    except DamagedError:
        return True


def score_block(
    store: Location, data_path: str, results: Location, scores_path: str, model: Location, fingerprint: str,
    crumbs: float, precision: Precision, block: int,
) -> int:  # fmt: skip
    """Score the rows of one block and write its chunk; returns the number of windows that it rebuilt."""
    data = schema.open_group(store, data_path)
    scores = schema.open_group(results, scores_path, "r+")
    length = schema.array(scores, "rebuilt_score").chunks[0]
    start, stop = block * length, (block + 1) * length
    window, source, first, last = (
        schema.read_array(data, name, start, stop)
        for name in ("peak_window", "peak_source", "peak_first_bin", "peak_last_bin")
    )
    low, high = int(window[0]), int(window[-1]) + 1
    first_labels, second_labels = map(tuple, schema.labels_of(data))
    engine = process_engine(
        model,
        fingerprint,
        (first_labels, second_labels),
        tuple(schema.source_labels(data)),
        crumbs,
        precision,
    )
    occupancy = schema.read_array(data, "occupancy", low, high)
    result = np.empty(len(window), np.float32)
    for offset, ratios in engine.ratios(occupancy):
        rows = slice(*np.searchsorted(window, [low + offset, low + offset + len(ratios)]))
        result[rows] = row_maxima(ratios, window[rows] - low - offset, source[rows], first[rows], last[rows])
    schema.write_chunks(scores, "rebuilt_score", start, result)
    return high - low


def row_maxima(
    ratios: npt.NDArray[np.float32],
    window: npt.NDArray[np.int64],
    source: npt.NDArray[np.int32],
    first: npt.NDArray[np.int32],
    last: npt.NDArray[np.int32],
) -> npt.NDArray[np.float32]:
    """Return the largest ratio of each row over its bins, first and last included.

    ratios: float32 (windows, bins, sources); the others (rows,), window counted within `ratios`.
    """
    _, bins, sources = ratios.shape
    flat = np.append(ratios.transpose(0, 2, 1).ravel(), np.float32(0))
    line = (window * sources + source) * bins
    # reduceat takes the maximum over [start, next start); every second segment lies between two rows.
    bounds = np.stack([line + first, line + last + 1], axis=1).ravel()
    return np.maximum.reduceat(flat, bounds)[::2] if len(bounds) else np.empty(0, np.float32)


def _average_block(store: Location, data_path: str, results: Location, scores_path: str, chunk: int) -> int:
    """Write `raw` of one chunk of catalogue peaks: the mean over each peak's rows (SPEC 4.2)."""
    data = schema.open_group(store, data_path)
    scores = schema.open_group(results, scores_path, "r+")
    length = schema.array(scores, "raw").chunks[0]
    start = chunk * length
    first = schema.read_array(data, "catalogue_first_row", start, start + length)
    last = schema.read_array(data, "catalogue_last_row", start, start + length)
    low, high = int(first.min()), int(last.max()) + 1
    peak = schema.read_array(data, "peak_catalogue", low, high) - start
    score = schema.read_array(scores, "rebuilt_score", low, high).astype(np.float64)
    inside = (peak >= 0) & (peak < len(first))
    total = np.bincount(peak[inside], score[inside], len(first))
    rows = np.bincount(peak[inside], minlength=len(first))
    schema.write_chunks(scores, "raw", start, (total / rows).astype(np.float32))
    return len(first)
