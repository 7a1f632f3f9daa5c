"""Scores against the truth of an artificial catalogue: does noise score below what belongs together?

Article, "Validation using artificially generated data"; method, section 8. It works one contig at a time.
Only `scored_truth` and what is made from it grow with the catalogue, by some 20 bytes per peak, because ranks
need every score.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from atypeak_scale.catalogue.names import Source, source_name, split_name
from atypeak_scale.catalogue.truth import HINT, KINDS, Truth, read_truth
from atypeak_scale.errors import InputError
from atypeak_scale.registry.variables import PEAK_SCORES
from atypeak_scale.scoring.ranking import auroc, average_precision
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import CellLine

SCORES = tuple(variable.name for variable in PEAK_SCORES)
# For a source: stacks are drawn from its dataset, or not, or it is the source of the watermark.
RELIABILITY = ("reliable", "unreliable", "watermark")
ALL_NOISE = "all"
CHUNKS_AT_ONCE = 64
Span = tuple[int, int]


def scored_truth(scores: Scores, truth: str | Path) -> pd.DataFrame:
    """Return the kind of every catalogue peak, and its scores.

    Parameters
    ----------
    scores
        Normalized scores of an artificial catalogue.
    truth
        The table that `simulate` wrote.

    Returns
    -------
    DataFrame
        One row per peak, in store order. Columns: the two views (the labels of its source); kind (watermark,
        noise, stack), place (of `RELIABILITY`), group (of a stack peak, else -1); raw, k_normalized, final
        (float32).

    Raises
    ------
    InputError
        If `truth` is not a truth table, or lacks a peak of the store.
    StageMissingError
        If the scores are not normalized yet.

    """
    known, cell_line = read_truth(truth), scores.cell_line
    scores.require_normalized()
    parts = [
        _contig_truth(scores, known, contig, peaks)
        for contig, peaks in contig_ranges(cell_line, "peaks").items()
    ]
    columns = [*cell_line.views, "kind", "place", "group", *SCORES]
    return pd.concat(parts, ignore_index=True)[columns]


def _contig_truth(scores: Scores, truth: Truth, contig: str, peaks: Span) -> pd.DataFrame:
    """Return the rows of `scored_truth` for one contig."""
    cell_line = scores.cell_line
    kind, group = peak_truth(truth, cell_line, contig, peaks)
    source = cell_line.peaks(*peaks).source
    columns: dict[str, Any] = {
        "kind": labelled(kind, KINDS),
        "place": labelled(reliability_of(truth, cell_line.sources)[source], RELIABILITY),
        "group": group.astype(np.int16),
    }
    for axis, view in enumerate(cell_line.views):
        columns[view] = labelled(cell_line.cells[source, axis], cell_line.labels[axis])
    columns |= {variable.name: scores.read(variable, *peaks) for variable in PEAK_SCORES}
    return pd.DataFrame(columns)


def noise_detection(scores: Scores, truth: str | Path) -> pd.DataFrame:
    """Return how well low scores separate noise from stack peaks.

    Parameters
    ----------
    scores
        Normalized scores of an artificial catalogue.
    truth
        The table that `simulate` wrote.

    Returns
    -------
    DataFrame
        Index: score (raw, k_normalized, final), noise (all, reliable, unreliable: the datasets that hold the
        noise). Columns: auroc, the probability that a stack peak scores higher than a noise peak;
        average_precision of noise, found from the lowest score up; share of noise, which is the average
        precision of a score without information; noise_peaks, stack_peaks: their numbers. Cases without noise
        are left out.

    Raises
    ------
    InputError
        If `truth` is not a truth table, or lacks a peak of the store; if there is no stack peak or no noise.
    StageMissingError
        If the scores are not normalized yet.

    """
    found = detection_of(scored_truth(scores, truth), SCORES)
    if found.empty:
        raise InputError(f"{truth}: the store holds no noise or no stack peak; simulate more CRMs")
    return found


def detection_of(peaks: pd.DataFrame, scores: Sequence[str]) -> pd.DataFrame:
    """Return what `noise_detection` returns, for any columns of a frame with kind and place."""
    stack = peaks[peaks["kind"] == "stack"]
    noise = peaks[peaks["kind"] == "noise"]
    cases = {ALL_NOISE: noise, **{place: noise[noise["place"] == place] for place in RELIABILITY[:2]}}
    rows = [
        {
            "score": score,
            "noise": case,
            "auroc": auroc(stack[score].to_numpy(), of_case[score].to_numpy()),
            "average_precision": average_precision(-of_case[score].to_numpy(), -stack[score].to_numpy()),
            "share": len(of_case) / (len(of_case) + len(stack)),
            "noise_peaks": len(of_case),
            "stack_peaks": len(stack),
        }
        for score in scores
        for case, of_case in cases.items()
        if len(of_case) and len(stack)
    ]
    return pd.DataFrame(rows).set_index(["score", "noise"]) if rows else pd.DataFrame()


def labelled(codes: npt.NDArray[np.integer[Any]], names: Sequence[str]) -> "pd.Categorical[str]":
    """Return `names[codes]`, one byte each if there are few names."""
    return pd.Categorical.from_codes(codes, pd.Index(list(names)))


def reliability_of(truth: Truth, sources: Sequence[Source]) -> npt.NDArray[np.int8]:
    """Return for each source an index into `RELIABILITY`."""
    return np.array(
        [2 if source in truth.watermarks else 0 if source[0] in truth.reliable else 1 for source in sources],
        np.int8,
    )


def contig_ranges(cell_line: CellLine, kind: Literal["windows", "peaks"]) -> dict[str, Span]:
    """Return, for each contig that has any, the first window or peak and the one after the last."""
    read = cell_line.windows if kind == "windows" else cell_line.peaks
    counts = np.zeros(len(cell_line.contigs), np.int64)
    for block in cell_line.blocks(kind, CHUNKS_AT_ONCE):
        counts += np.bincount(read(*block).contig, minlength=len(counts))
    stops = np.cumsum(counts)
    return {
        contig: (stop - count, stop)
        for contig, count, stop in zip(cell_line.contigs, counts.tolist(), stops.tolist(), strict=True)
        if count
    }


def peak_truth(
    truth: Truth, cell_line: CellLine, contig: str, peaks: Span
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Return kind (index into `KINDS`) and group of the catalogue peaks of a whole contig.

    A peak is identified by its positions and source. If several are the same, the first in the store is the
    first in the table.

    Raises
    ------
    InputError
        If the table lacks one of them.

    """
    sources = cell_line.sources
    code = {source: index for index, source in enumerate(sources)}
    rows = truth.rows(contig)
    of_name = np.array([code.get(split_name(name)[0], -1) for name in rows["name"].cat.categories], np.int64)
    rows["source"] = of_name[rows["name"].cat.codes]
    of_contig = cell_line.peaks(*peaks)
    stored = pd.DataFrame(
        {
            "start": of_contig.start_bp,
            "end": of_contig.end_bp,
            "source": of_contig.source.astype(np.int64),
        }
    )
    key = list(stored.columns)
    for frame in (rows, stored):
        frame["copy"] = frame.groupby(key).cumcount()
    found = stored.merge(rows[[*key, "copy", "kind", "group"]], "left", [*key, "copy"])
    absent = found["kind"].isna().to_numpy()
    if absent.any():
        at = found.iloc[int(np.argmax(absent))]
        raise InputError(
            f"{truth.file}: lacks {int(absent.sum())} peaks of the store on {contig}, the first of them "
            f"{at['start']}-{at['end']} {source_name(sources[at['source']])}; {HINT}"
        )
    kind = found["kind"].cat.set_categories(list(KINDS)).cat.codes.to_numpy(np.int8)
    return np.asarray(kind), found["group"].to_numpy(np.int64)
