"""The scores of a peak by name: which model gives them, how they are read, and which way they point."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.config import Objective
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.table import Table
from atypeak_scale.registry.variables import Variable
from atypeak_scale.scoring.scores import Scores


@dataclass(frozen=True)
class NamedScore:
    """One score of every catalogue peak.

    objective: of the models that give it; variable: the array that it is read from; step: width of ranges
    of the score that each hold few of its values; is_trusted_if_high: whether a higher score means a more
    trusted peak; is_complement: whether it is 1 less what the array holds.
    """

    name: str
    objective: Objective
    variable: Variable
    step: float
    is_trusted_if_high: bool = True
    is_complement: bool = False

    @property
    def is_default(self) -> bool:
        """Whether it is the score that its objective is about."""
        return DEFAULTS[self.objective] == self.name

    def of(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the score, NaN where a peak has none, from elements of the array, (peaks,) both."""
        values = stored.astype(np.float32, copy=False)
        return 1 - values if self.is_complement else values

    def read(self, scores: Scores, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return the score of catalogue peaks [start, stop); raise the errors that `Scores.read` raises."""
        return self.of(scores.read(self.variable, start, stop))

    def read_elements(self, scores: Scores, peak: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float32]:
        """Return the score of some catalogue peaks, in any order; raise the errors that `read` raises."""
        return self.of(scores.read_elements(self.variable, peak))

    def describe(self, text: str) -> str:
        """Return a text about final scores as one about this score."""
        if self.name == v.FINAL.name:
            return text
        return text.replace("final scores", f"values of {self.name}").replace("final score", self.name)

    def table(self, of_article: Table, of_support: Table) -> Table:
        """Return the table of the two that holds this score, with texts that name it."""
        table = of_article if self.objective == "article" else of_support
        columns = tuple(
            replace(column, description=self.describe(column.description)) for column in table.columns
        )
        return replace(table, description=self.describe(table.description), columns=columns)

    def provenance(self, scores: Scores) -> dict[str, Any]:
        """Return what something made from this score is made from; the usual score needs no mention."""
        return {**scores.provenance(), **({} if self.is_default else {"score": self.name})}


_LOG_ODDS, _SHARE = 1 / 8, 1 / 192
NAMED_SCORES: dict[str, NamedScore] = {
    one.name: one
    for one in (
        NamedScore("raw", "article", v.RAW, 1 / 64),
        NamedScore("k_normalized", "article", v.K_NORMALIZED, 1 / 64),
        NamedScore("final", "article", v.FINAL, 16.0),
        NamedScore("support", "support", v.SUPPORT, _LOG_ODDS),
        NamedScore("trust", "support", v.DOUBT, _SHARE, is_complement=True),
        NamedScore("doubt", "support", v.DOUBT, _SHARE, is_trusted_if_high=False),
        NamedScore("p_random", "support", v.P_RANDOM, _SHARE, is_trusted_if_high=False),
        NamedScore("q_random", "support", v.Q_RANDOM, _SHARE, is_trusted_if_high=False),
        NamedScore("network", "support", v.NETWORK, _LOG_ODDS),
        NamedScore("regression", "support", v.REGRESSION, _LOG_ODDS),
        NamedScore("overlapping_sources", "support", v.OVERLAPPING, 1.0),
    )
}
DEFAULTS: dict[Objective, str] = {"article": "final", "support": "trust"}


def scores_of(objective: Objective) -> tuple[NamedScore, ...]:
    """Return the scores that models of an objective give."""
    return tuple(one for one in NAMED_SCORES.values() if one.objective == objective)


def named_score(scores: Scores, name: str | None = None) -> NamedScore:
    """Return a score of these results by name; None takes the one that their objective is about.

    Raises
    ------
    InputError
        If they have no such score; the error names the nearest.

    """
    known = {one.name: one for one in scores_of(scores.objective)}
    return _known(known, name or DEFAULTS[scores.objective], scores.name)


def score_of_table(columns: Collection[str], name: str | None, table: str) -> NamedScore:
    """Return a score by name that can be read from a table with these columns; None takes a default.

    The default is the final score if the table has it.

    Raises
    ------
    InputError
        If the table does not hold the score; `table` names it, and the error names the nearest score.

    """
    known = {one.name: one for one in NAMED_SCORES.values() if one.variable.name in columns}
    default = next((one for one in DEFAULTS.values() if one in known), DEFAULTS["article"])
    return _known(known, name or default, table)


def _known(known: dict[str, NamedScore], name: str, where: str) -> NamedScore:
    if name not in known:
        raise InputError(f"{where}: has no score {name!r}; {nearest(name, known)}", "score")
    return known[name]


def by_objective(scores: Scores | Sequence[Scores]) -> dict[Objective, Scores]:
    """Return one or several scores by their objective, the article's first.

    Raises
    ------
    InputError
        If two have the same objective, or other data, or there is none.

    """
    several = [scores] if isinstance(scores, Scores) else list(scores)
    together = {one.objective: one for one in sorted(several, key=lambda one: one.objective)}
    if not several or len(together) < len(several):
        raise InputError(
            f"{len(several)} models; expected one of the article, one of support, or both", "model"
        )
    if len({one.cell_line for one in several}) > 1:
        raise InputError("the two models scored different data; take each by itself", "model")
    return together
