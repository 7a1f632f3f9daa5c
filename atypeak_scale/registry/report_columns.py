"""Columns of the tables that only the report makes."""

from atypeak_scale.registry.crm_columns import PLACE
from atypeak_scale.registry.ranges import FROM_0, FROM_1, SHARE
from atypeak_scale.registry.table import VIEW0, VIEW1, Column, Table, column_of
from atypeak_scale.registry.variables import CHANCE_VARIABLES, PEAK_SCORES, SUPPORT

EXPERIMENTS = Table(
    "experiments",
    "every source: what support says of its peaks, which of them another source confirms, its final scores",
    (
        VIEW0,
        VIEW1,
        Column("peaks", "int64", "number of peaks in the modules in use", range=FROM_0),
        *(column_of(one) for one in CHANCE_VARIABLES if one.name not in ("peaks", "share_random_error")),
        Column(
            "median_doubt",
            "float64",
            "median doubt of its peaks; missing if it cannot be judged",
            range=SHARE,
        ),
        Column("others_of_label", "int64", "number of other sources with the same {view1}", range=FROM_0),
        Column(
            "confirmed",
            "float64",
            "share of its peaks that share a bp with a peak of one of these; low, too, if these have few",
            range=SHARE,
        ),
        Column("final_lower_quartile", "float64", "lower quartile of the final scores of its peaks"),
        Column("final_median", "float64", "median of the final scores of its peaks"),
        Column("final_upper_quartile", "float64", "upper quartile of the final scores of its peaks"),
    ),
)
TRAINING = Table(
    "training",
    "loss of every epoch of every model",
    (
        Column("of", "text", "article or support; with several seeds also the folder of the model"),
        Column("epoch", "int64", "number of the epoch, from 1", range=FROM_1),
        Column("loss", "float64", "mean loss of the epoch on the windows trained on", range=FROM_0),
        Column(
            "validation_loss", "float64", "loss on windows that were kept out; of support only", range=FROM_0
        ),
        Column("kept", "int64", "1 for the epoch whose weights are in use, else 0", range=SHARE),
    ),
)
CALIBRATION = Table(
    "calibration",
    "peaks by p, the share of random placements with as much support",
    (
        Column("of", "text", "sources that are judged, or cannot be"),
        Column("p_from", "float64", "lower end of the range of p, in it", range=SHARE),
        Column("p_to", "float64", "upper end, in the next range", range=SHARE),
        Column("peaks", "int64", "number of peaks", range=FROM_0),
        Column(
            "random",
            "float64",
            "how many of them to expect to be random; missing if not judged",
            range=FROM_0,
        ),
    ),
)
MODULE_CHOICE = Table(
    "modules",
    "the modules that the page can show, and why they were chosen",
    (
        *PLACE,
        Column("crm", "int64", "row of the CRM in the CRM file, from 0", range=FROM_0),
        Column("chosen", "text", "why it was chosen: best, worst, typical, or a low peak lies in it"),
        Column("peaks", "int64", "number of peaks that overlap it", range=FROM_0),
        Column("final_mean", "float64", "mean final score of its peaks"),
        Column(
            "trust_mean", "float64", "mean trust, 1 - doubt, of its peaks that can be judged", range=SHARE
        ),
    ),
)
LOWEST_PEAKS = Table(
    "lowest-peaks",
    "some peaks of each source: those with the most doubt, or the lowest final scores, the lowest first",
    (
        *PLACE,
        VIEW0,
        VIEW1,
        Column("crm", "int64", "row of the peak's (first) CRM in the CRM file, from 0", range=FROM_0),
        Column("other_sources", "int32", "number of other sources with a peak in that CRM", range=FROM_0),
        column_of(PEAK_SCORES[2]),
        Column("doubt", "float32", "probability that it lies at random", range=SHARE),
        column_of(SUPPORT),
    ),
)
FILES = Table(
    "files",
    "the tables behind the page",
    (
        Column("file", "text", "path of the file in the folder of the page"),
        Column("rows", "int64", "number of its rows", range=FROM_0),
        Column("description", "text", "what it holds"),
    ),
)
PROVENANCE = Table(
    "provenance",
    "what the scores were made from",
    (
        Column("of", "text", "the data, a kind of scores, or the versions of the programs"),
        Column("name", "text", "name of the fact"),
        Column("value", "text", "its value"),
    ),
)
