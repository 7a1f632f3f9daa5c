"""All figures that are written as files: what each is, how it is drawn, and what makes its data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from atypeak_scale.config import Objective
from atypeak_scale.plot.canvas import new_figure, side, style
from atypeak_scale.plot.figure_data import FigureData, table_of
from atypeak_scale.registry.crm_columns import RELEASE_CRMS
from atypeak_scale.registry.model_columns import SEARCH
from atypeak_scale.registry.results import GROUPS, QSCORE, UR_EXAMPLES
from atypeak_scale.scoring.named_scores import DEFAULTS
from atypeak_scale.tables import file_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from atypeak_scale.assess.regions.module import Module

    Draw = Callable[[FigureData], Figure | None]

PAIRS_SHOWN = 6
NAMES: dict[Objective, str] = {"article": "final score", "support": "trust, 1 - doubt"}
NORMALIZATIONS = ("raw", "k_normalized", "final")
KINDS = {"best": "best", "typical": "most typical", "worst": "worst"}


@dataclass(frozen=True)
class Drawing:
    """One figure: name of its files, what it is, how it is drawn, and the command that makes its data.

    draw: returns None if its data are not there; command: without the program's name.
    """

    name: str
    what: str
    draw: "Draw"
    command: str = "score"


def _figure_of(ax: "Axes") -> "Figure":
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


# --- artificial catalogues, searches, releases: what lies in other folders


def _kinds(data: FigureData) -> "Figure | None":
    from atypeak_scale.assess.evidence.artificial import scored_truth
    from atypeak_scale.plot.artificial import scores_by_kind

    if data.truth is None or data.article is None:
        return None
    return _figure_of(scores_by_kind(scored_truth(data.article, str(data.truth))))


def _rebuilt(data: FigureData) -> "Figure | None":
    from atypeak_scale.assess.evidence.rebuilt import rebuilt_by_kind as count
    from atypeak_scale.plot.artificial import rebuilt_by_kind

    if data.truth is None or data.article is None:
        return None
    one = (data.article.members or (data.article,))[0]
    return _figure_of(rebuilt_by_kind(count(one, str(data.truth), data.executor)))


def _search(data: FigureData) -> "Figure | None":
    from atypeak_scale.plot.budgets import search

    table = table_of(data.search, file_name(SEARCH))
    return None if table is None else _figure_of(search(table))


def _releases(data: FigureData) -> "Figure | None":
    from atypeak_scale.plot.update_ratios import releases

    table = table_of(data.releases, f"{RELEASE_CRMS.name}.parquet")
    return None if table is None else _figure_of(releases(table))


# --- modules


def _panels(found: "Module") -> "Figure | None":
    from atypeak_scale.plot.modules import module_panels

    return module_panels(found) if set(found.windows) > {"original"} else None


def _tracks(found: "Module") -> "Figure | None":
    from atypeak_scale.plot.modules import tracks

    return _figure_of(tracks(found))


def _of_module(kind: str, draw: "Callable[[Module], Figure | None]") -> "Draw":
    def drawn(data: FigureData) -> "Figure | None":
        found = data.modules.get(kind)
        return None if found is None else draw(found)

    return drawn


# --- the data


def _mean_crm(data: FigureData) -> "Figure":
    from atypeak_scale.plot.matrices import mean_crm

    return _figure_of(mean_crm(data.statistics))


def _correlation(of: str) -> "Draw":
    from atypeak_scale.plot.matrices import correlation

    return lambda data: _figure_of(correlation(data.statistics, of))


def _jaccard(of: str) -> "Draw":
    from atypeak_scale.plot.matrices import jaccard

    return lambda data: _figure_of(jaccard(data.statistics, of))


# --- scores


def _pairs(data: FigureData) -> "Figure | None":
    from atypeak_scale.plot.alone_both import pairs, strongest_pairs

    if not len(strongest_pairs(data.pairs)):
        return None
    return _figure_of(pairs(data.pairs, name=NAMES[data.article_or_support.objective]))


def _pair_scores(data: FigureData) -> "Figure | None":
    from atypeak_scale.assess.description.pair_scores import pair_scores
    from atypeak_scale.plot.alone_both import pair, strongest_pairs

    shown = strongest_pairs(data.pairs, PAIRS_SHOWN).iloc[:, :2].to_numpy().tolist()
    if not shown:
        return None
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    with style():
        figure = new_figure(3.2 * columns, 2.9 * rows)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes[len(shown) :]:
            ax.remove()
    scores = data.article_or_support
    for ax, (one, other) in zip(axes, shown, strict=False):
        found = pair_scores(scores, one, other, data.executor)
        pair(found, one, NAMES[scores.objective], ax)
    return figure


def _density(objective: Objective) -> "Draw":
    def drawn(data: FigureData) -> "Figure | None":
        from atypeak_scale.assess.description.distributions import score_density
        from atypeak_scale.plot import crm_sizes

        scores = data.article if objective == "article" else data.support
        if scores is None:
            return None
        return _figure_of(crm_sizes.score_density(score_density(scores, data.executor), NAMES[objective]))

    return drawn


def _normalizations(data: FigureData) -> "Figure | None":
    from atypeak_scale.assess.description.distributions import score_quartiles as quartiles
    from atypeak_scale.plot.normalizations import score_quartiles

    if data.article is None:
        return None
    table, view = quartiles(data.article, data.executor), data.cell_line.views[1]
    with style():
        figure = new_figure(9.0, side(len(data.cell_line.labels[1])))
        axes = figure.subplots(1, len(NORMALIZATIONS))
        for ax, score in zip(axes, NORMALIZATIONS, strict=True):
            score_quartiles(table, score, view, ax=ax)
            ax.set_xlabel(score)
            if ax is not axes[0]:
                ax.set_yticks([])
        figure.suptitle("median and quartiles of the peaks", fontsize=8)
    return figure


def _shares(data: FigureData) -> "Figure | None":
    from atypeak_scale.plot.random_shares import shares_like_random
    from atypeak_scale.scoring.export.support import sources_table

    return None if data.support is None else _figure_of(shares_like_random(sources_table(data.support)))


def _p_values(data: FigureData) -> "Figure | None":
    from atypeak_scale.plot.p_histogram import p_values

    return None if data.support is None else _figure_of(p_values(data.support))


# --- what assessments kept


def _qscore(data: FigureData) -> "Figure | None":
    from atypeak_scale.plot.matrices import qscore

    found = data.kept(QSCORE)
    return None if found is None else _figure_of(qscore(found))


def _groups(data: FigureData) -> "Figure | None":
    from atypeak_scale.plot.group_matrix import groups

    found = data.kept(GROUPS)
    return None if found is None else _figure_of(groups(found))


def _ur_examples(data: FigureData) -> "Figure | None":
    from atypeak_scale.plot.units import ur_examples

    found = data.kept(UR_EXAMPLES)
    return None if found is None else _figure_of(ur_examples(found, list(data.cell_line.sources)))


def all_drawings(data: FigureData) -> list[Drawing]:
    """Return all figures, in the order of the article."""
    view0, view1 = data.cell_line.views
    own: tuple[Objective, Objective] = ("article", "support")
    return [
        Drawing("kinds", "final scores by what peaks really are (Fig. 2)", _kinds, "simulate"),
        Drawing("rebuilt", "what is rebuilt by kind of peak (Fig. S1)", _rebuilt, "simulate"),
        Drawing("search", "the search over budgets (Fig. 3)", _search, "search"),
        *(Drawing(f"module-{kind}", f"the {words} module: original, rebuilt, score, phantoms (Fig. 4)",
                  _of_module(kind, _panels), "train") for kind, words in KINDS.items()),
        *(Drawing(f"tracks-{kind}", f"the peaks of the {words} module, by score (Fig. 5)",
                  _of_module(kind, _tracks)) for kind, words in KINDS.items()),
        Drawing("mean-crm", "mean occupancy of every source (Fig. 4)", _mean_crm),
        Drawing("pairs", f"medians with and without another {view1} (Fig. 6a)", _pairs, "pairs"),
        Drawing("pair-scores", "scores of the pairs that differ most (Fig. 6a)", _pair_scores, "pairs"),
        *(Drawing(f"crm-size-{DEFAULTS[kind]}", f"{DEFAULTS[kind]} by peaks of the module (Fig. 6b)",
                  _density(kind)) for kind in own),
        Drawing("qscore", "Q-score: contribution of every pair (Fig. S5)", _qscore, "qscore"),
        Drawing("releases", "newer peaks against mean score (Fig. S7)", _releases, "compare-releases"),
        Drawing("ur-examples", "what each unit looks for (Fig. S10a)", _ur_examples, "ur-examples"),
        *(Drawing(f"correlation-{of}", f"correlation of every two (Fig. S10b): {of}", _correlation(of))
          for of in ("source", view0, view1)),
        Drawing("groups", "correlation groups (Fig. S11)", _groups, "groups"),
        *(Drawing(f"jaccard-{of}", f"Jaccard index of every two (Fig. S12): {of}", _jaccard(of))
          for of in (view0, view1)),
        Drawing("normalizations", f"scores of each {view1} before and after normalizing (Fig. S13)",
                _normalizations, "normalize"),
        Drawing("random-shares", "support: share of each source's peaks that lie like random ones", _shares),
        Drawing("p-values", "support: how p is distributed", _p_values),
    ]  # fmt: skip
