"""Matrices against the Dataset they are of."""

import numpy as np
import pytest
import xarray as xr
from plot.drawn import image, labels

from atypeak_scale.assess import load, statistics
from atypeak_scale.errors import InputError
from atypeak_scale.plot.canvas import axes_for
from atypeak_scale.plot.matrices import correlation, jaccard, mean_crm, qscore, similar_order
from atypeak_scale.scoring.scores import Scores


@pytest.fixture(scope="module")
def data(supported: Scores) -> xr.Dataset:
    return statistics(supported.cell_line)


@pytest.mark.parametrize("of", ["source", "dataset", "tr"])
def test_correlation__every_cell_with_its_labels(data: xr.Dataset, of: str) -> None:
    mine = axes_for(None)
    ax = correlation(data, of, mine)
    assert ax is mine
    assert labels(ax) == labels(ax, "x")
    assert sorted(labels(ax)) == data[of].values.tolist()
    expected = data[f"correlation_{of}"].sel({of: labels(ax), f"other_{of}": labels(ax)})
    np.testing.assert_array_equal(image(ax), expected)
    assert ax.images[0].get_clim() == (-1, 1)


def test_jaccard__without_the_diagonal(data: xr.Dataset) -> None:
    ax = jaccard(data, "dataset")
    expected = data["jaccard_dataset"].sel(dataset=labels(ax), other_dataset=labels(ax)).values.copy()
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_array_equal(image(ax), expected)
    assert not np.isnan(data["jaccard_dataset"].values.diagonal()).any()  # the data are as they were
    with pytest.raises(InputError, match=r"no jaccard of 'source'; known are dataset, tr"):
        jaccard(data, "source")


def test_mean_crm__nothing_where_there_is_no_source(data: xr.Dataset) -> None:
    ax = mean_crm(data)
    values = data["mean_crm"].values
    np.testing.assert_array_equal(image(ax), np.where(values > 0, values, np.nan))
    assert (labels(ax), labels(ax, "x")) == (data["dataset"].values.tolist(), data["tr"].values.tolist())


def test_qscore__contributions(kept: Scores) -> None:
    found = load(kept, "qscore")
    ax = qscore(found)
    np.testing.assert_array_equal(image(ax), found["contribution"])
    assert np.nanmax(image(ax)) > 0
    assert labels(ax) == labels(ax, "x") == found["label"].values.tolist()
    borders = [line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1]
    assert borders == [float((found["view"] == "dataset").sum()) - 0.5]
    assert f"{float(found['total']):.3g}" in ax.get_title(loc="left")


def test_order__puts_similar_ones_beside_each_other() -> None:
    group = np.array([0, 1, 0, 2, 1, 0, 2, 1])
    similarity = np.where(group[:, None] == group, 0.8, -0.1)
    similarity[0, 3] = np.nan
    np.fill_diagonal(similarity, 1.0)
    order = similar_order(similarity)
    assert sorted(order) == list(range(8))
    assert (np.diff(group[order]) != 0).sum() == 2
    assert similar_order(np.ones((2, 2))).tolist() == [0, 1]
