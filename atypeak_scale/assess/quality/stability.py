"""How far the scores of several seeds agree within each source (method, sections 3.4 and 9.8).

The members of an ensemble score the same sample of windows. Nothing needs to be scored before, and nothing is
kept. Within a source, the final score rises with the raw one, so its ranks are the same. Support is what the
network says plus the regression, which all members share; the network alone is the stricter comparison.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from atypeak_scale.config import NormalizationSettings
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.model.halves import judges
from atypeak_scale.model.seeds import seed_of
from atypeak_scale.registry.model_columns import STABILITY
from atypeak_scale.scoring.blocks import row_maxima
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.sample import SampleBlock, sample_blocks, sample_windows
from atypeak_scale.scoring.score import PASS_BYTES, PROCESS_BYTES
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.network import network_log_odds
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine

log = logging.getLogger(__name__)

WINDOWS = 2000
FEWEST_PEAKS = 20  # of a source, in the sample
STABLE = 0.9
REMEDIES = {
    "article": "average more seeds, or use support, which depends less on the seed",
    "support": "raise support.epochs, or average more seeds",
}
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class MemberTask:
    """Sampled windows of one chunk, and the model that scores their peaks."""

    scores: Scores
    block: SampleBlock


@dataclass(frozen=True)
class SampledRows:
    """Rows of sampled windows, (rows,) each; window: index into the windows of the sample's block."""

    window: npt.NDArray[np.int64]
    peak: npt.NDArray[np.int64]
    source: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]
    last: npt.NDArray[np.int32]
    crm: npt.NDArray[np.int64]


def stability(
    cell_line: CellLine,
    model: Location,
    executor: Executor | None = None,
    windows: int = WINDOWS,
    seed: int = 1,
) -> pd.DataFrame:
    """Return Spearman's correlation of the scores of every two members of an ensemble, within each source.

    A warning says what to do if the median over sources of any two members is below 0.9.

    Parameters
    ----------
    cell_line
        The data; its peaks need not be scored.
    model
        Folder or URL of several seeds.
    executor
        Where the work runs; None means this process.
    windows
        Number of windows to sample; all peaks in them are scored. A peak in several of them has the mean.
    seed
        Seed of the sample.

    Returns
    -------
    pandas.DataFrame
        The columns of the registered table `stability`: one row for each two members and each source with at
        least 20 sampled peaks. The score is that of the article before normalization, or, for models of
        support, what the network says.

    Raises
    ------
    InputError
        If `model` is not an ensemble of at least two, or does not fit the cell line.

    Examples
    --------
    >>> summarize_stability(stability(open_store("hela.zarr"), "hela-models"))

    """
    executor = executor or InProcess()
    scores = open_scores(cell_line, model)
    if len({seed_of(one.model) for one in scores.members}) < 2:
        raise InputError(f"{model}: is one model; name a folder that holds several seeds", "model")
    executor.require(PROCESS_BYTES + PASS_BYTES)
    sample = NormalizationSettings(sample=windows, seed=seed)
    blocks = sample_blocks(cell_line, sample_windows(cell_line.shape.windows, sample))
    tasks = [MemberTask(one, block) for one in scores.members for block in blocks]
    found = {
        (str(task.scores.model), task.block.start): values
        for task, values in executor.map(score_sample, tasks, "stability")
    }
    of_members = [
        np.concatenate([found[str(one.model), block.start] for block in blocks]) for one in scores.members
    ]
    rows = [sampled_rows(cell_line, block) for block in blocks]
    names, of_seeds = _of_seeds(scores.members, np.stack(of_members), rows)
    values, source = _of_peaks(of_seeds, rows)
    table = pd.DataFrame(
        [(*cell_line.sources[one], *rest) for one, *rest in _correlations(values, source, names)],
        columns=[column.name for column in STABILITY.named(cell_line.views)],
    )
    _warn(table, scores)
    return table


def sampled_rows(cell_line: CellLine, block: SampleBlock) -> SampledRows:
    """Return the rows of the sampled windows of a block."""
    windows = block.start + block.windows
    rows = cell_line.rows(*cell_line.rows_of_windows(int(windows[0]), int(windows[-1]) + 1))
    at = np.searchsorted(windows, rows.window)
    here = windows[at] == rows.window
    crm = cell_line.windows(int(windows[0]), int(windows[-1]) + 1).crm[rows.window - windows[0]]
    columns = (rows.peak, rows.source, rows.first_bin, rows.last_bin, crm)
    return SampledRows(at[here], *(column[here] for column in columns))


