"""What figures are made from, each computed or opened once."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from atypeak_scale.assess.results import load
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor
from atypeak_scale.registry.results import Result
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine

if TYPE_CHECKING:
    from atypeak_scale.assess.regions.module import Module


@dataclass(frozen=True)
class FigureData:
    """What figures are made from; None if it is not there.

    truth: the table that `simulate` wrote; search, releases: folders that `search` and `compare_releases`
    made. What several figures need is computed once.
    """

    article: Scores | None
    support: Scores | None
    truth: Location | None
    search: Location | None
    releases: Location | None
    executor: Executor

    @property
    def article_or_support(self) -> Scores:
        """The article's scores if they are there, otherwise support."""
        found = self.article or self.support
        assert found is not None
        return found

    @property
    def cell_line(self) -> CellLine:
        """The data."""
        return self.article_or_support.cell_line

    @cached_property
    def statistics(self) -> xr.Dataset:
        """Mean CRM, correlations and Jaccard indices."""
        from atypeak_scale.assess.description.statistics import statistics

        return statistics(self.cell_line, self.executor)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Every label of the second view with and without every other."""
        from atypeak_scale.assess.description.pairs import pairs

        return pairs(self.article_or_support, executor=self.executor)

    @cached_property
    def modules(self) -> "dict[str, Module]":
        """The best, the most typical and the worst module, by support if it is there."""
        from atypeak_scale.assess.regions.interesting import interesting_modules
        from atypeak_scale.assess.regions.module import modules

        for scores in filter(None, (self.support, self.article)):
            chosen = interesting_modules(scores, 1, self.executor)
            if len(chosen):
                found = modules(self.cell_line, chosen["crm"].tolist(), self.article, self.support)
                return dict(zip(chosen["kind"], found, strict=True))
        return {}  # nothing can be judged

    def kept(self, result: Result) -> xr.Dataset | None:
        """Return what an assessment kept beside the article's scores."""
        for one in [] if self.article is None else [self.article, *self.article.members[:1]]:
            with suppress(InputError):
                return load(one, result)
        return None


def table_of(folder: Location | None, name: str) -> pd.DataFrame | None:
    """Return a table that a command wrote to its folder, None if no folder was named.

    Raises
    ------
    InputError
        If the folder has no such table.

    """
    if folder is None:
        return None
    file = target(join(folder, name))
    if not file.exists():
        raise InputError(f"{folder}: holds no {name}")
    with file.local_copy() as local:
        return pd.read_csv(local, sep="\t") if name.endswith(".tsv") else pd.read_parquet(local)
