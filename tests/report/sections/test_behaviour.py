"""How scores behave: figures against scores."""

import numpy as np
import pandas as pd

from atypeak_scale.assess.description.distributions import score_density
from atypeak_scale.report.page import Figure, Listing, Text
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.behaviour import behaviour_blocks, relative_error
from atypeak_scale.scoring.export.tsv import weights_table


def test_behaviour_blocks__density_is_that_of_the_assessment(results: Results) -> None:
    blocks = list(behaviour_blocks(results))
    figures = {one.name: one for one in blocks if isinstance(one, Figure)}
    listings = {one.name: one for one in blocks if isinstance(one, Listing)}
    for scores in results.each:
        found = score_density(scores)
        name = f"density-{scores.objective}"
        table = listings[name].frame
        np.testing.assert_array_equal(table["median"], found["median"])
        assert table["crm_peaks_from"].tolist() == (2 ** found["log2_peaks"].values).tolist()
        data = figures[name].model.renderers[0].data_source.data
        known = found["peaks"].values > 0
        np.testing.assert_array_equal(data["median"], found["median"].values[known])
        assert f"{float(found['spearman'].sel(relation='peak')):.2f}" in figures[name].how_to_read


def test_behaviour_blocks__histogram_is_cut_where_the_rest_can_be_seen(results: Results) -> None:
    figure = {one.name: one for one in behaviour_blocks(results) if isinstance(one, Figure)}["calibration"]
    data, top = figure.model.renderers[0].data_source.data, figure.model.y_range.end
    said = [int(text.replace(",", "")) for text in figure.model.renderers[-1].data_source.data["text"]]
    assert said == [number for number in data["top"] if number > top]
    assert (np.asarray(data["random"]) < top).all()


def test_behaviour_blocks__weights_with_their_flags(results: Results) -> None:
    assert results.article is not None
    blocks = list(behaviour_blocks(results))
    table = weights_table(results.article)
    flagged = (table["weight_flag"].fillna("") != "").sum()
    texts = [text for one in blocks if isinstance(one, Text) for text in one.paragraphs]
    assert texts[-1].startswith(f"{flagged} weight" if flagged else "None of the")
    dots = {one.name: one for one in blocks if isinstance(one, Figure)}["weights"].model.renderers[-1]
    colours, weights = dots.data_source.data["colour"], dots.data_source.data["value"]
    assert sum(one == "#e0772a" for one in colours) == flagged
    assert sorted(weights) == sorted(table["weight"])


def test_relative_error__is_that_of_a_simulated_sample() -> None:
    """Draw theta and eta as their errors say, and see how the weight spreads."""
    rng = np.random.default_rng(1)
    k1, full, mean, error, share, eta, eta_error = 1.2, 8.0, 2.0, 0.05, 0.4, 0.5, 0.02
    theta, etas = rng.normal(mean, error, 200_000), rng.normal(eta, eta_error, 200_000)
    weights = k1 * full / theta * (1 - share * etas)
    table = pd.DataFrame(
        {"theta_mean": [mean], "theta_error": [error], "eta_mean": [eta], "eta_error": [eta_error],
         "k3": [1 - share * eta]}
    )  # fmt: skip
    np.testing.assert_allclose(relative_error(table), weights.std() / weights.mean(), rtol=0.02)
