"""The labelled arrays of assessments that are kept with the scores, registered once.

Each is an xarray Dataset in its own group below the scores. `view0` and `view1` in a name stand for the
two views, as in `variables`.
"""

from dataclasses import dataclass, field, replace

from atypeak_scale.registry.variables import with_views


@dataclass(frozen=True)
class Result:
    """One kept assessment: its name, its dims besides the store's, and its variables with their meaning."""

    name: str
    dims: tuple[str, ...]
    variables: dict[str, str]
    coordinates: tuple[str, ...] = field(default=())

    def named(self, views: tuple[str, str]) -> "Result":
        """Return the result with the views' own names for its variables."""
        variables = {with_views(name, views): text for name, text in self.variables.items()}
        return replace(self, variables=variables)


QSCORE = Result(
    "qscore",
    ("dimension", "other"),
    {
        "total": "Q, the sum of all contributions; lower is better (method, section 6.5)",
        "abundance": "A, mean occupancy of the dimension",
        "correlation": (
            "Pearson correlation of the dimensions' occupancies, 0 if undefined (method, section 6.2)"
        ),
        "correlated": (
            "C, whether the correlation of the pair exceeds the mean of all (method, section 6.2)"
        ),
        "pos_p": "p-value of the Welch test of both against alone, NaN if there is none (method, 6.4)",
        "pos": "Pos, whether the dimension is rebuilt significantly more if the other is present",
        "neg_p": "p-value of the Welch test of phantom against none, NaN if there is none (method, 6.4)",
        "neg": "Neg, whether the dimension has significantly more phantoms if the other is present",
        "weight": "square root of the product of the two abundances, 0 off the pairs (method, 6.5)",
        "contribution": "what the pair adds to the total, 0 off the pairs (method, section 6.5)",
    },
    ("view", "label"),
)
GROUPS = Result(
    "groups",
    ("source", "source_other", "seed"),
    {
        "rebuilt": "R, what the model rebuilds from the source alone along the window, mean over bins",
        "asked": "M at the cell of the other source: R over its maximum, negative values set to 0",
        "group": "number of the source's group; the largest group is 0",
        "group_name": "the two labels of the second view that the group asks for most",
        "own": "what the model rebuilds of the source itself, R at its own cell",
        "strength": "mean of what the others of its group ask of the source; NaN if it is alone",
        "silhouette": "how much closer the source is to its own group than to the next one, -1 to 1",
        "group_by_seed": "number of the source's group according to each model alone",
    },
    ("source_view0", "source_view1"),
)
UR_EXAMPLES = Result(
    "ur_examples",
    ("unit", "bin"),
    {
        "ur_example": "the window at the end of gradient ascent (method, section 7.2)",
        "mean": "mean of ur_example over bins",
        "activation": "mean activation of the unit over the coarse positions for ur_example",
        "activation_before": "the same for the uniform noise that the ascent began with",
    },
)
STATISTICS = Result(
    "statistics",
    ("bin", "source", "other_source", "other_view0", "other_view1"),
    {
        "mean_occupancy": "share of the windows in which the source occupies the bin",
        "mean_crm": "mean of mean_occupancy over bins, 0 if there is no such source",
        "correlation_source": "Pearson correlation of the sources over all (window, bin)",
        "correlation_view0": "Pearson correlation of the labels' sums over all (window, bin)",
        "correlation_view1": "Pearson correlation of the labels' sums over all (window, bin)",
        "jaccard_view0": "(window, bin) that both labels occupy over those that at least one does",
        "jaccard_view1": "(window, bin) that both labels occupy over those that at least one does",
        "bp_source": "occupied bins of the source times the width of a bin, bp",
        "bp_view0": "occupied bins of the label times the width of a bin, bp",
        "bp_view1": "occupied bins of the label times the width of a bin, bp",
        "peaks_source": "peaks of the source that lie in a window, each once",
        "peaks_view0": "peaks of the label that lie in a window, each once",
        "peaks_view1": "peaks of the label that lie in a window, each once",
    },
    ("source_view0", "source_view1"),
)
DENSITY = Result(
    "density",
    ("log2_peaks", "relation"),
    {
        "crms": "number of CRMs",
        "peaks": "number of peaks in them",
        "mean": "mean final score of the peaks",
        "lower_quartile": "lower quartile of the peaks' final scores",
        "median": "median of the peaks' final scores",
        "upper_quartile": "upper quartile of the peaks' final scores",
        "crm_mean": "mean over CRMs of their mean score",
        "crm_maximum": "mean over CRMs of their highest score",
        "spearman": "Spearman correlation with the number of peaks of the CRM",
        "p": "its two-sided p-value",
    },
)

RESULTS = (QSCORE, GROUPS, UR_EXAMPLES, STATISTICS, DENSITY)

# Made on demand and never kept, so it is none of RESULTS.
MODULE = Result(
    "module",
    ("window", "bin", "source"),
    {
        "original": "whether a peak of the source covers the bin",
        "rebuilt": "h(X), what the article's network makes of the window (method, section 3)",
        "score": "A, rebuilt over original signal, where the original is not 0 (method, section 4.1)",
        "phantom": "what the article's network adds, where the original is 0",
        "expected": (
            "probability that the source covers the bin, by the network of support, which does not see that "
            "source in the window (method, section 9.2)"
        ),
        "bin_start": "start of the bin, bp, 0-based",
        "inside": "whether the bin lies in the CRM; a window that is shorter than its frame is filled up",
    },
    ("source_view0", "source_view1"),
)
