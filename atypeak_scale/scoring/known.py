"""Which sources of a cell line a model knows: those it does not know get no score.

A store may have got sources since the model was trained. To the model, their peaks are not there.
"""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.catalogue.names import Source, source_name
from atypeak_scale.errors import InputError, shortened
from atypeak_scale.model.description import describe_model, knows
from atypeak_scale.registry.variables import PLACED_SOURCE, Variable
from atypeak_scale.scoring.support.placements import Placements
from atypeak_scale.storage.locations import Location, name_of
from atypeak_scale.store.cell_line import Block, CellLine
from atypeak_scale.store.result_groups import UNKNOWN

MOST_NAMED = 5
BoolArray = npt.NDArray[np.bool_]
Labels = tuple[tuple[str, ...], tuple[str, ...]]
log = logging.getLogger(__name__)


class Known(NamedTuple):
    """Which sources a model knows: bool (sources,)."""

    mask: BoolArray

    @property
    def is_all(self) -> bool:
        """Whether the model knows every source."""
        return bool(self.mask.all())

    @property
    def number(self) -> npt.NDArray[np.int64]:
        """Number of each source among those that are known: (sources,)."""
        return np.cumsum(self.mask) - 1

    def occupancy(self, occupancy: BoolArray) -> BoolArray:
        """Return what the model sees of windows: bool (windows, bins, known sources)."""
        return occupancy if self.is_all else occupancy[:, :, self.mask]

    def some(self, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        """Return the sources that are known."""
        return tuple(source for source, is_known in zip(sources, self.mask, strict=True) if is_known)

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values of the known sources for all: NaN, 0 or an empty text for the others."""
        empty = {"f": np.nan, "O": ""}.get(values.dtype.kind, 0)
        found = np.full((len(self.mask), *values.shape[1:]), empty, values.dtype)
        found[self.mask] = values
        return found


class Results(Protocol):
    """What is asked of the handle of a model's results."""

    @property
    def cell_line(self) -> CellLine:
        """The data."""

    @property
    def model(self) -> Location:
        """The model."""

    @property
    def fingerprint(self) -> str:
        """Of the model."""

    @property
    def members(self) -> Sequence["Results"]:
        """Of an ensemble, the results of each model."""

    @property
    def known(self) -> Known:
        """What `known_sources` found."""

    @property
    def placements(self) -> Placements:
        """What support is compared with."""

    def found(self) -> zarr.Group | None:
        """Open the group of the results, None if they do not exist."""


def known_sources(scores: Results) -> Known:
    """Return which sources the models of some results know; results remember it, models may be gone."""
    if scores.members:
        return Known(np.all([one.known.mask for one in scores.members], axis=0))
    sources, found = scores.cell_line.sources, scores.found()
    if found is not None:
        attributes: dict[str, Any] = dict(found.attrs)
        unknown = set(attributes.get(UNKNOWN, ()))
        return Known(np.array([source_name(source) not in unknown for source in sources]))
    model = describe_model(scores.model)
    return Known(np.array([knows(model, source) for source in sources]))


def names_of_unknown(scores: Results) -> list[str]:
    """Return the names of the sources that the models of some results do not know."""
    sources = zip(scores.cell_line.sources, scores.known.mask, strict=True)
    return [source_name(source) for source, is_known in sources if not is_known]


def remembered(scores: Results) -> dict[str, list[str]]:
    """Return the attribute by which results remember the sources that the model does not know."""
    unknown = names_of_unknown(scores)
    return {UNKNOWN: unknown} if unknown else {}


def seen(scores: Results, of_known: bool) -> tuple[Location, str, Labels, tuple[Source, ...]]:
    """Return model, fingerprint, labels and sources as the functions of a process take them.

    Raises InputError if the model does not know all sources and should, as without `of_known`.
    """
    if not of_known and not scores.known.is_all:
        raise refusal(scores.cell_line, scores.model, names_of_unknown(scores))
    sources = scores.known.some(scores.cell_line.sources)
    known = [set(labels) for labels in zip(*sources, strict=True)]
    first, second = (
        tuple(label for label in labels if label in of_view)
        for labels, of_view in zip(scores.cell_line.labels, known, strict=True)
    )
    return scores.model, scores.fingerprint, (first, second), sources


def scored(scores: Results, variable: Variable, block: Block) -> BoolArray | None:
    """Return which elements of a block have a value when it is done; None if all have."""
    if scores.known.is_all:
        return None
    dim = variable.dims[0]
    if dim == "placement":
        source = scores.placements.read(PLACED_SOURCE, *block)
    else:
        source = scores.cell_line.source_of(dim, *block)
    found: BoolArray = scores.known.mask[source]
    return found


def scored_peaks(scores: Results) -> int:
    """Return the number of peaks whose source the model knows."""
    cell_line = scores.cell_line
    if scores.known.is_all:
        return cell_line.peak_count
    of_known = [scores.known.mask[cell_line.peaks(*block).source] for block in cell_line.blocks("peaks")]
    return sum(int(some.sum()) for some in of_known)


def tell_unknown(scores: Results) -> None:
    """Warn about sources that get no score because the model does not know them."""
    unknown = names_of_unknown(scores)
    if unknown:
        log.warning(
            "%s: %s does not know %d of the %d sources (%s): their peaks get no score, and count as absent; "
            "train a model on this store to score them",
            scores.cell_line.store, name_of(scores.model), len(unknown), len(scores.cell_line.sources),
            _some_names(unknown),
        )  # fmt: skip


def refusal(cell_line: CellLine, model: Location, unknown: list[str]) -> InputError:
    """Return the error for work that needs a model of every source; unknown: names of the others."""
    return InputError(
        f"{cell_line.store}: {name_of(model)} does not know {len(unknown):,} of its "
        f"{len(cell_line.sources):,} sources ({_some_names(unknown)}); train a model on this store"
    )


def _some_names(names: list[str]) -> str:
    more = ", ..." if len(names) > MOST_NAMED else ""
    return ", ".join(map(shortened, names[:MOST_NAMED])) + more
