"""The columns of files without a header: BED, and the formats of genome browsers made from it."""

from atypeak_scale.registry.ranges import BED_SCORE, FROM_0
from atypeak_scale.registry.table import Column, Table

_PLACE = (
    Column("contig", "text", "contig"),
    Column("start", "int64", "start, 0-based", "bp", FROM_0),
    Column("end", "int64", "end, exclusive", "bp", FROM_0),
)
_OF_PEAK = "name column of the input"
_OF_CRM = "rank- and the rank of the CRM, from 1"


def _bed6(name: str, description: str, score: str, named: str = _OF_PEAK) -> Table:
    return Table(
        name,
        description,
        (
            *_PLACE,
            Column("name", "text", named),
            Column("score", "int64", score, "", BED_SCORE),
            Column("strand", "text", "a dot: there is no strand"),
        ),
    )


_BY_RANK = "1000 for the first rank, 0 for the last, evenly in between"
FINAL_BED = _bed6(
    "final",
    "every scored peak",
    "final score, rounded and clipped; 750 is average for its {view1}",
)
RAW_BED = _bed6("raw", "every scored peak", "1,000 times the raw score, rounded and clipped")
SUPPORT_BED = _bed6("support", "every peak that can be judged", "1000 (1 - doubt), rounded")
CRMS_BED = _bed6("crms", "CRMs by the sum of their peaks' final scores", _BY_RANK, _OF_CRM)
TRUST_BED = _bed6("crms-trust", "CRMs by the sum of their peaks' trust, 1 - doubt", _BY_RANK, _OF_CRM)
ARTIFICIAL_BED = _bed6("peaks", "artificial peaks", "0")
_COUNT = Column("count", "int64", "number of peaks of the CRM", range=FROM_0)
ARTIFICIAL_CRMS = Table("crms", "artificial CRMs", (*_PLACE, Column("name", "text", "crm"), _COUNT))
MADE_CRMS = Table(
    "OUT",
    "merged peaks, under the name that you give",
    (*_PLACE, Column("name", "text", "crm- and the line of the CRM, from 0"), _COUNT),
)
BIGBED = Table(
    "peaks",
    "every scored peak for genome browsers; more fields follow, which are columns of peaks.parquet",
    (
        Column("chrom", "text", "contig"),
        Column("chromStart", "int64", "start, 0-based", "bp", FROM_0),
        Column("chromEnd", "int64", "end, exclusive", "bp", FROM_0),
        Column("name", "text", _OF_PEAK),
        Column("score", "int64", "the score that is shown, rounded and clipped; 0 if none", "", BED_SCORE),
        Column("strand", "text", "a dot; peaks have no strand"),
        Column("thickStart", "int64", "as chromStart", "bp", FROM_0),
        Column("thickEnd", "int64", "as chromEnd", "bp", FROM_0),
        Column("itemRgb", "text", "colour of the score, as R,G,B"),
    ),
)
BEDGRAPH = Table(
    "mean-score",
    "mean score of the peaks that cover each bp; none where no peak has one",
    (*_PLACE, Column("value", "float64", "mean of the score that is shown, with seven digits")),
)
WITHOUT_HEADER = (
    FINAL_BED, RAW_BED, SUPPORT_BED, CRMS_BED, TRUST_BED, ARTIFICIAL_BED, ARTIFICIAL_CRMS, MADE_CRMS, BIGBED,
    BEDGRAPH,
)  # fmt: skip
