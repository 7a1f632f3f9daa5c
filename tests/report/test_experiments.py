"""The table of experiments, against the peaks themselves."""

import numpy as np

from atypeak_scale.registry import variables as v
from atypeak_scale.registry.report_columns import EXPERIMENTS
from atypeak_scale.report.results import Results


def test_experiments__has_what_each_peak_says(results: Results) -> None:
    assert results.support is not None and results.article is not None
    found = results.experiments
    assert list(found.columns) == [column.name for column in EXPERIMENTS.named(results.views)]
    peaks = results.support.peaks.to_dataframe()
    peaks["final"] = results.article.peaks["final"].to_numpy()
    for number, (dataset, tr) in enumerate(results.cell_line.sources):
        mine = peaks[(peaks["dataset"] == dataset) & (peaks["tr"] == tr)]
        others = peaks[(peaks["dataset"] != dataset) & (peaks["tr"] == tr)]
        row = found.iloc[number]
        assert (row["dataset"], row["tr"], row["peaks"]) == (dataset, tr, len(mine))
        assert row["others_of_label"] == others["dataset"].nunique()
        confirmed = [
            (
                (others["contig"] == one.contig) & (others["start"] < one.end) & (others["end"] > one.start)
            ).any()
            for one in mine.itertuples()
        ]
        np.testing.assert_allclose(row["confirmed"], np.mean(confirmed) if len(others) else np.nan)
        np.testing.assert_allclose(row["median_doubt"], mine["doubt"].median(), rtol=1e-6)
        for name, at in (("lower_quartile", 0.25), ("median", 0.5), ("upper_quartile", 0.75)):
            np.testing.assert_allclose(row[f"final_{name}"], mine["final"].quantile(at), rtol=1e-6)
    for variable in v.CHANCE_VARIABLES:
        if variable.name in found:
            np.testing.assert_array_equal(found[variable.name], results.support.read(variable))


def test_experiments__without_support_lacks_what_support_says(of_article: Results) -> None:
    found = of_article.experiments
    assert found[["share_random", "power", "median_doubt"]].isna().all(axis=None)
    assert set(found["verdict"]) == {""}
    assert found["final_median"].notna().all()
