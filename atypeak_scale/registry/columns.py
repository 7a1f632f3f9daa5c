"""Every column of every table that we write, registered once: name, type, unit and meaning.

`view0` and `view1` in a name stand for the two views, as in `variables`, and so do `{view0}` and
`{view1}` in a text.
"""

from atypeak_scale.registry.crm_columns import (
    CRMS,
    CRMS_BY_BOTH,
    CRMS_BY_TRUST,
    PLACE,
    RELEASE_CRMS,
    RELEASE_CRMS_JUDGED,
    RELEASE_PAIRS,
    RELEASE_PAIRS_JUDGED,
    RELEASE_SUMMARY,
    with_unjudged,
)
from atypeak_scale.registry.evidence_columns import (
    CONFIRMATION,
    CORROBORATION,
    EVIDENCE,
    EXPLANATION,
)
from atypeak_scale.registry.model_columns import HISTORY, SEARCH, SEARCH_POWER, STABILITY
from atypeak_scale.registry.ranges import FROM_0, FROM_1, PERCENT, SHARE, SIGNED
from atypeak_scale.registry.report_columns import (
    CALIBRATION,
    EXPERIMENTS,
    FILES,
    LOWEST_PEAKS,
    MODULE_CHOICE,
    PROVENANCE,
    TRAINING,
)
from atypeak_scale.registry.survey_columns import CELL_LINES, SURVEY_SOURCES
from atypeak_scale.registry.table import VIEW0, VIEW1, Column, Table, column_of
from atypeak_scale.registry.variables import (
    CHANCE_VARIABLES,
    LABEL_VARIABLES,
    OVERLAPPING,
    PEAK_SCORES,
    SPREAD,
    SUPPORT_SCORES,
    SUPPORT_SPREAD,
    WEIGHT_VARIABLES,
)

