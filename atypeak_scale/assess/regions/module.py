"""Everything about one CRM: its peaks, and what the networks expect there (article, Fig. 4 and 5).

Nothing is scored here: scores of peaks are read, and the networks are asked about the CRM's own windows only.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.special import expit

from atypeak_scale.assess.regions.places import CrmPlace, find_modules
from atypeak_scale.assess.results import described
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.model.description import NETWORK
from atypeak_scale.model.halves import judges
from atypeak_scale.registry.results import MODULE
from atypeak_scale.scoring.peak_table import PeakTable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import join
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import Block, CellLine

if TYPE_CHECKING:
    from atypeak_scale.model.inference.engine import Engine
    from atypeak_scale.model.inference.leave_one_out import LeaveOneOut

MOST_WINDOWS = 32  # of one CRM; a longer one is shown in part
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
By = Literal["expected", "rebuilt"]


@dataclass(frozen=True, eq=False)
class Module:
    """One CRM with its peaks.

    place: where it is; is_whole: whether all of its windows are here, or only the first `MOST_WINDOWS`;
    windows, peaks: see `module`.
    """

    place: CrmPlace
    is_whole: bool
    windows: xr.Dataset
    peaks: pd.DataFrame


def module(
    cell_line: CellLine,
    place: CrmPlace | int | str,
    article: Scores | None = None,
    support: Scores | None = None,
) -> Module:
    """Return the windows of a CRM as the networks see them, and its peaks with all their scores.

    Parameters
    ----------
    cell_line
        The data.
    place
        A CRM that `find_modules` found, its number, or what `find_modules` takes.
    article, support
        Complete scores of the cell line, of a model of the article and of one of support. Without one,
        what it would give is absent; so is what its network would give, if the model is not there any more.

    Returns
    -------
    Module
        `windows` is an xarray.Dataset of dims window, bin and source, with the labels `source` (dataset.TR),
        `source_dataset` and `source_tr`. It holds bool `original`; with `article` float32 `rebuilt`, `score`
        (NaN where the original is 0) and `phantom` (NaN where it is not); with `support` float32 `expected`,
        0 to 1. Of an ensemble, these are means over its models, `expected` is that of the mean log-odds.
        int64 `bin_start` and bool `inside`, (window, bin), say where each bin begins, in bp, and whether it
        is part of the CRM. Windows without any peak are not in the store, and not here.

        `peaks` are those that overlap the CRM, by start: the columns of peaks.parquet, with the index of each
        in the store. Their column `crm` is that of their first CRM, which may be another one.

    Raises
    ------
    InputError
        If there is no such CRM, scores are of another objective or cell line, or a model changed.
    StageMissingError
        If scores are not complete.

    """
    (found,) = modules(cell_line, [place], article, support)
    return found


def modules(
    cell_line: CellLine,
    places: Iterable[CrmPlace | int | str],
    article: Scores | None = None,
    support: Scores | None = None,
) -> Iterator[Module]:
    """Yield what `module` returns for several CRMs; models are loaded once.

    Examples
    --------
    >>> for one in modules(hela, interesting_modules(scores, 5)["crm"], article, support):
    ...     print(one.place.text, len(one.peaks))

    """
    given = _checked(cell_line, article, support)
    table, networks = PeakTable(cell_line, *(one.group() for one in given)), _networks(article, support)
    for place in places:
        found = place if isinstance(place, CrmPlace) else find_modules(cell_line, str(place))[0]
        shown = Block(found.windows.start, min(found.windows.stop, found.windows.start + MOST_WINDOWS))
        windows = _windows(cell_line, shown, networks)
        yield Module(found, shown == found.windows, windows, _peaks(table, shown))


def absent_sources(found: Module, by: By) -> pd.DataFrame:
    """Return the sources without a peak in a CRM, with what a network expects of them, the most first.

    Parameters
    ----------
    found
        The CRM.
    by
        "expected", by the network of support, or "rebuilt", by that of the article: then these are phantoms.

    Returns
    -------
    pandas.DataFrame
        Columns: both labels; `value`, the largest along the CRM; `start`, `end`, bp, of the bins around it
        that have at least half of it.

    """
    windows, views = found.windows, _views(found.windows)
    values = windows[by].where(windows["inside"], -np.inf).transpose("source", "window", "bin").to_numpy()
    absent = np.flatnonzero(~windows["original"].any(["window", "bin"]).to_numpy())
    starts = windows["bin_start"].to_numpy()
    bin_ = starts[0, 1] - starts[0, 0]
    rows = []
    for source in absent.tolist():
        window, top = np.unravel_index(int(values[source].argmax()), values[source].shape)
        line = values[source, window]
        low = np.flatnonzero(~(line >= line[top] / 2))
        first = int(low[low < top].max(initial=-1)) + 1
        stop = int(low[low > top].min(initial=len(line)))
        begin = max(int(starts[window, first]), found.place.start)
        rows.append((source, float(line[top]), begin, int(starts[window, stop - 1] + bin_)))
    frame = pd.DataFrame(rows, columns=["source", "value", "start", "end"])
    for at, view in enumerate(views):
        frame.insert(at, view, windows[f"source_{view}"].to_numpy()[frame["source"].to_numpy(np.int64)])
    frame = frame.sort_values("value", ascending=False, kind="stable", ignore_index=True)
    return frame.drop(columns="source")


def _views(windows: xr.Dataset) -> list[str]:
    views: list[str] = windows.attrs["views"]
    return views


def _checked(cell_line: CellLine, article: Scores | None, support: Scores | None) -> list[Scores]:
    if article is not None:
        article.refuse_support()
    if support is not None:
        support.require_support()
    given = [one for one in (article, support) if one is not None]
    for one in given:
        if one.cell_line != cell_line:
            raise InputError(f"{one.name}: scores of other data than {cell_line.store}", "model")
        one.require_complete()
    return given


@dataclass(frozen=True)
class _Networks:
    """The networks of the article and of support, as functions; of an ensemble several.

    configs: settings of each network of support.
    """

    article: "list[Engine]"
    support: "list[tuple[Engine, LeaveOneOut]]"
    configs: list[Config]

    def of_crm(self, crm: npt.NDArray[np.int64]) -> "list[tuple[Engine, LeaveOneOut]]":
        """Return the networks of support that judge a CRM: int64 (n,), n times its row in the file."""
        return list(compress(self.support, judges(self.configs, crm)[:, 0]))


def _networks(article: Scores | None, support: Scores | None) -> _Networks:
    """Load them once: a process keeps only one engine by itself."""
    of_article = [one.engine() for one in _with_model(article)]
    of_support, several = [], _with_model(support)
    for one in several:
        without = one.leave_one_out()  # first, because it takes the engine that the process then keeps
        of_support.append((one.engine(), without))
    return _Networks(of_article, of_support, [one.config for one in several])


def _with_model(scores: Scores | None) -> list[Scores]:
    """Return the scores of each model, if they are there: scores can be read without."""
    several = [] if scores is None else list(scores.members or (scores,))
    return several if all(target(join(one.model, NETWORK)).exists() for one in several) else []


def _windows(cell_line: CellLine, shown: Block, networks: _Networks) -> xr.Dataset:
    """Return the Dataset of some windows."""
    original = cell_line.occupancy(*shown)
    place = cell_line.windows(*shown)
    frame, bin_ = cell_line.frame
    starts = place.end_bp[:, None] - frame + bin_ * np.arange(cell_line.shape.bins)
    dims = ("window", "bin", "source")
    found: dict[str, tuple[tuple[str, ...], npt.NDArray[Any]]] = {
        "original": (dims, original),
        "bin_start": (dims[:2], starts),
        "inside": (dims[:2], starts + bin_ > place.start_bp[:, None]),
    }
    if networks.article:
        rebuilt, ratios = _rebuilt(networks.article, original)
        found["rebuilt"] = (dims, rebuilt)
        found["score"] = (dims, np.where(original, ratios, np.float32(np.nan)))
        found["phantom"] = (dims, np.where(original, np.float32(np.nan), rebuilt))
    if networks.support:
        found["expected"] = (dims, _expected(networks.of_crm(place.crm), original))
    labels = np.array(cell_line.sources, object)
    coordinates = {
        "window": np.arange(*shown),
        "bin": np.arange(cell_line.shape.bins),
        "source": np.array([source_name(source) for source in cell_line.sources], object),
        **{f"source_{view}": ("source", labels[:, at]) for at, view in enumerate(cell_line.views)},
    }
    dataset = xr.Dataset(found, coords=coordinates, attrs={"views": list(cell_line.views)})
    return described(dataset.set_coords(["bin_start", "inside"]), MODULE)


def _rebuilt(engines: "list[Engine]", original: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return h(X) and A: float32 (windows, bins, sources) each."""
    rebuilt, ratios = (np.zeros(original.shape) for _ in range(2))
    for engine in engines:
        rebuilt += _all_rebuilt(engine, original)
        for start, values in engine.ratios(original):
            ratios[start : start + len(values)] += values
    mean, mean_ratio = (total / len(engines) for total in (rebuilt, ratios))
    return mean.astype(np.float32), mean_ratio.astype(np.float32)


