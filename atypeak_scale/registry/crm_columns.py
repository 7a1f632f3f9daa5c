"""The tables with a row for each CRM, or for what lies in one; `columns` lists them with all others.

Names and texts stand for the views as in `columns`.
"""

from dataclasses import replace

from atypeak_scale.registry.ranges import FROM_0, FROM_1, SHARE, SIGNED
from atypeak_scale.registry.table import Column, Table

PLACE = (
    Column("contig", "text", "contig"),
    Column("start", "int64", "start, 0-based", "bp", range=FROM_0),
    Column("end", "int64", "end, exclusive", "bp", range=FROM_0),
)
_CRM_ROW = Column("crm", "int64", "row of the CRM in the CRM file, from 0", range=FROM_0)
_UNJUDGED = Column(
    "unjudged_peaks", "int64", "number of peaks without the score, which means leave out", range=FROM_0
)


def with_unjudged(table: Table) -> Table:
    """Return the table for scores that some peaks lack."""
    return replace(table, columns=(*table.columns, _UNJUDGED))


_CRM = (
    *PLACE,
    _CRM_ROW,
    Column("peaks", "int64", "number of peaks that overlap the CRM", range=FROM_0),
    Column("view1s", "int32", "number of distinct labels of the view {view1} among them", range=FROM_0),
)
_BY_FINAL = (
    Column("mean", "float64", "mean of their final scores"),
    Column("max", "float32", "highest of their final scores"),
    Column("sum", "float64", "sum of their final scores"),
    Column(
        "share_below", "float64", "share of them with a final score under the threshold, 0 to 1", range=SHARE
    ),
    Column("rank", "int64", "1 + number of CRMs of this table with a greater sum", range=FROM_1),
)
_BY_TRUST = (
    Column(
        "unjudged_peaks",
        "int64",
        "number of them that cannot be judged; the columns of trust ignore them",
        range=FROM_0,
    ),
    Column("trust_mean", "float64", "mean trust, 1 - doubt, of the others", range=SHARE),
    Column("trust_max", "float32", "their highest trust", range=SHARE),
    Column(
        "trust_sum",
        "float64",
        "sum of their trust: how many of them to expect that do not lie at random",
        range=FROM_0,
    ),
    Column("share_doubted", "float64", "share of them with a doubt above 0.5, 0 to 1", range=SHARE),
    Column("trust_rank", "int64", "1 + number of CRMs of this table with a greater trust_sum", range=FROM_1),
)
CRMS = Table("crms", "every CRM: its peaks, their scores, its rank", (*_CRM, *_BY_FINAL))
CRMS_BY_TRUST = Table(
    "crms", "every CRM: its peaks, how far they can be trusted, its rank", (*_CRM, *_BY_TRUST)
)
CRMS_BY_BOTH = Table(
    "crms",
    "every CRM: its peaks, their scores, how far they can be trusted, its two ranks",
    (*_CRM, *_BY_FINAL, *_BY_TRUST),
)
_RELEASE = (
    Column("peaks", "int64", "number of scored peaks", range=FROM_0),
    Column("new_peaks", "int64", "number of peaks of the newer catalogue", range=FROM_0),
    Column("ratio", "float64", "new_peaks over peaks", range=FROM_0),
    Column("mean", "float64", "mean final score of the scored peaks"),
)
RELEASE_CRMS = Table(
    "crms",
    "every CRM: mean score, peaks in this and in the newer catalogue",
    (*PLACE, _CRM_ROW, *_RELEASE),
)
RELEASE_PAIRS = Table(
    "pairs",
    "the same for every label of the second view in every CRM",
    (
        *PLACE,
        _CRM_ROW,
        Column("view1", "text", "name of the {view1}; the peaks counted are its own"),
        *_RELEASE,
        Column("crm_mean", "float64", "mean final score of all scored peaks of the CRM"),
    ),
)
RELEASE_CRMS_JUDGED, RELEASE_PAIRS_JUDGED = with_unjudged(RELEASE_CRMS), with_unjudged(RELEASE_PAIRS)
RELEASE_SUMMARY = Table(
    "summary",
    "rank correlation of mean score and ratio, overall and by label",
    (
        Column("unit", "text", "crm, or crm_{view1} for pairs of a CRM and a label"),
        Column("label", "text", "name of the {view1}, empty for all"),
        Column("count", "int64", "number of units", range=FROM_0),
        Column("spearman", "float64", "Spearman correlation of mean and ratio", range=SIGNED),
        Column("p", "float64", "two-sided p-value, as if units were independent", range=SHARE),
        Column(
            "typical_count",
            "int64",
            "number of units in CRMs with a typical mean, by default 500 or more",
            range=FROM_0,
        ),
        Column("typical_spearman", "float64", "their Spearman correlation", range=SIGNED),
        Column("typical_p", "float64", "its p-value", range=SHARE),
    ),
)
