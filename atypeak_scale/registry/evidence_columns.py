"""Columns of the tables that ask how good scores are, and why a peak has its support (method, section 9)."""

from atypeak_scale.registry.ranges import FROM_0, SHARE, SIGNED, Range
from atypeak_scale.registry.table import VIEW0, VIEW1, Column, Table


def _with_interval(name: str, description: str, values: Range = SHARE) -> tuple[Column, Column, Column]:
    return (
        Column(name, "float64", description, range=values),
        Column(f"{name}_low", "float64", "lower end of its 95% interval", range=values),
        Column(f"{name}_high", "float64", "upper end of its 95% interval", range=values),
    )


EVIDENCE = Table(
    "evidence",
    "how well each score tells real peaks from random placements",
    (
        Column("scope", "text", "mean, over sources of at least 300 peaks; mean of small ones; or a source"),
        VIEW0,
        VIEW1,
        Column("sources", "int64", "number of sources", range=FROM_0),
        Column("peaks", "int64", "number of real peaks", range=FROM_0),
        Column(
            "placements", "int64", "number of random placements that they are compared with", range=FROM_0
        ),
        Column("score", "text", "what ranks them; the counts are of other sources"),
        *_with_interval("auroc", "probability that a real peak is above a placement"),
        *_with_interval("over_counts", "auroc less that of the number of overlapping sources", SIGNED),
        *_with_interval("equal_counts", "auroc among those of equal counts: what the score adds to counting"),
        *_with_interval("absent", "auroc against placements in windows without the source"),
    ),
)
CONFIRMATION = Table(
    "confirmation",
    "how well each score tells peaks that a replicate confirms, which store and model have not seen",
    (
        Column(
            "scope", "text", "mean, over pairs of sources of at least 300 peaks; mean of small; or a pair"
        ),
        Column("left_out", "text", "source that was left out and confirms"),
        Column("judged", "text", "source of the peaks"),
        Column("pairs", "int64", "number of pairs of sources", range=FROM_0),
        Column("peaks", "int64", "number of peaks", range=FROM_0),
        Column(
            "confirmed", "int64", "those that share a bp with a peak of the source left out", range=FROM_0
        ),
        Column("score", "text", "what ranks them; the count is of other sources that overlap"),
        *_with_interval("auroc", "probability that a confirmed peak is above another"),
        *_with_interval("over_counts", "auroc less that of the number of overlapping sources", SIGNED),
    ),
)
CORROBORATION = Table(
    "corroboration",
    "who corroborates whom: coefficients of the regression of each source, means over folds, log-odds",
    (
        VIEW0,
        VIEW1,
        Column("other_view0", "text", "label of the other source in the view {view0}"),
        Column("other_view1", "text", "label of the other source in the view {view1}"),
        Column("overlap", "float64", "if the other source covers the whole peak; less for a part of it"),
        Column("near", "float64", "if it touches the peak; this falls by a factor e every 200 bp"),
        Column("present", "float64", "if the other source is in the window"),
    ),
)
EXPLANATION = Table(
    "explanation",
    "what each other source adds to the support of a peak, or would add if it had a peak there",
    (
        Column("contig", "text", "contig of the peak"),
        Column("start", "int64", "start of the peak, 0-based", "bp", range=FROM_0),
        Column("end", "int64", "end of the peak, exclusive", "bp", range=FROM_0),
        VIEW0,
        VIEW1,
        Column("support", "float64", "support of the peak, log-odds"),
        Column("other_view0", "text", "label of the other source in the view {view0}"),
        Column("other_view1", "text", "label of the other source in the view {view1}"),
        Column("present", "int64", "1 if the other source is in the window, else 0", range=SHARE),
        Column("overlaps", "int64", "1 if a peak of it overlaps, in bins, else 0", range=SHARE),
        Column("effect", "float64", "what it adds, or would add, to the support, log-odds"),
        Column("network", "float64", "part of the effect by the network"),
        Column("regression", "float64", "part of the effect by the regression"),
    ),
)
