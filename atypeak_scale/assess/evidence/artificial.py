"""Scores against the truth of an artificial catalogue: is noise below what belongs together?

Article, "Validation using artificially generated data". One contig at a time; only `scored_truth` and what
is made from it grow with the catalogue, by some 20 bytes a peak, since ranks need every score.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import zarr

from atypeak_scale.assess.evidence.ranking import auroc, average_precision
from atypeak_scale.catalogue.names import source_name, split_name
from atypeak_scale.catalogue.truth import HINT, KINDS, Truth, read_truth
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.scoring.normalize import NORMALIZATION
from atypeak_scale.store import schema

SCORES = ("raw", "k_normalized", "final")
# Where a source lies: in a dataset that stacks are drawn from, in another, or it is the watermark's.
PLACES = ("reliable", "unreliable", "watermark")
ALL_NOISE = "all"


def scored_truth(run: ScoreRun, truth: str | Path) -> pd.DataFrame:
    """Return what every catalogue peak is, and its scores; one row a peak, in store order.

    Columns: the two views (the labels of its source); kind (watermark, noise, stack), place (of `PLACES`),
    group (of a stack peak, else -1); raw, k_normalized, final (float32).

    Raises
    ------
    InputError
        Where `truth` is no truth table, or lacks a peak of the store.
    AtypeakError
        Where the scores are not normalized yet.

    """
    known = read_truth(truth)
    data, scores = run.open()
    if NORMALIZATION not in scores.attrs:
        raise AtypeakError(
            f"{run.results}: not normalized; run 'atypeak-scale normalize {run.store} {run.options}' first"
        )
    labels = schema.source_labels(data)
    view0, view1 = schema.views_of(data)
    source_place = places(known, labels)
    parts = []
    for contig, (start, stop) in contig_ranges(data, "catalogue_contig"):
        kind, group = peak_truth(known, data, contig, start, stop)
        source = schema.read_array(data, "catalogue_source", start, stop)
        columns = {
            "kind": labelled(kind, KINDS),
            "place": labelled(source_place[source], PLACES),
            "group": group.astype(np.int16),
        }
        for at, view in enumerate((view0, view1)):
            names = sorted({label[at] for label in labels})
            code = np.array([names.index(label[at]) for label in labels])
            columns[view] = labelled(code[source], names)
        columns |= {name: schema.read_array(scores, name, start, stop) for name in SCORES}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)[[view0, view1, "kind", "place", "group", *SCORES]]


def noise_detection(run: ScoreRun, truth: str | Path) -> pd.DataFrame:
    """Return how well low scores find the noise among the stack peaks.

    Index: score (of `SCORES`), noise (all, reliable, unreliable: where the noise lies). Columns: auroc, the
    probability that a stack peak scores higher than a noise peak; average_precision of noise, found from the
    lowest score up; share of noise, which is the average precision of a score that tells nothing; noise,
    stack: numbers of peaks. Cases without noise are left out.

    Raises
    ------
    InputError, AtypeakError
        As `scored_truth`; where there is no stack peak or no noise.

    """
    peaks = scored_truth(run, truth)
    found = detection_of(peaks, SCORES)
    if found.empty:
        raise InputError(f"{truth}: the store holds no noise or no stack peak; simulate more CRMs")
    return found


def detection_of(peaks: pd.DataFrame, scores: tuple[str, ...]) -> pd.DataFrame:
    """Return what `noise_detection` does, of any columns of a frame with kind and place."""
    stack = peaks[peaks["kind"] == "stack"]
    noise = peaks[peaks["kind"] == "noise"]
    cases = {ALL_NOISE: noise, **{place: noise[noise["place"] == place] for place in PLACES[:2]}}
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
    """Return `names[codes]`, one byte each where names are few."""
    return pd.Categorical.from_codes(codes, pd.Index(list(names)))


def places(truth: Truth, labels: list[tuple[str, str]]) -> npt.NDArray[np.int8]:
    """Return the place of each source, as an index into `PLACES`."""
    return np.array(
        [2 if source in truth.watermarks else 0 if source[0] in truth.reliable else 1 for source in labels],
        np.int8,
    )


def contig_ranges(data: zarr.Group, name: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield (contig, its range) of an array of contig indices that is sorted, leaving out absent contigs."""
    contigs, array = schema.read_array(data, "contig"), schema.array(data, name)
    counts = np.zeros(len(contigs), np.int64)
    for start in range(0, array.shape[0], array.chunks[0]):
        codes = schema.read_array(data, name, start, start + array.chunks[0])
        counts += np.bincount(codes, minlength=len(contigs))
    stops = np.cumsum(counts)
    for contig, count, stop in zip(contigs, counts.tolist(), stops.tolist(), strict=True):
        if count:
            yield str(contig), (stop - count, stop)


def peak_truth(
    truth: Truth, data: zarr.Group, contig: str, start: int, stop: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Return kind (index into `KINDS`) and group of catalogue peaks [start, stop), which are all of a contig.

    A peak is known by its positions and source; of several that are the same, the first in the store is the
    first in the table.

    Raises
    ------
    InputError
        Where the table lacks one of them.

    """
    sources = schema.source_labels(data)
    code = {source: index for index, source in enumerate(sources)}
    rows = truth.rows(contig)
    of_name = np.array([code.get(split_name(name)[0], -1) for name in rows["name"].cat.categories], np.int64)
    rows["source"] = of_name[rows["name"].cat.codes]
    stored = pd.DataFrame(
        {
            key: schema.read_array(data, f"catalogue_{key}", start, stop).astype(np.int64)
            for key in ("start", "end", "source")
        }
    )
    key = ["start", "end", "source"]
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
