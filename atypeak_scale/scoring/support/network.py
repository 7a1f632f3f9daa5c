"""What the network says of every row and placement whose source it does not see (method, section 9.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.execution.executor import Executor
from atypeak_scale.model.halves import judges
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.variables import Variable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.corroboration import BlockTask, blocks_of, chosen_blocks
from atypeak_scale.scoring.support.neighbours import central_third

if TYPE_CHECKING:
    from atypeak_scale.model.inference.leave_one_out import LeaveOneOut

# The array of rows and that of placements.
VARIABLES = {True: v.ROW_NETWORK, False: v.PLACED_NETWORK}


@dataclass(frozen=True)
class NetworkTask:
    """A block of rows, or of placements, for one model or an ensemble."""

    scores: Scores
    of: BlockTask

    @property
    def variable(self) -> Variable:
        """The array that the block is part of."""
        return VARIABLES[self.of.is_real]


def missing_tasks(scores: Scores) -> list[NetworkTask]:
    """Return the blocks that a model has not judged yet, or whose result is damaged."""
    blocks = blocks_of(scores.placements)
    if scores.exists():
        blocks = chosen_blocks(blocks, lambda is_real, some: scores.with_gaps(VARIABLES[is_real], some))
    return [NetworkTask(scores, block) for block in blocks]


def judge_blocks(tasks: list[NetworkTask], executor: Executor) -> None:
    """Judge some blocks of rows, then those of placements."""
    executor.run(judge_block, [task for task in tasks if task.of.is_real], "support")
    executor.run(judge_block, [task for task in tasks if not task.of.is_real], "placements")


def judge_block(task: NetworkTask) -> int:
    """Write what a model says of a block, NaN for unknown sources; return the number of intervals."""
    cell_line = task.scores.cell_line
    asked = task.of.asked()
    occupancy, window = asked.occupancy(cell_line)
    known, model = task.scores.known, task.scores.leave_one_out(of_known=True)
    at = np.flatnonzero(known.mask[asked.source])
    found = np.full(len(window), np.nan, np.float32)
    found[at] = network_log_odds(
        model,
        known.occupancy(occupancy),
        window[at],
        known.number[asked.source[at]],
        asked.first[at],
        asked.last[at],
    )
    task.scores.write(task.variable, task.of.block.start, found)
    return len(window)


def network_log_odds(
    model: "LeaveOneOut",
    occupancy: npt.NDArray[np.bool_],
    window: npt.NDArray[np.integer[Any]],
    source: npt.NDArray[np.integer[Any]],
    first: npt.NDArray[np.integer[Any]],
    last: npt.NDArray[np.integer[Any]],
) -> npt.NDArray[np.float32]:
    """Return N of intervals: float32 (asked,) (method, section 9.3).

    It is the mean log-odds of the source over the central third of the interval, where the source itself is
    taken out of the window. The parameters are those of `LeaveOneOut.log_odds`.
    """
    return model.log_odds(occupancy, window, source, *central_third(first, last))


def average_network(scores: Scores, executor: Executor) -> None:
    """Write the mean over the models of an ensemble of what they say of every row and placement."""
    tasks = [NetworkTask(scores, block) for block in blocks_of(scores.placements)]
    executor.run(average_block, tasks, "average")


def average_block(task: NetworkTask) -> None:
    """Write the mean of a block over the models that judge each of its CRMs."""
    values = np.stack([one.read(task.variable, *task.of.block) for one in task.scores.members])
    may = judges([one.config for one in task.scores.members], task.of.asked().crm)
    mean = np.asarray(np.mean(values, axis=0, dtype=np.float64, where=may), np.float32)
    task.scores.write(task.variable, task.of.block.start, mean)
