"""Boxes and dots against the truth of an artificial catalogue."""

import numpy as np
import pandas as pd
import pytest
from plot.drawn import labels, lines

from atypeak_scale.assess.evidence.artificial import scored_truth
from atypeak_scale.assess.evidence.rebuilt import rebuilt_by_kind as count
from atypeak_scale.assess.evidence.rebuilt import summarize_rebuilt
from atypeak_scale.plot.artificial import rebuilt_by_kind, scores_by_kind
from atypeak_scale.scoring.scores import Scores


def truth_of(scores: Scores) -> str:
    return str(scores.cell_line.store.parent / "catalogue" / "truth.tsv")  # type: ignore[union-attr]


def test_scores__a_box_for_each_kind(article: Scores) -> None:
    peaks = scored_truth(article, truth_of(article))
    ax = scores_by_kind(peaks, "raw")
    medians = [line.get_ydata()[0] for line in ax.lines[4::5]]  # after two whiskers and two caps
    groups = peaks.groupby(["kind", "place"], observed=True)["raw"]
    expected = {(str(kind), str(place)): (len(part), part.median()) for (kind, place), part in groups}
    assert len(labels(ax, "x")) == len(expected) >= 3
    for label, median in zip(labels(ax, "x"), medians, strict=True):
        kind, *place, peaks_of_kind = label.split("\n")
        number, value = expected[kind, place[0] if place else "watermark"]
        assert int(peaks_of_kind.replace(",", "")) == number
        assert median == pytest.approx(value, rel=1e-6)
    kinds = [label.split("\n")[0] for label in labels(ax, "x")]
    assert kinds == sorted(kinds, key=("stack", "watermark", "noise").index)


def test_rebuilt__a_dot_for_each_case(article: Scores) -> None:
    found = count(article, truth_of(article))
    ax = rebuilt_by_kind(found)
    table = summarize_rebuilt(found).reset_index()
    drawn = lines(ax)
    words = {"same": "group of the stack", "other": "another group", "none": "in no group"}
    for group, part in table.groupby("group", observed=True):
        medians = pd.Series(drawn[words[str(group)]][:, 1])
        assert sorted(medians) == sorted(part["median"])
        places = np.round(drawn[words[str(group)]][:, 0]).astype(int)
        names = [labels(ax, "x")[at].replace("\n", " ") for at in places]
        cases = {
            str(row.kind) if row.kind == "watermark" else f"{row.kind} {row.place}": row.median
            for row in part.itertuples()
        }
        assert dict(zip(names, medians, strict=True)) == cases
