"""How scores behave: with the number of peaks of the module, by weight, and against random places."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from atypeak_scale.assess.description.distributions import score_density
from atypeak_scale.assess.description.statistics_tables import density_tables
from atypeak_scale.registry.columns import WEIGHTS
from atypeak_scale.registry.report_columns import CALIBRATION
from atypeak_scale.report.calibration import RANGES, calibration
from atypeak_scale.report.drawing import (
    BLUE,
    GREY,
    ORANGE,
    Drawn,
    hover,
    intervals,
    legend_above,
    new_figure,
    whole_numbers,
)
from atypeak_scale.report.numbers import count, listed
from atypeak_scale.report.page import Block, Figure, Listing, Text
from atypeak_scale.report.results import Results
from atypeak_scale.scoring.export.tsv import weights_table
from atypeak_scale.scoring.scores import Scores

MOST_DRAWN = 60
FloatArray = npt.NDArray[np.float64]


def behaviour_blocks(results: Results) -> Iterator[Block]:
    """Yield the figures of how scores behave."""
    if results.support is not None:
        yield from _calibration(results.support)
    for scores in results.each:
        yield from _density(results, scores)
    if results.article is not None:
        yield from _weights(results.article)


def _calibration(scores: Scores) -> Iterator[Block]:
    found = calibration(scores)
    judged = found[found["of"] == "judged"]
    if judged["peaks"].sum():
        yield Figure(
            "calibration", "Are the probabilities right?", _histogram(judged),
            "Random peaks are spread evenly over p, so the right half of the bars should be level with the "
            "orange line; what stands above it on the left are real peaks, and bars that leave the figure "
            "have their number on top. If the bars of the right half fall to the right, fewer peaks are "
            "random than estimated, so doubt is too high, never too low; if they rise, random placements "
            "are no fair comparison for these peaks.",
            "calibration",
        )  # fmt: skip
    yield Listing(
        "calibration", "Peaks by p", CALIBRATION, found,
        "Peaks of experiments that are judged, and of those that cannot be, in ranges of p.", rows=40,
    )  # fmt: skip


def _histogram(judged: pd.DataFrame) -> Drawn:
    """Draw the bars up to a height at which the level of the random peaks can be seen."""
    drawn = new_figure(320, "p_random, the p of a peak", "peaks")
    peaks, random = judged["peaks"].to_numpy(), judged["random"].to_numpy()
    top = 1.15 * max(float(np.sort(peaks)[: RANGES // 2].max()) * 2, 2 * float(random.max()), 1.0)
    data = {
        "left": judged["p_from"].to_numpy(), "right": judged["p_to"].to_numpy(), "top": peaks,
        "random": random,
    }  # fmt: skip
    bar = drawn.quad(left="left", right="right", bottom=0, top="top", source=data, color=BLUE,
                     line_color=None, alpha=0.85, legend_label="peaks")  # fmt: skip
    drawn.segment("left", "random", "right", "random", source=data, color=ORANGE, line_width=2.5,
                  legend_label="expected of random peaks")  # fmt: skip
    beyond = judged[peaks > top]
    numbers = [f"{number:,}" for number in beyond["peaks"]]
    middle = (beyond["p_from"] + beyond["p_to"]).to_numpy() / 2
    drawn.text("x", "y", "text", source={"x": middle, "y": [0.97 * top] * len(beyond), "text": numbers},
               text_align="right", text_baseline="middle", angle=np.pi / 2, text_color="white",
               text_font_size="10px")  # fmt: skip
    hover(drawn, [("p", "@left{0.00} to @right{0.00}"), ("peaks", "@top{0,0}"),
                  ("random among them", "@random{0,0}")], [bar])  # fmt: skip
    drawn.y_range.start, drawn.y_range.end = 0, top
    whole_numbers(drawn.yaxis)
    legend_above(drawn)
    return drawn


def _density(results: Results, scores: Scores) -> Iterator[Block]:
    name = "trust" if scores.objective == "support" else "final score"
    (table, found), (_, test) = density_tables(score_density(scores, results.executor), scores)
    drawn = new_figure(320, "peaks of the module", name, x_axis_type="log")
    known = found[found["peaks"] > 0]
    whole_numbers(drawn.xaxis)
    drawn.xaxis.ticker = known["crm_peaks_from"].tolist()
    data = {
        "x": np.sqrt((known["crm_peaks_from"] * known["crm_peaks_to"]).to_numpy()),
        **{column: known[column].to_numpy() for column in
           ("crm_peaks_from", "crm_peaks_to", "peaks", "median", "lower_quartile", "upper_quartile", "crms")},
    }  # fmt: skip
    drawn.varea("x", "lower_quartile", "upper_quartile", source=data, color=BLUE, alpha=0.2,
                legend_label="half of the peaks")  # fmt: skip
    drawn.line("x", "median", source=data, color=BLUE, line_width=2, legend_label="median")
    dots = drawn.scatter("x", "median", source=data, color=BLUE, size=6, legend_label="median")
    hover(drawn, [("peaks of the module", "@crm_peaks_from{0,0} to @crm_peaks_to{0,0}"),
                  ("median", "@median{0.[000]}"), ("modules", "@crms{0,0}"), ("peaks", "@peaks{0,0}")],
          [dots])  # fmt: skip
    legend_above(drawn)
    spearman = test.set_index("relation")["spearman"].get("peak", np.nan)
    yield Figure(
        f"density-{scores.objective}", f"Is the {name} only the number of peaks of the module?", drawn,
        f"If the line rose from corner to corner, counting peaks would do; the rank correlation of both is "
        f"{spearman:.2f}.",
        f"density-{scores.objective}",
    )  # fmt: skip
    yield Listing(
        f"density-{scores.objective}", f"The {name} by the number of peaks of the module", table, found,
        "Modules are grouped by their number of peaks, each group up to twice the one before.",
    )  # fmt: skip


def _weights(scores: Scores) -> Iterator[Block]:
    table = weights_table(scores)
    flags = table["weight_flag"].fillna("").astype(str)
    names = [f"{a}.{b}" for a, b in zip(table.iloc[:, 0], table.iloc[:, 1], strict=True)]
    flagged = [name for name, flag in zip(names, flags, strict=True) if flag]
    yield Text(
        (f"{count(len(flagged), 'weight')} of {len(table):,} had to be clipped or replaced: "
         f"{listed(flagged)}. Weights are held between 0.1 and 10, and one that cannot be computed is the "
         "mean of the others: such an experiment is not corrected in full, so read its scores with care."
         if flagged else f"None of the {len(table):,} weights had to be clipped or replaced.",)
    )  # fmt: skip
    order = np.lexsort((-np.abs(np.log(table["weight"].to_numpy())), flags == ""))[:MOST_DRAWN]
    shown = table.iloc[order]
    error = relative_error(shown) * shown["weight"].to_numpy()
    colours = [
        ORANGE if flag else BLUE if np.isfinite(e) else GREY
        for flag, e in zip(flags.iloc[order], error, strict=True)
    ]
    spread = np.nan_to_num(error)
    drawn = intervals(
        [names[at] for at in order],
        {"value": shown["weight"], "low": shown["weight"] - 2 * spread, "high": shown["weight"] + 2 * spread,
         "colour": colours, "flag": flags.iloc[order].replace("", "-"), "windows": shown["sampled_windows"]},
        "weight", [("weight", "@value{0.000}"), ("flag", "@flag"), ("sampled windows", "@windows{0,0}")],
        line=1,
    )  # fmt: skip
    yield Figure(
        "weights", "The weights of the article's normalization", drawn,
        "A weight far from 1 (dashed) corrects much; orange ones were clipped or replaced; the bar is twice "
        "the error of the sample, and those furthest from 1 come first.",
        "weights",
    )  # fmt: skip
    yield Listing(
        "weights", "The weight of every experiment", WEIGHTS, table,
        "Factors k1, k2 and k3 multiply to the weight; large errors of theta or eta mean few sampled "
        "windows.",
        (table.columns[0], table.columns[1], "weight", "weight_flag", "sampled_windows", "theta_error",
         "eta_error"),
    )  # fmt: skip


def relative_error(table: pd.DataFrame) -> FloatArray:
    """Return the relative standard error of each weight by its sample alone, (sources,).

    The weight is k1 k2 k3, k2 is inverse to theta, and 1 - k3 is in proportion to eta (method, section 5).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        of_theta = table["theta_error"] / table["theta_mean"]
        of_eta = np.abs(1 - table["k3"]) / table["k3"] * table["eta_error"] / table["eta_mean"]
    found: FloatArray = np.sqrt(of_theta**2 + np.nan_to_num(of_eta) ** 2).to_numpy(np.float64)
    return found
