"""Lines over the number of peaks against the Dataset."""

import numpy as np
from plot.drawn import labels, lines

from atypeak_scale.assess import score_density as compute
from atypeak_scale.plot.crm_sizes import score_density
from atypeak_scale.scoring.scores import Scores


def test_density__lines_band_and_numbers_of_crms(article: Scores) -> None:
    found = compute(article)
    ax = score_density(found, "final score")
    used = found.isel(log2_peaks=np.flatnonzero(found["crms"].values > 0))
    drawn = lines(ax)
    for variable, name in (("crm_mean", "mean of a CRM"), ("crm_maximum", "highest of a CRM")):
        np.testing.assert_array_equal(drawn[name][:, 0], used["log2_peaks"])
        np.testing.assert_array_equal(drawn[name][:, 1], used[variable])
    band = ax.collections[0].get_paths()[0].vertices
    for step, low, high in zip(
        *(used[n].values for n in ("log2_peaks", "lower_quartile", "upper_quartile")), strict=True
    ):
        assert {low, high} <= set(band[band[:, 0] == step, 1])
    for step, label in zip(used["log2_peaks"].values, labels(ax, "x"), strict=True):
        ends = [int(part) for part in label.replace(",", "").split("-")]
        assert (ends[0], ends[-1]) == (2**step, 2 ** (step + 1) - 1)
    (top,) = ax.child_axes
    assert labels(top, "x") == [f"{crms:,}" for crms in used["crms"].values]
    assert ax.get_ylabel() == "final score"
