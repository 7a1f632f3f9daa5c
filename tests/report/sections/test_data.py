"""What is in the data: figures against the statistics."""

import numpy as np

from atypeak_scale.assess.description.statistics import statistics
from atypeak_scale.report.page import Figure, Listing, Text
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.data import section
from tests.report.sections.test_together import values_of


def test_section__matrices_are_the_statistics(results: Results) -> None:
    found = statistics(results.cell_line)
    figures = {one.name: one for one in section(results).blocks if isinstance(one, Figure)}
    for figure, array, dims in (
        ("correlation", "correlation_source", ("source", "other_source")),
        ("jaccard", "jaccard_tr", ("tr", "other_tr")),
        ("mean-module", "mean_crm", ("dataset", "tr")),
    ):
        said = figures[figure].model.tags[0]["matrix"]
        seen = values_of(figures[figure])
        assert len(seen) == found[array].size
        for (row, column), value in seen.items():
            expected = float(found[array].sel({dims[0]: row, dims[1]: column}))
            if np.isnan(value):
                assert row == column or expected == 0
            else:
                step = (said["high"] - said["low"]) / 254
                np.testing.assert_allclose(value, np.clip(expected, said["low"], said["high"]), atol=step)


def test_section__bars_are_the_numbers_of_peaks(results: Results) -> None:
    figures = {one.name: one for one in section(results).blocks if isinstance(one, Figure)}
    peaks = results.experiments.groupby("tr")["peaks"].sum().sort_values(ascending=False)
    data = figures["abundance-tr"].model.renderers[0].data_source.data
    assert list(data["value"]) == peaks.tolist()


def test_section__counts_what_the_store_counts(results: Results) -> None:
    text = section(results).blocks[0]
    assert isinstance(text, Text)
    counts = results.cell_line.attributes["accounts"]["peaks"]
    assert f"{counts['used']:,} peaks of {len(results.names)} experiments" in text.paragraphs[0]
    assert f"{counts['outside_crms']:,} peak" in text.paragraphs[0]


def test_section__large_tables_are_only_files(results: Results) -> None:
    listings = {one.name: one for one in section(results).blocks if isinstance(one, Listing)}
    assert sorted(listings) == ["abundance", "correlations", "mean-crm"]
    assert listings["abundance"].in_page
    assert listings["mean-crm"].in_page == (len(listings["mean-crm"].frame) <= 6000)