def _all_rebuilt(engine: "Engine", original: BoolArray) -> FloatArray:
    parts = [values for _, values in engine.rebuilt_windows(original, of_sources=True)]
    return np.concatenate(parts)


def _expected(networks: "list[tuple[Engine, LeaveOneOut]]", original: BoolArray) -> FloatArray:
    """Return the probability of every cell, where its source is taken out of the window: (windows, ...)."""
    bins = original.shape[1]
    # Sources that are there are asked bin by bin; without the others nothing changes.
    window, source = (np.repeat(number, bins) for number in np.nonzero(original.any(axis=1)))
    each = np.tile(np.arange(bins), len(window) // bins)
    total = np.zeros(original.shape)
    for engine, without in networks:
        odds = _all_rebuilt(engine, original)
        odds[window, each, source] = without.log_odds(original, window, source, each, each)
        total += odds
    probability: FloatArray = expit(total / len(networks)).astype(np.float32)
    return probability


def _peaks(table: PeakTable, shown: Block) -> pd.DataFrame:
    """Return the peaks that lie in some windows, by start."""
    cell_line = table.cell_line
    numbers = np.unique(cell_line.rows(*cell_line.rows_of_windows(*shown)).peak)
    parts = []
    for block in table.blocks():
        here = numbers[(numbers >= block.start) & (numbers < block.stop)]
        if here.size:
            columns = table.read(block)
            chosen = {name: values[here - block.start] for name, values in columns.items()}
            parts.append(pd.DataFrame(chosen, index=pd.Index(here, name="catalogue_peak")))
    return pd.concat(parts)