PEAKS = Table(
    "peaks",
    "every scored peak with all its scores, its percentile and its CRM",
    (
        *PLACE,
        Column("name", "text", "name column of the input"),
        VIEW0,
        VIEW1,
        Column("crm", "int64", "row of the peak's (first) CRM in the CRM file, from 0", range=FROM_0),
        Column("crm_start", "int64", "start of that CRM, 0-based", "bp", range=FROM_0),
        Column("crm_end", "int64", "end of that CRM, exclusive", "bp", range=FROM_0),
        Column("other_sources", "int32", "number of other sources with a peak in that CRM", range=FROM_0),
        *map(column_of, PEAK_SCORES),
        Column(
            "percentile",
            "float32",
            "share of the {view1}'s peaks with a lower final score, ties half",
            "%",
            PERCENT,
        ),
        column_of(SPREAD),
        *map(column_of, SUPPORT_SCORES),
        column_of(OVERLAPPING),
        column_of(SUPPORT_SPREAD),
    ),
)
SOURCES = Table(
    "sources",
    "every source: how many of its peaks lie no better than at random, and whether that can be said",
    (VIEW0, VIEW1, *map(column_of, CHANCE_VARIABLES)),
)
WEIGHTS = Table(
    "weights",
    "normalization weight of each source, every factor and its error",
    (VIEW0, VIEW1, *map(column_of, WEIGHT_VARIABLES)),
)
LABELS = Table(
    "labels",
    "mean and standard deviation behind the final scores",
    (VIEW1, *(column_of(variable, "view1_") for variable in LABEL_VARIABLES)),
)
_PAIR_TESTS = (
    Column("correlation", "float64", "Pearson correlation of the occupancies, 0 if undefined", range=SIGNED),
    Column("correlated", "int64", "C: 1 if it exceeds the mean of all correlations, else 0", range=SHARE),
    Column(
        "pos_p",
        "float64",
        "p-value of the Welch test of both against alone, missing if undefined",
        range=SHARE,
    ),
    Column("pos", "int64", "Pos: 1 if rebuilt significantly more if the other is present", range=SHARE),
    Column("neg_p", "float64", "p-value of the Welch test of phantom against none", range=SHARE),
    Column(
        "neg", "int64", "Neg: 1 if there are significantly more phantoms if the other is present", range=SHARE
    ),
    Column("weight", "float64", "square root of the product of the two abundances", range=FROM_0),
    Column("contribution", "float64", "what the pair adds to the total", range=FROM_0),
)
QSCORE_PAIRS = Table(
    "pairs",
    "every two dimensions of one view, and what the pair adds to the Q-score",
    (
        Column("view", "text", "view of the two dimensions"),
        Column("dimension", "text", "label of the one that is rebuilt"),
        Column("other", "text", "label of the one that is present or absent"),
        *_PAIR_TESTS,
    ),
)
QSCORE_TOTAL = Table(
    "total",
    "the Q-score and its sample",
    (
        Column("total", "float64", "Q, the sum of all contributions; lower is better", range=FROM_0),
        Column("pairs", "int64", "number of pairs", range=FROM_0),
        Column("sampled_windows", "int64", "number of windows of the sample", range=FROM_0),
        Column("sample", "text", "the sample that was asked for"),
        Column("seed", "int64", "seed of the sample", range=FROM_0),
    ),
)
GROUP_SOURCES = Table(
    "sources",
    "correlation group of each source",
    (
        Column("group", "int64", "number of the source's group; the largest group is 0", range=FROM_0),
        Column("group_name", "text", "the two labels of the second view that the group asks for most"),
        VIEW0,
        VIEW1,
        Column("own", "float64", "what the model rebuilds of the source itself"),
        Column("strength", "float64", "mean of what the others of its group ask of the source"),
        Column(
            "silhouette",
            "float64",
            "how much closer to its own group than to the next one, -1 to 1",
            range=SIGNED,
        ),
    ),
)
GROUP_ASKED = Table(
    "asked",
    "what each source asks of every other; the other columns are named after the sources",
    (Column("source", "text", "the source that asks"),),
    has_others=True,
)
GROUP_PHANTOMS = Table(
    "phantoms",
    "what the model adds to each source, the strongest first",
    (
        VIEW0,
        VIEW1,
        Column("phantom_view0", "text", "label of the phantom in the view {view0}"),
        Column("phantom_view1", "text", "label of the phantom in the view {view1}"),
        Column("value", "float64", "what is rebuilt there"),
        Column("rank", "int64", "from 1, within the source", range=FROM_1),
        Column("observed", "int64", "1 if the phantom is a source of the store, else 0", range=SHARE),
    ),
)
UR_STRONGEST = Table(
    "strongest",
    "the strongest cells of the window that excites each unit most",
    (
        Column("unit", "int64", "unit of the encoded layer", range=FROM_0),
        Column("activation", "float64", "mean activation of the unit"),
        Column("rank", "int64", "from 1, within the unit", range=FROM_1),
        VIEW0,
        VIEW1,
        Column("value", "float64", "mean of the cell over the bins"),
        Column("observed", "int64", "1 if the cell is a source of the store, else 0", range=SHARE),
    ),
)
_OF = (
    Column("of", "text", "source, or the name of a view"),
    Column("label", "text", "which source or label"),
)
ABUNDANCE = Table(
    "abundance",
    "peaks and base pairs of every source and label",
    (
        *_OF,
        Column("peaks", "int64", "peaks that lie in a window, each once", range=FROM_0),
        Column("bp", "int64", "occupied bins times the width of a bin", "bp", range=FROM_0),
    ),
)
MEAN_CRM = Table(
    "mean-crm",
    "mean occupancy of every bin of every source",
    (
        VIEW0,
        VIEW1,
        Column("bin", "int64", "bin of the window, from 0", range=FROM_0),
        Column(
            "mean_occupancy",
            "float64",
            "share of the windows in which the source occupies the bin",
            range=SHARE,
        ),
    ),
)
CORRELATIONS = Table(
    "correlations",
    "correlation and Jaccard index of every two sources and labels",
    (
        *_OF,
        Column("other_label", "text", "the other one"),
        Column("correlation", "float64", "Pearson correlation over all (window, bin)", range=SIGNED),
        Column("jaccard", "float64", "Jaccard index of the occupied (window, bin); labels only", range=SHARE),
    ),
)
_QUARTILES = (
    Column("lower_quartile", "float64", "lower quartile"),
    Column("median", "float64", "median"),
    Column("upper_quartile", "float64", "upper quartile"),
)
SCORES = Table(
    "scores",
    "quartiles of every score by source and label",
    (
        *_OF,
        Column("score", "text", "name of the score"),
        Column("peaks", "int64", "number of peaks that have the score", range=FROM_0),
        Column("mean", "float64", "mean"),
        *_QUARTILES,
    ),
)
DENSITY = Table(
    "density",
    "final scores by the number of peaks of the CRM",
    (
        Column("crm_peaks_from", "int64", "smallest number of peaks of the CRMs of this row", range=FROM_0),
        Column("crm_peaks_to", "int64", "largest number of peaks", range=FROM_0),
        Column("crms", "int64", "number of CRMs", range=FROM_0),
        Column("peaks", "int64", "number of peaks in them", range=FROM_0),
        Column("mean", "float64", "mean final score of these peaks"),
        *_QUARTILES,
        Column("crm_mean", "float64", "mean over CRMs of their mean score"),
        Column("crm_maximum", "float64", "mean over CRMs of their highest score"),
    ),
)
DENSITY_JUDGED = with_unjudged(DENSITY)
DENSITY_TEST = Table(
    "density-test",
    "rank correlation of scores with the number of peaks of the CRM",
    (
        Column("relation", "text", "score of a peak, or mean or highest score of a CRM"),
        Column("spearman", "float64", "Spearman correlation with the number of peaks", range=SIGNED),
        Column("p", "float64", "two-sided p-value", range=SHARE),
    ),
)
PAIRS = Table(
    "pairs",
    "final scores of each label's peaks in CRMs with and without each other label",
    (
        VIEW1,
        Column("other_view1", "text", "name of the other {view1}"),
        Column("both_peaks", "int64", "number of its peaks in CRMs that hold the other", range=FROM_0),
        Column("alone_peaks", "int64", "number of its peaks in CRMs that do not", range=FROM_0),
        Column("both_mean", "float64", "mean final score with the other"),
        Column("alone_mean", "float64", "mean final score without"),
        Column("mean_difference", "float64", "with minus without"),
        Column("both_median", "float64", "median with the other"),
        Column("alone_median", "float64", "median without"),
        Column("median_difference", "float64", "with minus without"),
        Column(
            "mann_whitney_u",
            "float64",
            "pairs in which the peak with the other is higher, ties half",
            range=FROM_0,
        ),
        Column(
            "superiority",
            "float64",
            "share of pairs in which the peak with the other is higher; 0.5: nothing differs",
            range=SHARE,
        ),
        Column("cohens_d", "float64", "difference of means in pooled standard deviations"),
        Column("p", "float64", "two-sided p-value of Mann-Whitney", range=SHARE),
        Column("p_adjusted", "float64", "Benjamini-Hochberg over all comparisons", range=SHARE),
    ),
)
PAIRS_JUDGED = with_unjudged(PAIRS)
NOISE_DETECTION = Table(
    "noise-detection",
    "how well low scores find the noise of an artificial catalogue",
    (
        Column("score", "text", "raw, k_normalized or final"),
        Column("noise", "text", "all, or where the noise lies: reliable or unreliable"),
        Column(
            "auroc", "float64", "probability that a stack peak scores higher than a noise peak", range=SHARE
        ),
        Column("average_precision", "float64", "of noise, found from the lowest score up", range=SHARE),
        Column(
            "share", "float64", "share of noise, the average precision without any information", range=SHARE
        ),
        Column("noise_peaks", "int64", "number of noise peaks", range=FROM_0),
        Column("stack_peaks", "int64", "number of stack peaks", range=FROM_0),
    ),
)
REBUILT = Table(
    "rebuilt",
    "rebuilt values of peaks and phantoms of an artificial catalogue",
    (
        Column("kind", "text", "watermark, noise, stack or phantom"),
        Column("place", "text", "reliable, unreliable or watermark: of the source"),
        Column("group", "text", "whether the label is in the stack's group: same, other or none"),
        Column("related", "int64", "other peaks of the same {view0} or {view1} in the window", range=FROM_0),
        Column("rebuilt", "float64", "lower end of an interval of rebuilt values"),
        Column("peaks", "int64", "number of peaks or phantoms", range=FROM_0),
        Column("total", "float64", "sum of their values"),
        Column("squares", "float64", "sum of the values squared", range=FROM_0),
    ),
)
TRUTH = Table(
    "truth",
    "kind and group of each peak of an artificial catalogue",
    (
        *PLACE,
        Column("name", "text", "name column of the peak"),
        Column("kind", "text", "watermark, noise or stack"),
        Column("group", "int64", "group of the stack, -1 for other peaks", range=(-1, None)),
    ),
)


TABLES = (
    PEAKS, SOURCES, WEIGHTS, LABELS, CRMS, CRMS_BY_TRUST, CRMS_BY_BOTH, RELEASE_CRMS, RELEASE_CRMS_JUDGED,
    RELEASE_PAIRS, RELEASE_PAIRS_JUDGED, RELEASE_SUMMARY, QSCORE_PAIRS, QSCORE_TOTAL, GROUP_SOURCES,
    GROUP_ASKED, GROUP_PHANTOMS, UR_STRONGEST, ABUNDANCE, MEAN_CRM, CORRELATIONS, SCORES, DENSITY,
    DENSITY_JUDGED, DENSITY_TEST, PAIRS, PAIRS_JUDGED, HISTORY, SEARCH, SEARCH_POWER, STABILITY,
    NOISE_DETECTION, REBUILT, TRUTH, EVIDENCE, CONFIRMATION, CORROBORATION, EXPLANATION, EXPERIMENTS,
    TRAINING, CALIBRATION, MODULE_CHOICE, LOWEST_PEAKS, FILES, PROVENANCE, CELL_LINES,
    SURVEY_SOURCES,
)  # fmt: skip
