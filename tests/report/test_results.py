"""What a report may show: scores, kept assessments, folders of other commands."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.assess.results import load
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.results import GROUPS, QSCORE
from atypeak_scale.report.results import Results, results_of
from tests.report.conftest import handles


def test_results_of__orders_scores_by_their_objective(workdir: Path) -> None:
    found = results_of(handles(workdir)[::-1], workdir)
    assert found.article is not None and found.article.objective == "article"
    assert found.support is not None and found.support.objective == "support"
    assert found.scores == found.support
    assert found.each == [found.article, found.support]


def test_results_of__refuses_two_of_a_kind_and_incomplete_ones(workdir: Path, tmp_path: Path) -> None:
    _, support = handles(workdir)
    with pytest.raises(InputError, match="one of the article, one of support"):
        results_of([support, support], None)
    shutil.copytree(workdir, tmp_path / "copy")
    other, _ = handles(tmp_path / "copy")
    other.set_attribute("normalization", None)
    with pytest.raises(StageMissingError, match="normalize"):
        results_of([other], None)


def test_kept__is_what_was_saved(results: Results, of_article: Results) -> None:
    assert results.article is not None
    found = results.kept(QSCORE)
    assert found is not None
    assert float(found["total"]) == float(load(results.article, "qscore")["total"])
    assert of_article.kept(GROUPS) is not None
    assert Results(None, results.support).kept(QSCORE) is None


def test_table__is_read_from_a_folder_made_from_the_same_scores(results: Results, workdir: Path) -> None:
    found = results.table("evidence", "evidence.tsv")
    assert found is not None
    expected = pd.read_csv(
        workdir / "evidence" / "evidence.tsv", sep="\t", keep_default_na=False, na_values=[""]
    )
    pd.testing.assert_frame_equal(found, expected)
    assert results.table("releases", "summary.tsv") is None
    assert Results(results.article, results.support, None).table("evidence", "evidence.tsv") is None
    # Evidence is about support: without it, the folder is of other scores.
    assert Results(results.article, None, workdir).table("evidence", "evidence.tsv") is None


def test_chance__and_quartiles__are_those_of_the_scores(results: Results) -> None:
    assert results.support is not None
    np.testing.assert_array_equal(results.chance["power"], results.support.read(v.POWER))
    doubt, source = results.support.peaks["doubt"].to_numpy(), results.cell_line.peaks(0, None).source
    rows = results.quartiles.query("of == 'source' and score == 'doubt'").set_index("label")["median"]
    for number, name in enumerate(results.names):
        mine = doubt[source == number]
        expected = np.median(mine[~np.isnan(mine)]) if (~np.isnan(mine)).any() else np.nan
        np.testing.assert_allclose(rows[name], expected, rtol=1e-6)
