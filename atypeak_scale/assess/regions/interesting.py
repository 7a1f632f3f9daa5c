"""Which CRMs to look at: the best, the worst and the most typical, by the scores of their peaks."""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from atypeak_scale.assess.regions.crm_parts import join_parts, write_parts
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.scoring.scores import Scores

FloatArray = npt.NDArray[np.float64]


def interesting_modules(scores: Scores, count: int, executor: Executor | None = None) -> pd.DataFrame:
    """Return the `count` best, worst and most typical CRMs.

    The score of a peak is the one that the scores are about: final, or trust, 1 - doubt. A peak counts in
    every CRM that it overlaps; those without a score are left out. The best have the largest sum for each
    window that they are cut into, because the largest sums are those of the longest CRMs. The worst have the
    lowest mean, among CRMs with as many scored peaks as the median CRM, or more. The most typical are
    nearest to the middle, in number of scored peaks and in mean, by rank. Of equal ones the first in the
    genome is taken. Memory holds one block of rows and a few numbers for every CRM.

    Parameters
    ----------
    scores
        Complete scores.
    count
        How many of each kind; fewer if there are not so many.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    pandas.DataFrame
        `kind` (best, worst or typical), `contig`, `start`, `end` (bp, 0-based, half-open), `crm` (row in the
        CRM file), `peaks`, `unjudged_peaks`, `mean` and `sum` of the scores; the most of each kind first.

    Raises
    ------
    StageMissingError
        If the scores are not complete.

    """
    scores.require_complete()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        parts = write_parts(scores, -np.inf, work, executor or InProcess())
        found = join_parts(parts, scores.cell_line, None, work / "crms")
        records = np.memmap(found.file, found.dtype, "r")
        windows = -(-(records["end"] - records["start"]) // scores.cell_line.frame[0])
        chosen = _chosen(records["judged"].astype(np.float64), found.sums, windows, count)
        frames = [_frame(scores, kind, records[at]) for kind, at in chosen.items()]
    return pd.concat(frames, ignore_index=True)


def _chosen(
    judged: FloatArray, sums: FloatArray, windows: npt.NDArray[np.int64], count: int
) -> dict[str, npt.NDArray[np.int64]]:
    """Return which CRMs are the best, the worst and the most typical.

    judged: number of scored peaks; sums: of their scores; windows: into which the CRM is cut; (crms,) each.
    """
    scored = np.flatnonzero(judged)
    number, mean = judged[scored], sums[scored] / judged[scored]
    distance = np.abs(_share_of_rank(number) - 0.5) + np.abs(_share_of_rank(mean) - 0.5)
    rich = np.flatnonzero(number >= np.median(number)) if number.size else scored
    order = {
        "best": np.argsort(-sums[scored] / windows[scored], kind="stable"),
        "worst": rich[np.argsort(mean[rich], kind="stable")],
        "typical": np.argsort(distance, kind="stable"),
    }
    return {kind: scored[at[:count]] for kind, at in order.items()}


def _share_of_rank(values: FloatArray) -> FloatArray:
    """Return the mean rank of each value, ties alike, from 0 to 1."""
    share: FloatArray = (rankdata(values) - 0.5) / max(1, values.size)
    return share


def _frame(scores: Scores, kind: str, records: npt.NDArray[np.void]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kind": kind,
            "contig": np.array(scores.cell_line.contigs, object)[records["contig"]],
            **{name: records[name] for name in ("start", "end", "crm", "peaks")},
            "unjudged_peaks": records["peaks"] - records["judged"],
            "mean": records["sum"] / records["judged"],
            "sum": records["sum"],
        }
    )
