"""Which experiments stand out: what is drawn, against the table."""

import numpy as np

from atypeak_scale.report.page import Figure, Listing, Missing
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.experiments import section


def drawn(figure: Figure) -> dict[str, list]:
    """Return the data of the dots."""
    data = figure.model.renderers[-1].data_source.data
    return {name: list(values) for name, values in data.items()}


def figures(results: Results) -> dict[str, Figure]:
    return {block.name: block for block in section(results).blocks if isinstance(block, Figure)}


def name_of(row: object) -> str:
    return f"{row.dataset}.{row.tr}".replace("$$", "$\u200b$")


def test_section__draws_judged_sources_with_the_most_random_first(results: Results) -> None:
    judged = results.experiments.query("verdict == 'judged'").sort_values("share_random", ascending=False)
    assert 2 < len(judged) < len(results.names)
    dots = drawn(figures(results)["share-random"])
    assert dots["name"] == [name_of(row) for row in judged.itertuples()]
    for name, column in (("value", ""), ("low", "_low"), ("high", "_high")):
        np.testing.assert_allclose(dots[name], 100 * judged[f"share_random{column}"])


def test_section__draws_power_with_the_least_first(results: Results) -> None:
    powers = drawn(figures(results)["power"])["value"]
    np.testing.assert_allclose(powers, results.experiments["power"].sort_values())


def test_section__puts_replicates_beside_each_other(results: Results) -> None:
    judged = results.experiments.query("verdict == 'judged'")
    of_label = judged.groupby("tr")["share_random"]
    spread = (of_label.max() - of_label.min())[of_label.size() > 1]
    assert len(spread) > 1
    dots = drawn(figures(results)["replicates"])
    labels = [name.split("  ")[0].replace("\u200b", "") for name in dots["name"]]
    assert list(dict.fromkeys(labels)) == spread.sort_values(ascending=False).index.tolist()
    assert (
        len(labels)
        == sum(labels.count(label) for label in set(labels))
        == of_label.size()[spread.index].sum()
    )


def test_section__lists_all_of_them(results: Results) -> None:
    (listing,) = [block for block in section(results).blocks if isinstance(block, Listing)]
    columns = ["dataset", "tr"]
    assert len(listing.frame) == len(results.names)
    merged = listing.frame.merge(results.experiments, on=columns, suffixes=("", "_table"))
    np.testing.assert_array_equal(merged["power"], merged["power_table"])


def test_section__without_support_shows_final_scores_only(of_article: Results) -> None:
    assert list(figures(of_article)) == ["finals"]
    medians = drawn(figures(of_article)["finals"])["value"]
    np.testing.assert_allclose(medians, of_article.experiments["final_median"].sort_values())
    assert [block.stage for block in section(of_article).blocks if isinstance(block, Missing)] == ["support"]
