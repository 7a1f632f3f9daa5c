"""Who goes with whom: matrices against the assessments they show."""

import numpy as np

from atypeak_scale.assess.description.pairs import pairs
from atypeak_scale.assess.interpretation.corroboration import corroboration
from atypeak_scale.assess.interpretation.groups import phantoms
from atypeak_scale.registry.results import GROUPS
from atypeak_scale.report.matrices import CODES, EMPTY
from atypeak_scale.report.page import Block, Chooser, Figure, Listing, Missing
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.together import MOST_PHANTOMS, section


def named(results: Results) -> dict[tuple[str, str], Block]:
    blocks = section(results).blocks
    return {
        (type(one).__name__, one.name): one for one in blocks if isinstance(one, Figure | Listing | Chooser)
    }


def values_of(figure: Figure) -> dict[tuple[str, str], float]:
    """Return what a reader sees in every cell."""
    said = figure.model.tags[0]["matrix"]
    codes = figure.model.select_one({"name": "matrix"}).data_source.data["image"][0]
    scaled = said["low"] + codes / CODES * (said["high"] - said["low"])
    values = np.where(codes == EMPTY, np.nan, scaled)
    return {
        (row, column): values[i, j]
        for i, row in enumerate(said["rows"])
        for j, column in enumerate(said["columns"])
    }


def test_section__groups_show_what_is_asked(results: Results) -> None:
    found = results.kept(GROUPS)
    assert found is not None
    seen = values_of(named(results)["Figure", "groups"])
    for one in found["source"].values:
        for other in found["source_other"].values:
            asked = float(found["asked"].sel(source=one, source_other=other))
            np.testing.assert_allclose(seen[one, other], np.clip(asked, 0, 1), atol=0.003)
    frames = named(results)["Figure", "groups"].model.renderers[-1].data_source.data
    assert len(frames["start"]) == found.attrs["groups"]


def test_section__phantoms_of_each_source(results: Results) -> None:
    found = results.kept(GROUPS)
    assert found is not None
    chooser = named(results)["Chooser", "phantoms"]
    assert isinstance(chooser, Chooser)
    assert [choice.name for choice in chooser.choices] == found["source"].values.tolist()
    for choice in chooser.choices:
        expected = phantoms(found, choice.name).head(MOST_PHANTOMS)
        np.testing.assert_allclose(choice.data["values"]["value"], expected["value"], atol=1e-5)


def test_section__corroboration_adds_up(results: Results) -> None:
    assert results.support is not None
    seen = values_of(named(results)["Figure", "corroboration"])
    figure = named(results)["Figure", "corroboration"].model.tags[0]["matrix"]
    step = (figure["high"] - figure["low"]) / CODES
    for row in corroboration(results.support).itertuples(index=False):
        total = np.clip(row.overlap + row.near + row.present, figure["low"], figure["high"])
        one, other = f"{row.dataset}.{row.tr}", f"{row.other_dataset}.{row.other_tr}"
        np.testing.assert_allclose(seen[one, other], total, atol=step)
        assert np.isnan(seen[one, one])


def test_section__pairs_show_superiority(results: Results) -> None:
    assert results.article is not None
    expected = pairs(results.article)
    seen = values_of(named(results)["Figure", "pairs"])
    for row in expected.itertuples():
        np.testing.assert_allclose(seen[row.tr, row.other_tr], np.clip(row.superiority, 0.2, 0.8), atol=0.003)
    listing = named(results)["Listing", "pairs"]
    assert isinstance(listing, Listing)
    differences = listing.frame["median_difference"].abs()
    assert differences.tolist() == sorted(differences, reverse=True)


def test_section__says_how_to_find_groups(results: Results) -> None:
    blocks = section(Results(None, results.support)).blocks
    assert [one.stage for one in blocks if isinstance(one, Missing)] == ["groups"]
