"""Normalize scores: weights from a Monte Carlo sample, then each label's scale (method, section 5)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.config import NormalizationSettings
from atypeak_scale.errors import StageMissingError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.ensemble import agreement, write_spread
from atypeak_scale.scoring.known import Known
from atypeak_scale.scoring.label_scale import LabelScale, final_scores, label_scale
from atypeak_scale.scoring.sample import SampleBlock, sample_blocks, sample_windows
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.weights import Sums, masks, occupancies, responses, weights
from atypeak_scale.store.cell_line import Block, CellLine
from atypeak_scale.store.result_groups import NORMALIZATION

AGREEMENT = "agreement"
SAMPLED = "sampled_windows"
UNKNOWN_SOURCE = "none: the model does not know the source"
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
# For each source, an ensemble has the mean over its models.
AVERAGED = tuple(variable for variable in v.WEIGHT_VARIABLES if variable is not v.WEIGHT_FLAG)


@dataclass(frozen=True)
class PresenceTask:
    """Sampled windows of one chunk, and which sources the model knows."""

    cell_line: CellLine
    block: SampleBlock
    known: Known


@dataclass(frozen=True)
class OccupancyTask:
    """Sampled windows of one chunk, and what turns presence into theta and eta, of the known sources."""

    cell_line: CellLine
    block: SampleBlock
    known: Known
    theta: FloatArray
    eta: FloatArray


@dataclass(frozen=True)
class OccupancySums:
    """Sums of theta and eta over windows."""

    theta: Sums
    eta: Sums

    def __add__(self, other: "OccupancySums") -> "OccupancySums":
        return OccupancySums(self.theta + other.theta, self.eta + other.eta)


@dataclass(frozen=True)
class WeightTask:
    """A block of peaks, and the weight of each source."""

    scores: Scores
    block: Block
    weight: FloatArray


@dataclass(frozen=True)
class FinalTask:
    """A block of peaks, and the scale of each label."""

    scores: Scores
    block: Block
    scale: LabelScale


def normalize(
    scores: Scores, settings: NormalizationSettings | None = None, executor: Executor | None = None
) -> Scores:
    """Fill in `k_normalized` and `final` of every peak, and the tables of weights and labels.

    The model sees windows with the crumbs that it was trained with. In an ensemble, the scores of each model
    are normalized, and those of the ensemble by the mean of the weights. `spread` is then filled in too, and
    the attribute `agreement`: Spearman's correlation of the final scores of every two models.

    Parameters
    ----------
    scores
        Complete raw scores.
    settings
        The Monte Carlo sample; None takes the model's setting.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    Scores
        The same scores.

    Raises
    ------
    StageMissingError
        If a peak has no raw score yet.

    """
    scores.refuse_support()
    executor = executor or InProcess()
    executor.require(0)
    if not all(one.is_scored() for one in (*scores.members, scores)):
        raise StageMissingError(
            f"{scores.cell_line.store}: this model has not scored every peak; score it first",
            "score", scores, exit_code=1,
        )  # fmt: skip
    _normalize(scores, settings or scores.config.normalization, executor)
    return scores


def _normalize(scores: Scores, settings: NormalizationSettings, executor: Executor) -> None:
    for one in scores.members:
        _normalize(one, settings, executor)
    with scores.writing():
        if not scores.members:
            # A model that is gone must not cost what was normalized before.
            scores.engine(crumbs=0.0, of_known=True)
        scores.set_attribute(NORMALIZATION, None)  # until everything is done again
        weight = _average_weights(scores) if scores.members else _sampled_weights(scores, settings, executor)
        _apply(scores, weight, executor)
        if scores.members:
            write_spread(scores, v.SPREAD, executor)
            scores.set_attribute(AGREEMENT, agreement(scores.members))
        scores.set_attribute(NORMALIZATION, settings.model_dump(mode="json"))
        scores.finish()


def model_agreement(scores: Scores) -> list[float]:
    """Return the agreement that the normalization of an ensemble found, in order of `combinations`."""
    return list(scores.attributes[AGREEMENT])


def _average_weights(scores: Scores) -> FloatArray:
    """Average what the models of an ensemble have for each source; a weight joins the flags of all models."""
    for variable in AVERAGED:
        scores.write(variable, 0, np.mean([one.read(variable) for one in scores.members], axis=0))
    flags = [
        "; ".join(dict.fromkeys(filter(None, of_source)))
        for of_source in zip(*(one.read(v.WEIGHT_FLAG) for one in scores.members), strict=True)
    ]
    scores.write(v.WEIGHT_FLAG, 0, np.array(flags, object))
    scores.set_attribute(SAMPLED, scores.members[0].attributes[SAMPLED])
    weight: FloatArray = scores.read(v.WEIGHT)
    return weight


def _sampled_weights(scores: Scores, settings: NormalizationSettings, executor: Executor) -> FloatArray:
    """Write what the sample says of each source, and return the weights; NaN of those not known."""
    cell_line, known = scores.cell_line, scores.known
    windows = sample_windows(cell_line.shape.windows, settings)
    blocks = sample_blocks(cell_line, windows)
    tasks = [PresenceTask(cell_line, block, known) for block in blocks]
    present: BoolArray = executor.reduce(_sources_present, tasks, "sample", np.logical_or)
    # The windows of the responses have crumbs already, so the engine must add none.
    engine = scores.engine(crumbs=0.0, of_known=True)
    found = responses(engine, present, scores.config.training.crumbs, executor)
    cells = np.array(engine.cells)
    theta, eta = masks(found, cells)
    with_masks = [OccupancyTask(cell_line, block, known, theta, eta) for block in blocks]
    sums = executor.reduce(_sum_occupancies, with_masks, "weigh")
    result = weights(found, cells, sums.theta, sums.eta)
    columns = {
        v.K1: result.k1, v.K2: result.k2, v.K3: result.k3, v.WEIGHT: result.weight,
        v.WEIGHT_FLAG: np.array(result.flag, object), v.SAMPLED_WINDOWS: sums.theta.count,
        v.THETA_MEAN: sums.theta.mean(), v.THETA_ERROR: sums.theta.error(),
        v.ETA_MEAN: sums.eta.mean(), v.ETA_ERROR: sums.eta.error(),
    }  # fmt: skip
    columns = {variable: known.spread(values) for variable, values in columns.items()}
    columns[v.WEIGHT_FLAG][~known.mask] = UNKNOWN_SOURCE
    for variable, values in columns.items():
        scores.write(variable, 0, values)
    scores.set_attribute(SAMPLED, len(windows))
    weight: FloatArray = columns[v.WEIGHT]
    return weight


def _presence(task: PresenceTask | OccupancyTask) -> BoolArray:
    """Return which known sources are in each of the windows: (windows, sources)."""
    present: BoolArray = np.any(task.known.occupancy(task.block.occupancy(task.cell_line)), axis=1)
    return present


def _sources_present(task: PresenceTask) -> BoolArray:
    """Return which known sources are in any of the windows: (sources,)."""
    present: BoolArray = np.any(_presence(task), axis=0)
    return present


def _sum_occupancies(task: OccupancyTask) -> OccupancySums:
    presence = _presence(task)
    return OccupancySums(occupancies(presence, task.theta), occupancies(presence, task.eta))


def _apply(scores: Scores, weight: FloatArray, executor: Executor) -> None:
    """Weight every peak, then give each label of the second view its own scale."""
    blocks = scores.cell_line.blocks("peaks")
    weighting = [WeightTask(scores, block, weight) for block in blocks]
    scale = executor.reduce(_write_weighted, weighting, "weight")
    for variable, values in zip(
        v.LABEL_VARIABLES, (scale.peaks, scale.mean, scale.sd, scale.flag), strict=True
    ):
        scores.write(variable, 0, values)
    executor.run(_write_final, [FinalTask(scores, block, scale) for block in blocks], "final")


def _write_weighted(task: WeightTask) -> LabelScale:
    cell_line = task.scores.cell_line
    source = cell_line.peaks(*task.block).source
    weighted = (task.scores.read(v.RAW, *task.block) * task.weight[source]).astype(np.float32)
    task.scores.write(v.K_NORMALIZED, task.block.start, weighted)
    label = cell_line.cells[source, 1]
    return label_scale(label, weighted.astype(np.float64), len(cell_line.labels[1]))


def _write_final(task: FinalTask) -> None:
    label = task.scores.cell_line.cells[task.scores.cell_line.peaks(*task.block).source, 1]
    weighted = task.scores.read(v.K_NORMALIZED, *task.block).astype(np.float64)
    final = final_scores(label, weighted, task.scale).astype(np.float32)
    task.scores.write(v.FINAL, task.block.start, final)
