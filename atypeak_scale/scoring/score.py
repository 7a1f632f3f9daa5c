"""Score every peak of a cell line, block by block (article, Methods; method, section 4)."""

import logging
from contextlib import suppress
from dataclasses import dataclass

from atypeak_scale.config import Precision
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.model.description import absent_labels, describe_model
from atypeak_scale.registry.variables import RAW, REBUILT_SCORE
from atypeak_scale.scoring.blocks import ScoreTask, average_rows, score_rows
from atypeak_scale.scoring.ensemble import average_members
from atypeak_scale.scoring.known import tell_unknown
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.network import missing_tasks
from atypeak_scale.scoring.support.support import complete_support, support_part
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine

log = logging.getLogger(__name__)

# A pass of the engine may hold the decoder's products, their sum, and the rebuilt cells.
PASS_BYTES = 1_000_000_000
PROCESS_BYTES = 800_000_000  # the interpreter with TensorFlow, and the model


@dataclass(frozen=True)
class ScorePlan:
    """What scoring will do, known before the network is loaded."""

    cell_line: str
    scores: str
    windows: int
    peaks: int
    rows: int
    blocks: int
    blocks_done: int
    score_bytes: int
    projected_memory_bytes: int


def plan_score(scores: Scores) -> ScorePlan:
    """Return what scoring would do (for an ensemble, by all its models), without writing anything."""
    members = scores.members or (scores,)
    cell_line, is_support = scores.cell_line, scores.objective == "support"
    placed = scores.placements.blocks() if is_support else []
    blocks = (len(cell_line.blocks("rows")) + len(placed)) * len(members)
    missing = sum(len(missing_tasks(one) if is_support else one.missing()) for one in members)
    return ScorePlan(
        cell_line=cell_line.name,
        scores=scores.name,
        windows=cell_line.shape.windows,
        peaks=cell_line.peak_count,
        rows=cell_line.row_count,
        blocks=blocks,
        blocks_done=blocks - missing,
        score_bytes=4 * (cell_line.row_count + sum(stop - start for start, stop in placed)) * len(members),
        projected_memory_bytes=_projected_memory(cell_line),
    )


def _projected_memory(cell_line: CellLine) -> int:
    """Return roughly how many bytes a process needs to score a block."""
    windows, bins, sources = cell_line.shape
    windows_of_block = min(windows, -(-windows // len(cell_line.blocks("rows"))) * 2)
    return PROCESS_BYTES + 2 * windows_of_block * bins * sources + PASS_BYTES


def score(
    cell_line: CellLine,
    model: Location,
    crumbs: float | None = None,
    precision: Precision | None = None,
    results: Location | None = None,
    executor: Executor | None = None,
) -> Scores:
    """Score every peak that a model has not scored yet, and return the scores.

    Parameters
    ----------
    cell_line
        The data. Peaks of sources that the model does not know get no score, NaN; this is told.
    model
        Folder or URL of a trained model, or of several seeds, whose scores are then averaged.
    crumbs, precision
        Crumbs and precision at scoring; None takes the model's settings.
    results
        Another place for the scores, so that the store is only read; None keeps them in the store.
    executor
        Where the work runs; None means this process. A run that was stopped continues with the missing
        blocks.

    Returns
    -------
    Scores
        Complete, but not normalized.

    Raises
    ------
    InputError
        If `model` is not a model or does not fit the cell line, or the scores cannot be written.

    Examples
    --------
    >>> scores = score(open_store("hela.zarr"), "hela-model")
    >>> normalize(scores).peaks.to_dataframe()

    """
    scores = open_scores(cell_line, model, crumbs, precision, results)
    complete(scores, executor)
    return scores


def complete(scores: Scores, executor: Executor | None = None) -> None:
    """Compute whatever is missing from some scores; raise the errors that `score` raises."""
    executor = executor or InProcess()
    executor.require(_projected_memory(scores.cell_line))
    if scores.objective == "support":
        complete_support(scores, executor)
        return
    changed = [_complete_one(one, executor) for one in scores.members or (scores,)]
    if scores.members and (any(changed) or not scores.is_scored()):
        scores.create()
        with scores.writing():
            for variable in (REBUILT_SCORE, RAW):
                average_members(scores, variable, executor)
            scores.finish()


def _complete_one(scores: Scores, executor: Executor) -> bool:
    """Score the missing blocks of one model and average over windows; returns whether anything was done."""
    # Each chunk is checked only once: the stages below do what this finds missing.
    missing = scores.missing()
    if not missing and scores.has_raw():
        if not scores.is_finished():
            with suppress(OSError):  # of a store that is only read
                scores.finish()
        return False
    _tell_labels(scores)
    scores.create()
    with scores.writing():
        executor.run(score_rows, [ScoreTask(scores, block) for block in missing], "score")
        peaks = [ScoreTask(scores, block) for block in scores.cell_line.blocks("peaks")]
        executor.run(average_rows, peaks, "average")
        scores.finish()
    return True


def _tell_labels(scores: Scores) -> None:
    """Warn about labels of the model that the cell line lacks, and sources that the model does not know.

    This is no error: other regions may hold no such peak, and a store may have got sources since the model
    was trained. But a forgotten selection looks the same.
    """
    tell_unknown(scores)
    of_model = describe_model(scores.model)["views"]
    for view, labels in absent_labels(of_model, scores.cell_line.labels).items():
        log.warning(
            "%s: has no peak with these labels of the model's %s: %s",
            scores.cell_line.store,
            view,
            ", ".join(labels),
        )


def score_part(scores: Scores, part: int, parts: int, executor: Executor | None = None) -> int:
    """Score the blocks of one of `parts` equal parts, counted from 1, as a task of a job array.

    Parts share no chunk, so all may run at the same time. When they are done, `score` finds nothing missing
    and only averages. Returns the number of blocks scored.

    Raises
    ------
    InputError
        If there is no such part.

    """
    if not 1 <= part <= parts:
        raise InputError(f"part {part} of {parts}: expected a part from 1 to {parts}")
    executor = executor or InProcess()
    if scores.members:
        return sum(score_part(one, part, parts, executor) for one in scores.members)
    executor.require(_projected_memory(scores.cell_line))
    if scores.objective == "support":
        return support_part(scores, part, parts, executor)
    scores.create()
    with scores.writing(str(part), str(parts)):
        number = {block: n for n, block in enumerate(scores.cell_line.blocks("rows"))}
        of_part = [block for block in scores.missing() if number[block] % parts == part - 1]
        executor.run(score_rows, [ScoreTask(scores, block) for block in of_part], "score")
    return len(of_part)
