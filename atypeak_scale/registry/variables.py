"""Every array of a store and of its results, registered once: name, dims, type, chunks and meaning.

`view0` and `view1` in a name or a dim stand for the two views, `dataset` and `tr` by default: in a store of
these views the array `source_view0` is called `source_dataset`. Code names an array by its constant here.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from atypeak_scale.registry.ranges import FROM_0, SHARE, Range

ChunkRule = Literal[
    "occupancy", "window", "empty", "row", "catalogue", "whole", "placement", "sample", "source"
]


@dataclass(frozen=True)
class Variable:
    """One array: name, dims, type, chunk rule and meaning.

    coordinate: whether xarray treats it as one; range: between which numbers its values lie, where tables
    show it; until: what has to be done before it has values, "" if they are written when it is created.
    """

    name: str
    dims: tuple[str, ...]
    dtype: npt.DTypeLike
    chunks: ChunkRule
    description: str
    coordinate: bool = False
    range: Range | None = None
    until: str = ""


def with_views(name: str, views: tuple[str, str]) -> str:
    """Return a name with `view0` and `view1` replaced by the names of the views."""
    # In one pass, because a view may itself be called `preview1`.
    return re.sub("view([01])", lambda found: views[int(found[1])], name)


def _of_window(name: str, dtype: npt.DTypeLike, description: str, coordinate: bool = False) -> Variable:
    return Variable(name, ("window",), dtype, "window", description, coordinate)


def _of_row(name: str, dtype: npt.DTypeLike, description: str, until: str = "") -> Variable:
    return Variable(name, ("peak",), dtype, "row", description, until=until)


def _of_peak(
    name: str, dtype: npt.DTypeLike, description: str, values: Range | None = None, until: str = ""
) -> Variable:
    return Variable(name, ("catalogue_peak",), dtype, "catalogue", description, range=values, until=until)


def _of_source(name: str, dtype: npt.DTypeLike, description: str, values: Range | None = None) -> Variable:
    return Variable(name, ("source",), dtype, "whole", description, range=values)


def _of_label(name: str, dtype: npt.DTypeLike, description: str, values: Range | None = None) -> Variable:
    return Variable(name, ("view1",), dtype, "whole", description, range=values)


OCCUPANCY = Variable(
    "occupancy", ("window", "bin", "source"), bool, "occupancy",
    "True if a peak of the source covers the bin (method, section 2)",
)  # fmt: skip
CONTIG = Variable("contig", ("contig",), str, "whole", "contig names, in C order", True)
WINDOW_CONTIG = _of_window("window_contig", np.int32, "index into contig", True)
WINDOW_START = _of_window("window_start", np.int64, "start of the window, bp, 0-based", True)
WINDOW_END = _of_window("window_end", np.int64, "end of the window, bp, exclusive", True)
CRM = _of_window("crm", np.int64, "row of the window's CRM in the CRM file, from 0", True)
CRM_START = _of_window("crm_start", np.int64, "start of the window's CRM, bp, 0-based")
CRM_END = _of_window("crm_end", np.int64, "end of the window's CRM, bp, exclusive")
CRM_SOURCES = _of_window(
    "crm_sources", np.int32, "number of distinct sources with a peak in the window's CRM"
)
SOURCE_VIEW0 = Variable(
    "source_view0", ("source",), np.int32, "whole", "index of the source's first label", True
)  # fmt: skip
SOURCE_VIEW1 = Variable(
    "source_view1", ("source",), np.int32, "whole", "index of the source's second label", True
)  # fmt: skip
VIEW0 = Variable("view0", ("view0",), str, "whole", "labels of the first view, sorted", True)
VIEW1 = Variable("view1", ("view1",), str, "whole", "labels of the second view, sorted", True)
ROW_WINDOW = _of_row("peak_window", np.int64, "window of the row; rows are sorted by it")
ROW_PEAK = _of_row("peak_catalogue", np.int64, "index of the row's peak into catalogue_peak")
ROW_SOURCE = _of_row("peak_source", np.int32, "source of the row's peak")
ROW_FIRST_BIN = _of_row("peak_first_bin", np.int32, "first bin that the peak occupies in the window")
ROW_LAST_BIN = _of_row("peak_last_bin", np.int32, "last bin that it occupies, included")
PEAK_CONTIG = _of_peak("catalogue_contig", np.int32, "index into contig")
PEAK_START = _of_peak("catalogue_start", np.int64, "start of the peak, bp, 0-based")
PEAK_END = _of_peak("catalogue_end", np.int64, "end of the peak, bp, exclusive")
PEAK_SOURCE = _of_peak("catalogue_source", np.int32, "source of the peak")
PEAK_FIRST_ROW = _of_peak("catalogue_first_row", np.int64, "first row of the peak")
PEAK_LAST_ROW = _of_peak("catalogue_last_row", np.int64, "last row of the peak")

EMPTY_CRM = Variable(
    "empty_crm", ("empty_window",), np.int64, "empty",
    "row, in the CRM file, of the CRM of a window without a peak of the cell line",
)  # fmt: skip
EMPTY_BP = Variable("empty_bp", ("empty_window",), np.int32, "empty", "length of that window, bp")

STORE_VARIABLES = (
    OCCUPANCY, CONTIG, WINDOW_CONTIG, WINDOW_START, WINDOW_END, CRM, CRM_START, CRM_END, CRM_SOURCES,
    SOURCE_VIEW0, SOURCE_VIEW1, VIEW0, VIEW1, ROW_WINDOW, ROW_PEAK, ROW_SOURCE, ROW_FIRST_BIN, ROW_LAST_BIN,
    PEAK_CONTIG, PEAK_START, PEAK_END, PEAK_SOURCE, PEAK_FIRST_ROW, PEAK_LAST_ROW, EMPTY_CRM, EMPTY_BP,
)  # fmt: skip

REBUILT_SCORE = _of_row(
    "rebuilt_score", np.float32, "largest A over the bins of the row (method, section 4)", until="scored"
)
RAW = _of_peak(
    "raw", np.float32,
    "rebuilt over original signal, mean over the peak's windows (method, section 4)", FROM_0, "scored"
)  # fmt: skip
K_NORMALIZED = _of_peak(
    "k_normalized", np.float32,
    "raw times the weight of the source (method, section 5)", FROM_0, "normalized"
)  # fmt: skip
FINAL = _of_peak(
    "final", np.float32,
    "final score, not clipped; 750 is average for the label of the second view", until="normalized"
)  # fmt: skip
SPREAD = _of_peak(
    "spread", np.float32, "standard deviation, n - 1, of the final scores that the models give", FROM_0
)
K1 = _of_source("k1", np.float64, "weight within the group (method, section 5.1)")
K2 = _of_source("k2", np.float64, "weight between groups (method, section 5.2)")
K3 = _of_source("k3", np.float64, "weight of overlapping groups (method, section 5.3)")
WEIGHT = _of_source("weight", np.float64, "k, the weight applied (method, section 5.4)", (0.1, 10))
WEIGHT_FLAG = _of_source("weight_flag", str, "what was done to the weight, if anything")
SAMPLED_WINDOWS = _of_source("sampled_windows", np.int64, "sampled windows with a peak of the source", FROM_0)
THETA_MEAN = _of_source("theta_mean", np.float64, "mean occupancy mu(theta) (method, section 5.2)")
THETA_ERROR = _of_source("theta_error", np.float64, "standard error of theta_mean", FROM_0)
ETA_MEAN = _of_source("eta_mean", np.float64, "mean negative occupancy mu(eta) (method, section 5.3)")
ETA_ERROR = _of_source("eta_error", np.float64, "standard error of eta_mean", FROM_0)
LABEL_PEAKS = _of_label("view1_peaks", np.int64, "number of peaks of the label", FROM_0)
LABEL_MEAN = _of_label(
    "view1_mean", np.float64, "mean of their k-normalized scores (method, section 5.6)", FROM_0
)
LABEL_SD = _of_label("view1_sd", np.float64, "their standard deviation, with n - 1", FROM_0)
LABEL_FLAG = _of_label("view1_flag", str, "why their final scores are all 750, if they are")

WEIGHT_VARIABLES = (
    K1, K2, K3, WEIGHT, WEIGHT_FLAG, SAMPLED_WINDOWS, THETA_MEAN, THETA_ERROR, ETA_MEAN, ETA_ERROR,
)  # fmt: skip
LABEL_VARIABLES = (LABEL_PEAKS, LABEL_MEAN, LABEL_SD, LABEL_FLAG)
PEAK_SCORES = (RAW, K_NORMALIZED, FINAL)  # of every catalogue peak
SCORE_VARIABLES = (REBUILT_SCORE, *PEAK_SCORES, *WEIGHT_VARIABLES, *LABEL_VARIABLES)
ENSEMBLE_VARIABLES = (*SCORE_VARIABLES, SPREAD)


def _of_placement(name: str, dtype: npt.DTypeLike, description: str) -> Variable:
    return Variable(name, ("placement",), dtype, "placement", description)


PLACED_WINDOW = _of_placement(
    "placed_window", np.int64, "window of the placement, -1 if it has no peak; placements are sorted by it"
)
PLACED_CRM = _of_placement("placed_crm", np.int64, "row of the window's CRM in the CRM file")
PLACED_SOURCE = _of_placement("placed_source", np.int32, "source that the placement stands for")
PLACED_FIRST_BIN = _of_placement("placed_first_bin", np.int32, "first bin that the placement occupies")
PLACED_LAST_BIN = _of_placement("placed_last_bin", np.int32, "last bin that it occupies, included")
PLACED_OVERLAPS = _of_placement("placed_overlaps", np.float32, "number of other sources that overlap it")
PLACED_IN_WINDOW = _of_placement("placed_in_window", np.float32, "number of other sources in its window")
PLACED_REGRESSION = _of_placement(
    "placed_regression", np.float32, "its log-odds by the regression on the other sources (method, 9.3)"
)
ROW_OVERLAPS = _of_row("row_overlaps", np.float32, "number of other sources that overlap the row's peak")
ROW_IN_WINDOW = _of_row("row_in_window", np.float32, "number of other sources in the row's window")
ROW_REGRESSION = _of_row(
    "row_regression", np.float32, "log-odds by the regression on the other sources", "computed"
)
SAMPLE_SOURCE = Variable(
    "sample_source", ("sample_block", "slot"), np.int32, "sample",
    "source of an interval that the regressions are fitted to, -1 in a slot without one",
)  # fmt: skip
SAMPLE_FOLD = Variable("sample_fold", ("sample_block", "slot"), np.int32, "sample", "fold of its CRM")
SAMPLE_REAL = Variable("sample_real", ("sample_block", "slot"), bool, "sample", "peak, or else placement")
SAMPLE_GAPS = Variable(
    "sample_gaps", ("sample_block", "slot", "source"), np.int32, "sample",
    "bins from the interval to each source, as the regressions see them (method, section 9.10)",
)  # fmt: skip
COEFFICIENT = Variable(
    "coefficient", ("source", "fold", "feature"), np.float32, "source",
    "of the regressions: share covered, nearness and presence of every source, then the sums (method, 9.10)",
)  # fmt: skip
INTERCEPT = Variable("intercept", ("source", "fold"), np.float32, "source", "of the regressions")
PLACEMENT_VARIABLES = (
    PLACED_WINDOW, PLACED_CRM, PLACED_SOURCE, PLACED_FIRST_BIN, PLACED_LAST_BIN, PLACED_OVERLAPS,
    PLACED_IN_WINDOW, PLACED_REGRESSION, ROW_OVERLAPS, ROW_IN_WINDOW, ROW_REGRESSION, SAMPLE_SOURCE,
    SAMPLE_FOLD, SAMPLE_REAL, SAMPLE_GAPS, COEFFICIENT, INTERCEPT,
)  # fmt: skip

ROW_NETWORK = _of_row(
    "row_network", np.float32,
    "log-odds of the row's source by the network that does not see it (method, 9.3)", "scored"
)  # fmt: skip
PLACED_NETWORK = _of_placement("placed_network", np.float32, "the same for the placements")
NETWORK = _of_peak("network", np.float32, "log-odds by the network, mean over the peak's windows")
REGRESSION = _of_peak("regression", np.float32, "log-odds by the regression on the other sources, likewise")
SUPPORT = _of_peak(
    "support", np.float32, "what the other sources say for the peak, in log-odds (method, section 9.3)"
)
OVERLAPPING = _of_peak(
    "overlapping_sources", np.int32, "number of other sources with a peak that overlaps, in bins", FROM_0
)
P_RANDOM = _of_peak(
    "p_random", np.float32, "share of random placements with as much support (method, section 9.4)", SHARE
)
Q_RANDOM = _of_peak(
    "q_random",
    np.float32,
    "share of random peaks among those with as much support (method, section 9.5)",
    SHARE,
)
DOUBT = _of_peak(
    "doubt",
    np.float32,
    "probability that the peak lies at random (method, 9.5); NaN if it cannot be judged",
    SHARE,
)
SUPPORT_SPREAD = _of_peak(
    "support_spread", np.float32, "standard deviation, n - 1, of the models' support", FROM_0
)
SHARE_RANDOM = _of_source(
    "share_random", np.float64, "share of peaks like random ones (method, section 9.5)", SHARE
)
SHARE_RANDOM_LOW = _of_source("share_random_low", np.float64, "lower end of its 95% interval", SHARE)
SHARE_RANDOM_HIGH = _of_source("share_random_high", np.float64, "upper end of its 95% interval", SHARE)
SHARE_RANDOM_ERROR = _of_source(
    "share_random_error", np.float64, "its standard error by placements alone", FROM_0
)
POWER = _of_source(
    "power", np.float64, "AUROC of support, peaks against placements (method, section 9.1)", SHARE
)
POWER_LOW = _of_source("power_low", np.float64, "lower end of its 95% interval", SHARE)
POWER_HIGH = _of_source("power_high", np.float64, "upper end of its 95% interval", SHARE)
SOURCE_PEAKS = _of_source("peaks", np.int64, "number of peaks", FROM_0)
VERDICT = _of_source(
    "verdict", str, "judged, few peaks, low power (method, section 9.6), or unknown to the model"
)


def _by_rank(name: str, dim: str, description: str) -> Variable:
    return Variable(name, ("source", dim), np.float32, "source", description)


PLACED_SUPPORT = _by_rank("placed_support", "placement_of_source", "support of the placements, sorted")
Q_BY_RANK = _by_rank("q_by_rank", "rank", "q of a peak, by the number of placements with as much support")
DOUBT_BY_RANK = _by_rank("doubt_by_rank", "rank", "doubt of a peak, likewise")
CHANCE_VARIABLES = (
    SHARE_RANDOM, SHARE_RANDOM_LOW, SHARE_RANDOM_HIGH, SHARE_RANDOM_ERROR, POWER, POWER_LOW, POWER_HIGH,
    SOURCE_PEAKS, VERDICT,
)  # fmt: skip
SUPPORT_SCORES = (SUPPORT, P_RANDOM, Q_RANDOM, DOUBT, NETWORK, REGRESSION)  # of every catalogue peak
SUPPORT_VARIABLES = (
    ROW_NETWORK, PLACED_NETWORK, *SUPPORT_SCORES, OVERLAPPING, *CHANCE_VARIABLES, PLACED_SUPPORT, Q_BY_RANK,
    DOUBT_BY_RANK,
)  # fmt: skip
SUPPORT_ENSEMBLE_VARIABLES = (*SUPPORT_VARIABLES, SUPPORT_SPREAD)