def score_sample(task: MemberTask) -> FloatArray:
    """Return the score of each row of the sampled windows by one model: float32 (rows,)."""
    cell_line, scores = task.scores.cell_line, task.scores
    occupancy, rows = task.block.occupancy(cell_line), sampled_rows(cell_line, task.block)
    if scores.objective == "support":
        return network_log_odds(
            scores.leave_one_out(), occupancy, rows.window, rows.source, rows.first, rows.last
        )
    result = np.empty(len(rows.window), np.float32)
    for offset, ratios in scores.engine().ratios(occupancy):
        at = slice(*np.searchsorted(rows.window, [offset, offset + len(ratios)]))
        result[at] = row_maxima(
            ratios, rows.window[at] - offset, rows.source[at], rows.first[at], rows.last[at]
        )
    return result


def _of_seeds(
    members: Sequence[Scores], values: FloatArray, rows: list[SampledRows]
) -> tuple[list[str], FloatArray]:
    """Return the names of the seeds, and the score of each row by each: (seeds, rows).

    Of networks that were trained on halves, the one that judges the row's CRM.
    """
    may = judges([one.config for one in members], np.concatenate([one.crm for one in rows]))
    names = np.array([seed_of(one.model) for one in members])
    seeds = list(dict.fromkeys(names.tolist()))
    means = [
        np.mean(values[names == seed], axis=0, where=may[names == seed], dtype=np.float64) for seed in seeds
    ]
    return seeds, np.stack(means)


def _of_peaks(values: FloatArray, rows: list[SampledRows]) -> tuple[npt.NDArray[np.float64], IntArray]:
    """Return the mean over its rows of every sampled peak, (members, peaks), and its source, (peaks,)."""
    peak, source = (np.concatenate([getattr(one, name) for one in rows]) for name in ("peak", "source"))
    _, first, at, count = np.unique(peak, return_index=True, return_inverse=True, return_counts=True)
    totals = [np.bincount(at, of_member.astype(np.float64)) for of_member in values]
    return np.stack(totals) / count, source[first]


def _correlations(
    values: npt.NDArray[np.float64], source: IntArray, names: list[str]
) -> Iterator[tuple[int, str, str, int, float]]:
    """Yield source, two members, number of peaks and Spearman's correlation."""
    for one, count in zip(*np.unique(source, return_counts=True), strict=True):
        if count < FEWEST_PEAKS:
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.atleast_2d(np.corrcoef(rankdata(values[:, source == one], axis=1)))
        for a, b in combinations(range(len(names)), 2):
            yield int(one), names[a], names[b], int(count), float(found[a, b])


def summarize_stability(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each two members: the median and the lowest of their sources.

    Parameters
    ----------
    table
        What `stability` returned.

    Returns
    -------
    pandas.DataFrame
        Columns: member, other_member, sources, median, lowest, lowest_source; empty if no source had enough
        peaks.

    """
    names = table.iloc[:, 0].astype(str).str.cat(table.iloc[:, 1].astype(str), sep=".")
    known = table[table["spearman"].notna()].assign(name=names)
    of_pairs = known.groupby(["member", "other_member"], sort=False)["spearman"]
    summary = of_pairs.agg(sources="size", median="median", lowest="min")
    summary["lowest_source"] = known.loc[of_pairs.idxmin(), "name"].to_numpy()
    return summary.reset_index()


def stability_sentences(table: pd.DataFrame) -> list[str]:
    """Say for people how far every two members agree; `table` is what `stability` returned."""
    return [
        f"{row.member} and {row.other_member}: Spearman within sources {row.median:.3f} (median of "
        f"{row.sources:,}), lowest {row.lowest:.3f} ({row.lowest_source})"
        for row in summarize_stability(table).itertuples()
    ] or [f"the seeds cannot be compared: no source has {FEWEST_PEAKS} peaks in the sampled windows"]


def _warn(table: pd.DataFrame, scores: Scores) -> None:
    """Warn if the two members that differ most have a low median."""
    summary = summarize_stability(table)
    worst = summary.sort_values("median").head(1)
    if (worst["median"] < STABLE).any():
        log.warning(
            "%s: how peaks of a source rank depends on the seed (Spearman of %s and %s %.2f, median of %d "
            "sources; %.1f or more is stable); %s",
            scores.model, *(worst[name].item() for name in ("member", "other_member", "median", "sources")),
            STABLE, REMEDIES[scores.objective],
        )  # fmt: skip
