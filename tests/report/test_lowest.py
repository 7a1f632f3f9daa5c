"""The lowest peaks, some of each source, against a sort of all of them."""

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.registry.report_columns import LOWEST_PEAKS
from atypeak_scale.report.lowest import lowest_peaks
from atypeak_scale.report.results import Results

PLACE = ["contig", "start", "end", "dataset", "tr"]


def expected(peaks: pd.DataFrame, by: list[str], ascending: list[bool], count: int) -> pd.DataFrame:
    """Deal the peaks out: the worst of each source, then the second worst, ...; then sort them."""
    ordered = peaks[peaks[by[0]].notna()].sort_values(by, ascending=ascending, kind="stable")
    ordered = ordered.assign(turn=ordered.groupby(["dataset", "tr"]).cumcount())
    dealt = ordered.sort_values("turn", kind="stable").head(count)
    return dealt.sort_values(by, ascending=ascending, kind="stable")


@pytest.mark.parametrize("count", [1, 7, 60])
def test_lowest_peaks__are_some_of_each_source(results: Results, count: int) -> None:
    assert results.support is not None and results.article is not None
    found = lowest_peaks(results.article, results.support, count)
    assert list(found.columns) == [column.name for column in LOWEST_PEAKS.named(results.views)]
    peaks = results.support.peaks.to_dataframe()
    peaks["final"] = results.article.peaks["final"].to_numpy()
    right = expected(peaks[peaks["doubt"] > 0], ["doubt", "support"], [False, True], count)
    assert found[PLACE].to_numpy().tolist() == right[PLACE].to_numpy().tolist()
    for name in ("crm", "other_sources", "final", "doubt", "support"):
        np.testing.assert_array_equal(found[name], right[name])


def test_lowest_peaks__without_support_are_those_of_low_final_scores(of_article: Results) -> None:
    assert of_article.article is not None
    found = lowest_peaks(of_article.article, None, 40)
    right = expected(of_article.article.peaks.to_dataframe(), ["final"], [True], 40)
    assert found[PLACE].to_numpy().tolist() == right[PLACE].to_numpy().tolist()
    assert found["doubt"].isna().all()
