"""Support, chance and doubt of every peak of a cell line: the stage as a whole (method, section 9)."""

import logging

import numpy as np

from atypeak_scale.errors import DamagedError
from atypeak_scale.execution.executor import Executor
from atypeak_scale.model.description import describe_model
from atypeak_scale.model.halves import HALVES, is_trained_on, refuse_one_half
from atypeak_scale.provenance import fingerprint
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.ensemble import write_spread
from atypeak_scale.scoring.known import tell_unknown
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.chance import memorised
from atypeak_scale.scoring.support.corroboration import complete_placements
from atypeak_scale.scoring.support.judging import judge
from atypeak_scale.scoring.support.network import average_network, judge_blocks, missing_tasks
from atypeak_scale.store.arrays import refuse_lost
from atypeak_scale.store.result_groups import CHANCE

log = logging.getLogger(__name__)

MEMORISED = "memorised"  # attribute: AUROC of support, trained-on peaks against kept-out ones, and interval


def complete_support(scores: Scores, executor: Executor) -> None:
    """Compute whatever is missing of the support of a cell line's peaks, down to their doubt.

    In an ensemble, each model is judged by itself too; support of the ensemble is the mean over its models.

    Raises
    ------
    InputError
        If the store does not know its windows without a peak, the results cannot be written, or the model
        is one of two of halves.

    """
    if not scores.members:
        refuse_one_half(scores.config, scores.model)
    complete_placements(scores.placements, executor)
    changed = [_complete_one(one, executor) for one in scores.members or (scores,)]
    if scores.members and (any(changed) or missing_tasks(scores) or not _is_whole(scores)):
        scores.create()
        with scores.writing():
            scores.set_attribute(CHANCE, None)
            average_network(scores, executor)
            write_spread(scores, v.SUPPORT_SPREAD, executor)
            judge(scores, executor)
            _finish(scores)


def support_part(scores: Scores, part: int, parts: int, executor: Executor) -> int:
    """Judge the blocks of one of `parts` equal parts by the network; return their number.

    The first part that runs draws the placements and fits the regressions, and the others wait for it.
    """
    complete_placements(scores.placements, executor)
    scores.create()
    with scores.writing(str(part), str(parts)):
        tasks = [task for task in missing_tasks(scores) if task.of.number % parts == part - 1]
        judge_blocks(tasks, executor)
    return len(tasks)


def _complete_one(scores: Scores, executor: Executor) -> bool:
    """Complete the support by one model; return whether anything was missing."""
    scores.create()
    with scores.writing():
        missing = missing_tasks(scores)
        if not missing and _is_whole(scores):
            if not scores.is_finished():  # a run was killed before it told readers of the whole store
                scores.finish()
            return False
        tell_unknown(scores)
        scores.set_attribute(CHANCE, None)  # until everything is done again
        judge_blocks(missing, executor)
        judge(scores, executor)
        if is_of_training(scores):
            _tell_memorised(scores)
        _finish(scores)
    return True


def _is_whole(scores: Scores) -> bool:
    """Return whether support is marked as complete, and nothing of any peak is lost or damaged."""
    blocks = scores.cell_line.blocks("peaks")
    of_every_peak = [v.SUPPORT, v.NETWORK, v.REGRESSION, v.OVERLAPPING, v.P_RANDOM]
    if scores.members:
        of_every_peak.append(v.SUPPORT_SPREAD)
    if not scores.is_complete or any(scores.with_gaps(variable, blocks) for variable in of_every_peak):
        return False
    try:
        for variable in (v.Q_RANDOM, v.DOUBT):  # these have gaps, of sources that cannot be judged
            for block in blocks:
                scores.read(variable, *block)
        for variable in (*v.CHANCE_VARIABLES, v.PLACED_SUPPORT, v.Q_BY_RANK, v.DOUBT_BY_RANK):
            scores.read(variable)
        refuse_lost(scores.group())
    except DamagedError:
        return False
    return True


def _finish(scores: Scores) -> None:
    """Mark support as complete, and show readers of the whole store everything that was found."""
    scores.set_attribute(CHANCE, scores.chance.model_dump(mode="json"))
    scores.finish()


def is_of_training(scores: Scores) -> bool:
    """Return whether a model was trained on the cell line of the store that it scores."""
    found: bool = describe_model(scores.model)["store"] == fingerprint(scores.cell_line.made_from)
    return found


def _tell_memorised(scores: Scores) -> None:
    """Keep how well support tells trained-on peaks from kept-out ones, and warn if it surely does."""
    cell_line = scores.cell_line
    crm = np.concatenate([cell_line.crms_of_peaks(*block) for block in cell_line.blocks("peaks")])
    found = memorised(
        scores.read(v.NETWORK),
        is_trained_on(crm, scores.config),
        cell_line.peaks(0, cell_line.peak_count).source,
        crm,
        np.random.default_rng(np.random.SeedSequence(scores.chance.seed, spawn_key=(3, 0))),
    )
    scores.set_attribute(MEMORISED, [None if np.isnan(value) else round(value, 4) for value in found])
    if has_memorised(scores):
        log.warning(
            "%s: the network has memorised peaks that it was trained on (AUROC against peaks kept out %.3f, "
            "%.3f to %.3f; 0.5 is none), so p is too low; train again with support.trained_on: halves",
            scores.model, *found,
        )  # fmt: skip


def has_memorised(scores: Scores) -> bool:
    """Return whether a network surely knows peaks that it was trained on, and judges them.

    False as well for an ensemble, and where it was not measured because the results are of other data.
    """
    if not scores.exists() or scores.config.support.trained_on in HALVES:
        return False
    _, low, _ = scores.attributes.get(MEMORISED, (None, None, None))
    return low is not None and low > 0.5
