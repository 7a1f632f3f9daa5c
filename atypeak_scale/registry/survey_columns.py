"""Columns of the tables of a survey."""

from atypeak_scale.registry.ranges import FROM_0, SHARE
from atypeak_scale.registry.table import VIEW0, VIEW1, Column, Table

CELL_LINE = Column("cell_line", "text", "name of the cell line")
PEAKS = Column("peaks", "int64", "number of peaks", range=FROM_0)
IN_CRMS = Column("in_crms", "float64", "share of them that overlap a CRM; missing without CRMs", range=SHARE)
WIDTH = Column("mean_width", "float64", "mean width of them", "bp", range=FROM_0)
CELL_LINES = Table(
    "cell-lines",
    "every cell line of a catalogue, and whether there is enough of it to judge its peaks",
    (
        CELL_LINE,
        PEAKS,
        Column("sources", "int64", "number of sources, pairs of {view0} and {view1}", range=FROM_0),
        Column("view0s", "int64", "number of labels of the view {view0}", range=FROM_0),
        Column("view1s", "int64", "number of labels of the view {view1}", range=FROM_0),
        WIDTH,
        IN_CRMS,
        Column("selected_sources", "int64", "number of sources that the selection keeps", range=FROM_0),
        Column("selected_peaks", "int64", "number of their peaks", range=FROM_0),
        Column(
            "judgeable_sources",
            "int64",
            "number of them with enough peaks in CRMs to be judged, and beside another source",
            range=FROM_0,
        ),
        Column(
            "sources_in_crm",
            "float64",
            "mean number of selected sources in a CRM that has any; missing without CRMs",
            range=FROM_0,
        ),
        Column(
            "verdict",
            "text",
            "whether the peaks of the cell line can be judged: yes; few, with fewer than 8 sources of 100 "
            "peaks or fewer than 1.5 sources in a CRM, where power is often too low; no, with fewer than 2 "
            "such sources",
        ),
        Column("similar", "text", "other cell lines whose names look like the same, separated by commas"),
    ),
)
SURVEY_SOURCES = Table(
    "survey-sources",
    "every source of every cell line of a catalogue",
    (
        CELL_LINE,
        VIEW0,
        VIEW1,
        PEAKS,
        WIDTH,
        IN_CRMS,
        Column("selected", "int64", "1 if the selection keeps it, else 0", range=SHARE),
    ),
)
