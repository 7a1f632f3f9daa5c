"""Show me a module: which are chosen, and that figure and table agree."""

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.assess.regions.interesting import interesting_modules
from atypeak_scale.report.lowest import lowest_peaks
from atypeak_scale.report.page import Chooser, Listing
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.modules import EACH, OF_PEAKS, choose, section


@pytest.fixture(scope="module")
def blocks(results: Results) -> tuple[Chooser, pd.DataFrame, pd.DataFrame]:
    chooser, modules, lowest = section(results).blocks
    assert isinstance(chooser, Chooser) and isinstance(modules, Listing) and isinstance(lowest, Listing)
    return chooser, modules.frame, lowest.frame


def test_choose__takes_the_extremes_of_both_scores_and_of_peaks(results: Results) -> None:
    lowest = lowest_peaks(results.article, results.support, 30)
    chosen = choose(results, lowest)
    wanted = set(lowest["crm"].drop_duplicates().head(OF_PEAKS))
    for scores in results.each:
        wanted |= set(interesting_modules(scores, EACH)["crm"])
    assert set(chosen) == wanted
    first = interesting_modules(results.scores, 1).iloc[0]
    assert chosen[int(first["crm"])].startswith("among the best by support")
    both = set.intersection(*({(row.crm, row.kind) for row in interesting_modules(one, EACH).itertuples()}
                              for one in results.each))  # fmt: skip
    assert all("by support and by final score" in chosen[crm] for crm, _ in both)


def test_section__figure_and_table_hold_the_same_modules(
    blocks: tuple[Chooser, pd.DataFrame, pd.DataFrame],
) -> None:
    chooser, modules, _ = blocks
    places = [choice.place for choice in chooser.choices]
    assert places == list(modules[["contig", "start", "end", "crm"]].itertuples(index=False, name=None))
    assert len({choice.name for choice in chooser.choices}) == len(places)


def test_section__means_are_those_of_the_peaks(
    blocks: tuple[Chooser, pd.DataFrame, pd.DataFrame], results: Results
) -> None:
    _, modules, _ = blocks
    assert results.support is not None and results.article is not None
    peaks = results.support.peaks.to_dataframe()
    peaks["final"] = results.article.peaks["final"].to_numpy()
    for row in modules.itertuples():
        mine = peaks[
            (peaks["contig"] == row.contig) & (peaks["start"] < row.end) & (peaks["end"] > row.start)
        ]
        assert row.peaks == len(mine)
        np.testing.assert_allclose(row.final_mean, mine["final"].mean(), rtol=1e-5)
        np.testing.assert_allclose(row.trust_mean, 1 - mine["doubt"].mean(), rtol=1e-5)


def test_section__without_support(of_article: Results) -> None:
    chooser, modules, lowest = section(of_article).blocks
    assert isinstance(modules, Listing) and modules.frame["trust_mean"].isna().all()
    assert isinstance(chooser, Chooser) and "original" in chooser.choices[0].data
    assert isinstance(lowest, Listing) and lowest.frame["final"].notna().all()
