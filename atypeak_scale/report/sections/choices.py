"""Was the right model chosen? Q-score, the search over settings, and how far seeds agree."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from atypeak_scale.assess.quality.qscore import qscore_tables
from atypeak_scale.assess.quality.recommendation import recommend, summarize_search
from atypeak_scale.assess.quality.stability import stability, stability_sentences
from atypeak_scale.model.seeds import seed_of
from atypeak_scale.registry.model_columns import SEARCH, SEARCH_POWER, STABILITY
from atypeak_scale.registry.results import QSCORE
from atypeak_scale.report.current import SEARCHED
from atypeak_scale.report.drawing import BLUE, bars, hover, new_figure, plain
from atypeak_scale.report.matrices import matrix, shades
from atypeak_scale.report.numbers import spoken
from atypeak_scale.report.page import Block, Figure, Listing, Missing, Text
from atypeak_scale.report.results import Results
from atypeak_scale.scoring.scores import Scores

IN_PAGE = 6_000  # rows of a table that is in the page
SAMPLED_WINDOWS = 500  # to compare seeds; `stability` takes more by itself


def choice_blocks(results: Results) -> Iterator[Block]:
    """Yield what is known of the choice of the model."""
    if results.article is not None:
        found = results.kept(QSCORE)
        if found is None:
            yield Missing(
                "Does the model know which datasets and regulators go together (Q-score)?", "qscore"
            )
        else:
            yield from _qscore(found)
    trials = results.table(SEARCHED, "search.tsv")
    if trials is None:
        yield Missing("Would a smaller or larger model be better? No search over settings is here.", "search")
    else:
        yield from _search(trials)
    several = (one for one in results.each if len({seed_of(member.model) for member in one.members}) > 1)
    ensemble = next(several, None)
    if ensemble is None:
        yield Missing(
            "Do other seeds give the same scores? Train several: the command says how far they agree.",
            "stability",
        )
    else:
        yield from _seeds(results, ensemble)


def _qscore(found: xr.Dataset) -> Iterator[Block]:
    (table, pairs), _ = qscore_tables(found)
    view = found["view"].to_numpy()
    contribution = found["contribution"].to_numpy()
    yield Text(
        (f"Q-score {float(found['total']):.4g} on {found.attrs['sampled_windows']:,} windows; lower is "
         "better, and only models of the same data and sample can be compared.",)
    )  # fmt: skip
    for name in dict.fromkeys(view.tolist()):
        mine = np.flatnonzero(view == name)
        values = contribution[np.ix_(mine, mine)].copy()
        np.fill_diagonal(values, np.nan)
        labels = [str(one) for one in found["label"].to_numpy()[mine]]
        largest = float(np.nanmax(values)) if len(mine) > 1 and np.nanmax(values) > 0 else 1.0
        yield Figure(
            f"qscore-{name}", f"Where the model is wrong about two {spoken(name)}s",
            matrix(values, labels, labels, "contribution to the Q-score", shades(BLUE), (0, largest)),
            f"A strong cell: the data and the model disagree on whether the {spoken(name)} of the row goes "
            "with that of the column; a good model leaves most cells pale.",
            "qscore-pairs",
        )  # fmt: skip
    pairs = pairs.sort_values("contribution", ascending=False, kind="stable", ignore_index=True)
    yield Listing(
        "qscore-pairs", "Q-score of every two datasets and regulators", table, pairs,
        "The largest contributions first: what the model gets wrong most.", in_page=len(pairs) <= IN_PAGE,
    )  # fmt: skip


def _search(trials: pd.DataFrame) -> Iterator[Block]:
    by_power = "power" in trials
    measure, best = ("power", "higher") if by_power else ("q_score", "lower")
    summary = summarize_search(trials)
    chosen = recommend(trials)
    words = ", ".join(f"{key} {value}" for key, value in chosen.setting.items())
    keys = list(trials.columns[: trials.columns.get_loc("seed")])
    yield Text((f"The search recommends {words}: {chosen.reason}.",))
    name = {key: [str(value) for value in summary[key]] for key in keys}
    settings = [plain(", ".join(parts)) for parts in zip(*name.values(), strict=True)]
    drawn = new_figure(320, ", ".join(keys), measure, x_range=list(dict.fromkeys(settings)))
    of_trial = [plain(", ".join(str(row[key]) for key in keys)) for _, row in trials.iterrows()]
    dots = drawn.scatter(
        "x", "y", size=8, color=BLUE, alpha=0.6,
        source={"x": of_trial, "y": trials[measure].to_numpy(), "seed": trials["seed"].to_numpy()},
    )  # fmt: skip
    hover(drawn, [("", "@x"), (measure, "@y{0.0000}"), ("seed", "@seed")], [dots])
    drawn.line("x", "y", source={"x": settings, "y": summary[measure].to_numpy()}, color=BLUE, line_width=2)
    yield Figure(
        "search", "The search over settings", drawn,
        f"Each dot is one model, the line the mean over seeds; {best} is better, and the smallest model near "
        "the best is enough.",
        "search",
    )  # fmt: skip
    yield Listing(
        "search", "Every model of the search", SEARCH_POWER if by_power else SEARCH, trials,
        "One row for each model that was trained.",
    )  # fmt: skip


def _seeds(results: Results, scores: Scores) -> Iterator[Block]:
    found = stability(results.cell_line, scores.model, results.executor, SAMPLED_WINDOWS)
    yield Text(tuple(stability_sentences(found)))
    of_source = found.groupby(list(results.views), sort=False)["spearman"].min().sort_values().head(40)
    names = [f"{a}.{b}" for a, b in of_source.index]
    yield Figure(
        "seeds", "The experiments on which seeds agree least",
        bars(names, of_source.to_numpy().tolist(), "lowest Spearman correlation of two seeds"),
        "Near 1: any seed ranks the peaks of the experiment alike; below 0.9, do not trust the rank of a "
        "single peak.",
        "stability",
    )  # fmt: skip
    yield Listing(
        "stability", "Agreement of every two seeds", STABILITY, found,
        f"Spearman correlation of the scores within each experiment, on the peaks of {SAMPLED_WINDOWS} "
        "windows.",
        in_page=len(found) <= IN_PAGE,
    )  # fmt: skip
