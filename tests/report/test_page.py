"""The blocks of a page."""

import pandas as pd

from atypeak_scale.registry.report_columns import FILES
from atypeak_scale.report.page import Listing, Page, Section, Text


def test_listings__are_those_of_all_sections_in_order() -> None:
    listings = [Listing(name, "", FILES, pd.DataFrame(), "") for name in ("c", "a", "b")]
    sections = (
        Section("one", "", "", (listings[0], Text(("x",)), listings[1])),
        Section("two", "", "", (Text(()), listings[2])),
    )
    assert [one.name for one in Page("", "", ("d", "t"), sections, {}).listings()] == ["c", "a", "b"]
