"""Everything that a report may show of a cell line, opened when a section asks for it."""

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from atypeak_scale.assess.results import load
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry.results import Result
from atypeak_scale.report.current import folders_beside
from atypeak_scale.report.experiments import experiments
from atypeak_scale.scoring.named_scores import by_objective
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True)
class Results:
    """What is known of one cell line: complete scores of the article, support, or both.

    beside: the folder in which folders of other commands may lie, such as `evidence`; None if there is none.
    """

    article: Scores | None
    support: Scores | None
    beside: Location | None = None
    executor: Executor = field(default_factory=InProcess, compare=False)

    @property
    def scores(self) -> Scores:
        """Either of the scores, support first."""
        scores = self.support or self.article
        assert scores is not None
        return scores

    @property
    def each(self) -> list[Scores]:
        """All scores there are."""
        return [one for one in (self.article, self.support) if one is not None]

    @property
    def cell_line(self) -> CellLine:
        """The data."""
        return self.scores.cell_line

    @property
    def views(self) -> tuple[str, str]:
        """Names of the two views."""
        return self.cell_line.views

    @cached_property
    def names(self) -> list[str]:
        """Name of each source."""
        return [source_name(source) for source in self.cell_line.sources]

    def kept(self, result: Result) -> "xr.Dataset | None":
        """Return what an assessment kept beside the article's scores, None if it was not run."""
        if self.article is None:
            return None
        for scores in (self.article, *self.article.members):
            with suppress(InputError):
                return load(scores, result)
        return None

    def table(self, folder: str, file: str) -> "pd.DataFrame | None":
        """Return a TSV file of another command from a folder beside the store, None if there is none.

        A folder that was made from other data, or from other scores, is not looked at.
        """
        import pandas as pd

        if self.beside is None or folder not in folders_beside(self.each, self.beside):
            return None
        try:
            text = target(join(self.beside, folder, file)).read_text()
        except (OSError, AtypeakError):
            return None
        return pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False, na_values=[""])

    @cached_property
    def chance(self) -> dict[str, npt.NDArray[Any]]:
        """What the placements say about each source: every array of `CHANCE_VARIABLES`; support only."""
        from atypeak_scale.registry import variables as v

        assert self.support is not None
        return {variable.name: self.support.read(variable) for variable in v.CHANCE_VARIABLES}

    @cached_property
    def statistics(self) -> "xr.Dataset":
        """What the data hold (`assess.statistics`)."""
        from atypeak_scale.assess.description.statistics import statistics

        return statistics(self.cell_line, self.executor)

    @cached_property
    def quartiles(self) -> "pd.DataFrame":
        """Quartiles of every score by source and label (`assess.score_quartiles`)."""
        import pandas as pd

        from atypeak_scale.assess.description.distributions import score_quartiles

        return pd.concat([score_quartiles(one, self.executor) for one in self.each], ignore_index=True)

    @cached_property
    def experiments(self) -> "pd.DataFrame":
        """Every source with all that is known of it, the columns of `EXPERIMENTS`."""
        chance = None if self.support is None else self.chance
        return experiments(self.cell_line, chance, self.quartiles, self.executor)


def results_of(
    scores: Scores | Sequence[Scores], beside: Location | None, executor: Executor | None = None
) -> Results:
    """Return the handle of everything about some complete scores.

    Raises
    ------
    InputError
        If two have the same objective, or other data.
    StageMissingError
        If one is not complete.

    """
    together = by_objective(scores)
    for one in together.values():
        one.require_complete()
    return Results(together.get("article"), together.get("support"), beside, executor or InProcess())
