"""Which score tells the peaks that a replicate confirms, which store and model have not seen (method, 9.7).

For each label of the second view with several sources, a TR with several datasets by default, each of them
is left out in turn: a fold. The network is trained again, on a store without that source. Of the peaks of the
label's other sources, those that share a bp with a peak of the source left out are confirmed.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from atypeak_scale.assess.evidence.resampling import (
    MANY_PEAKS,
    Compared,
    Float64Array,
    Resamples,
    aurocs,
    mean_over,
    with_interval,
)
from atypeak_scale.catalogue.names import Source, source_name
from atypeak_scale.config import dump_config, load_config
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.model.description import CONFIG, INTERRUPTED
from atypeak_scale.model.halves import with_trained_on
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.evidence_columns import CONFIRMATION
from atypeak_scale.scoring.score import score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.chance import FEWEST_TO_COMPARE
from atypeak_scale.storage.locations import Location, join, local_path
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.derive import made_without, without_source

MEAN, MEAN_OF_SMALL, PAIR = "mean", "mean of small", "pair"
SCORES = (v.SUPPORT, v.NETWORK, v.REGRESSION, v.OVERLAPPING)

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Pair:
    """A source that was left out, one of the same label that it judges, and the AUROCs of the scores.

    least: peaks of the smaller of both sources; aurocs: float64 (scores, 1 + resamples).
    """

    left_out: Source
    judged: Source
    least: int
    peaks: int
    confirmed: int
    aurocs: Float64Array


def confirmation(
    scores: Scores, work: Location | None = None, executor: Executor | None = None
) -> pd.DataFrame:
    """Return how well each score tells confirmed peaks, with each replicate left out of store and training.

    Parameters
    ----------
    scores
        Scores of a model of support, which need not exist: its settings and seed are those of every fold,
        and its cell line is what sources are left out of. Of an ensemble, those of its first model.
    work
        Folder for the store and the model of every fold. They stay there, and a run that was stopped goes on
        with them. None takes a temporary folder.
    executor
        Where the work runs; None means this process, where all training runs.

    Returns
    -------
    pandas.DataFrame
        The columns of `CONFIRMATION`. First come means over pairs whose two sources have at least 300 peaks,
        then means over the others, then the pairs. A pair with fewer than 20 confirmed peaks, or fewer than
        20 others, has no figures and is in no mean. Peaks that lie outside of all windows confirm nothing:
        the store does not hold them. Intervals are of 95%, by 200 resamples of CRMs.

    Raises
    ------
    InputError
        If the model is not one of support, no label has several sources, or `work` holds the folds of another
        store or model.
    InterruptedStageError
        If Ctrl-C stopped training.

    """
    executor, cell_line = executor or InProcess(), scores.cell_line
    scores.require_support()
    left_out = replicates(cell_line)
    pairs: list[Pair] = []
    with _folder(work) as folder:
        for done, source in enumerate(left_out):
            executor.tell("folds", done, len(left_out))
            fold = folder / f"fold-{done + 1}"
            try:
                without = _scored(scores, source, fold, executor)
            except InterruptedStageError as stopped:
                goes_on = "the same command goes on from there"
                lost = "its folds were in a temporary folder; name one for them to go on next time"
                raise InterruptedStageError(f"{stopped}; {lost if work is None else goes_on}") from None
            pairs += _pairs(scores, source, without)
        executor.tell("folds", len(left_out), len(left_out))
    return _table(pairs)


def replicates(cell_line: CellLine) -> list[Source]:
    """Return the sources whose second label other sources have too; raise InputError if there are none."""
    second = [label for _, label in cell_line.sources]
    found = [source for source in cell_line.sources if second.count(source[1]) > 1]
    if not found:
        view0, view1 = cell_line.views
        raise InputError(f"{cell_line.store}: no {view1} has peaks of several {view0}s, so none is confirmed")
    return found


@contextmanager
def _folder(work: Location | None) -> Iterator[Path]:
    if work is not None:
        yield local_path(work)
        return
    with tempfile.TemporaryDirectory(prefix="atypeak-confirmation-") as folder:
        yield Path(folder)


def _scored(scores: Scores, left_out: Source, folder: Path, executor: Executor) -> Scores:
    """Return complete scores without a source; what the fold's folder already holds is not done again."""
    from atypeak_scale.model.files import save_model
    from atypeak_scale.model.training.train import train

    store, model = folder / "store.zarr", folder / "model"
    # The source that confirms the peaks is not in the fold, so memory of peaks does not help.
    is_in_halves = scores.config.support.trained_on == "halves"
    config = with_trained_on(scores.config, "all") if is_in_halves else scores.config
    if store.exists():
        cell_line = open_store(store, scores.cell_line.name)
        if cell_line.made_from != made_without(scores.cell_line, left_out):
            raise InputError(f"{store}: was made from another store; name another folder", "work")
    else:
        cell_line = without_source(scores.cell_line, left_out, store, executor)
    if not model.exists():
        trained = train(cell_line, config, executor=executor)
        if trained.training is not None and trained.training.stopped == INTERRUPTED:
            raise InterruptedStageError(f"the training without {source_name(left_out)} was interrupted")
        save_model(trained, model)
    elif dump_config(load_config(join(model, CONFIG))) != dump_config(config):
        raise InputError(
            f"{model}: was trained with other settings than {scores.model}; name another folder", "work"
        )
    return score(cell_line, model, executor=executor)


def _pairs(scores: Scores, left_out: Source, without: Scores) -> list[Pair]:
    """Return what a source confirms of each other source of its label; without: scores without it."""
    judges = intervals_of(scores.cell_line, scores.cell_line.sources.index(left_out))
    sources = without.cell_line.sources
    judged = [number for number, source in enumerate(sources) if source[1] == left_out[1]]
    columns = _peaks(without, judged, judges)
    comparisons = []
    for number in judged:
        high, low = ({name: values[(columns["source"] == number) & (columns["confirmed"] == is_confirmed)]
                      for name, values in columns.items()} for is_confirmed in (True, False))  # fmt: skip
        names = [variable.name for variable in SCORES]
        comparisons.append(
            Compared({n: high[n] for n in names}, {n: low[n] for n in names}, high["crm"], low["crm"])
        )
    found = aurocs(comparisons, Resamples(without.cell_line, without.chance.seed))
    pairs = []
    for number, of_pair in zip(judged, found, strict=True):
        mine = columns["source"] == number
        peaks = int(mine.sum())
        confirmed = int(columns["confirmed"][mine].sum())
        if min(confirmed, peaks - confirmed) < FEWEST_TO_COMPARE:
            of_pair[:] = np.nan
        pairs.append(Pair(left_out, sources[number], min(peaks, judges.count), peaks, confirmed, of_pair))
    return pairs


def _peaks(without: Scores, sources: list[int], judges: "Intervals") -> Columns:
    """Return scores, source, CRM and whether it is confirmed, of the peaks of some sources: (peaks,) each."""
    parts = []
    for block in without.cell_line.blocks("peaks"):
        peaks = without.cell_line.peaks(*block)
        mine = np.isin(peaks.source, sources)
        columns = {variable.name: without.read(variable, *block)[mine] for variable in SCORES}
        columns["source"] = peaks.source[mine]
        columns["crm"] = without.cell_line.crms_of_peaks(*block)[mine]
        columns["confirmed"] = judges.touch(peaks.contig[mine], peaks.start_bp[mine], peaks.end_bp[mine])
        parts.append(columns)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class Intervals:
    """Intervals by contig, in bp, half-open; they answer which others share a bp with any of them."""

    def __init__(
        self, contig: npt.NDArray[np.int32], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
    ) -> None:
        """`contig`: index into the contigs; (intervals,) each, sorted by contig and start."""
        self.count = len(contig)
        self._of_contig = {
            number: (start[contig == number], np.maximum.accumulate(end[contig == number]))
            for number in np.unique(contig).tolist()
        }

    def touch(
        self, contig: npt.NDArray[np.int32], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Return for each of these intervals whether it shares a bp: (asked,) each, in any order."""
        found = np.zeros(len(contig), bool)
        for number, (starts, furthest) in self._of_contig.items():
            mine = np.flatnonzero(contig == number)
            # Of those that start before its end, does the one that reaches furthest reach it?
            before = np.searchsorted(starts, end[mine], side="left")
            found[mine] = (before > 0) & (furthest[np.maximum(before - 1, 0)] > start[mine])
        return found


def intervals_of(cell_line: CellLine, source: int) -> Intervals:
    """Return the peaks of one source."""
    parts = []
    for block in cell_line.blocks("peaks"):
        peaks = cell_line.peaks(*block)
        mine = peaks.source == source
        parts.append((peaks.contig[mine], peaks.start_bp[mine], peaks.end_bp[mine]))
    contig, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Intervals(contig, start, end)


def _table(pairs: list[Pair]) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    known = [pair for pair in pairs if not np.isnan(pair.aurocs[:, 0]).any()]
    large = [pair for pair in known if pair.least >= MANY_PEAKS]
    small = [pair for pair in known if pair.least < MANY_PEAKS]
    for scope, chosen in ((MEAN, large), (MEAN_OF_SMALL, small)):
        if chosen:
            counts = len(chosen), sum(pair.peaks for pair in chosen), sum(pair.confirmed for pair in chosen)
            rows += _rows((scope, "", "", *counts), mean_over(np.stack([pair.aurocs for pair in chosen])))
    for pair in pairs:
        names = source_name(pair.left_out), source_name(pair.judged)
        rows += _rows((PAIR, *names, 1, pair.peaks, pair.confirmed), pair.aurocs)
    return pd.DataFrame(rows, columns=[column.name for column in CONFIRMATION.columns])


def _rows(head: tuple[Any, ...], found: Float64Array) -> list[tuple[Any, ...]]:
    count = found[SCORES.index(v.OVERLAPPING)]
    return [
        (*head, variable.name, *with_interval(of_score), *with_interval(of_score - count))
        for variable, of_score in zip(SCORES, found, strict=True)
    ]
