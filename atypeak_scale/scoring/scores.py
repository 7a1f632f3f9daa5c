"""The handle of a model's results on a cell line: only `create` creates and only `write` changes them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.config import ChanceSettings, Config, Objective, Precision
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.model.description import NETWORK, describe_model
from atypeak_scale.model.network_file import check_saved
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.variables import Variable, with_views
from atypeak_scale.scoring.known import Known, known_sources, remembered, scored, seen
from atypeak_scale.scoring.other_placements import other_placements
from atypeak_scale.scoring.support.placements import Placements
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.store.arrays import array_of, has_gap, read_array, read_elements, refuse_lost, write_chunks
from atypeak_scale.store.cell_line import Block, CellLine
from atypeak_scale.store.groups import SCORES, consolidate, is_consolidated, open_group
from atypeak_scale.store.result_groups import (
    NORMALIZATION,
    create_results,
    find_results,
    is_complete,
    writing_results,
)

if TYPE_CHECKING:
    import xarray as xr

    from atypeak_scale.model.inference.engine import Engine
    from atypeak_scale.model.inference.leave_one_out import LeaveOneOut


@dataclass(frozen=True)
class Scores:
    """A model's results on a cell line; they exist once `create` has been called.

    name: name of the results within the cell line; model: folder of the model, or of several seeds;
    fingerprint: hash of its weights and settings; crumbs, precision: of scoring; location: the store itself,
    or another place; members: of an ensemble, the results of each model; chance: placements of support.
    """

    cell_line: CellLine
    name: str
    model: Location
    config: Config
    fingerprint: str
    crumbs: float
    precision: Precision
    location: Location
    members: tuple["Scores", ...] = ()
    chance: ChanceSettings = field(default_factory=ChanceSettings)

    @property
    def path(self) -> str:
        """Path of the results' group within their location."""
        return f"{self.cell_line.path}/{SCORES}/{self.name}"

    @property
    def objective(self) -> Objective:
        """What the model was trained for; it decides which scores there are."""
        return self.config.training.objective

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The arrays of these results."""
        if self.objective == "support":
            return v.SUPPORT_ENSEMBLE_VARIABLES if self.members else v.SUPPORT_VARIABLES
        return v.ENSEMBLE_VARIABLES if self.members else v.SCORE_VARIABLES

    @property
    def placements(self) -> Placements:
        """The random placements that support is compared with."""
        return Placements(self.cell_line, self.chance, self.location)

    # --- reading: creates nothing and needs no right to write

    def exists(self) -> bool:
        """Return whether the results were created, complete or not; raise what `found` raises."""
        return self.found() is not None

    @cached_property
    def known(self) -> Known:
        """The sources that the model knows; the peaks of the others get no score."""
        return known_sources(self)

    def found(self) -> zarr.Group | None:
        """Open the group of the results, None if they were not created.

        Raises InputError if results of that name were made from something else, or the location holds
        something else.
        """
        found = find_results(self.cell_line, self.location, self.name)
        if found is not None and any(found.attrs.get(key) != value for key, value in self._made_by().items()):
            raise InputError(f"{self.location}/{self.path}: made from another model; remove it")
        return found

    def group(self, mode: Literal["r", "r+"] = "r") -> zarr.Group:
        """Open the group of the results; raise StageMissingError if they do not exist."""
        found = self.found()
        if found is None:
            raise self._not_scored()
        return found if mode == "r" else open_group(self.location, self.path, mode)

    def open(self) -> "xr.Dataset":
        """Return the arrays of the results as stored, lazily; raise the errors that `group` raises."""
        # Commands that read arrays need not wait for xarray.
        import xarray as xr

        found: xr.Dataset = xr.open_zarr(self.group().store, group=self.path, consolidated=False)
        return found

    @property
    def attributes(self) -> dict[str, Any]:
        """Return what the results say about themselves; raise the errors that `group` raises."""
        return dict(self.group().attrs)

    def read(self, variable: Variable, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Read elements [start, stop) of an array along its first dim.

        Raises
        ------
        StageMissingError
            If the results do not exist.
        DamagedError
            If a chunk does not read back as it was written; the error names it.

        """
        return read_array(self._array(variable), start, stop)

    def read_elements(self, variable: Variable, index: npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
        """Read some elements of an array, in any order; raise the errors that `read` raises."""
        return read_elements(self._array(variable), index)

    def _array(self, variable: Variable, mode: Literal["r", "r+"] = "r") -> zarr.Array[Any]:
        return array_of(self._opened(mode), with_views(variable.name, self.cell_line.views))

    def _opened(self, mode: Literal["r", "r+"] = "r") -> zarr.Group:
        """Open the group without checking what made it; tasks do this often."""
        try:
            return open_group(self.location, self.path, mode)
        except FileNotFoundError:
            raise self._not_scored() from None

    @property
    def peaks(self) -> "xr.Dataset":
        """Everything known about each scored peak, lazily, dim `catalogue_peak`: the columns of
        peaks.parquet.

        Raises
        ------
        StageMissingError
            If the results are not complete.

        """
        self.require_complete()
        from atypeak_scale.scoring.peak_table import PeakTable

        return PeakTable(self.cell_line, self._opened()).dataset()

    def missing(self) -> list[Block]:
        """Return the blocks of rows that are not scored yet, or are damaged."""
        blocks = self.cell_line.blocks("rows")
        if not self.exists():
            return blocks
        return self.with_gaps(v.ROW_NETWORK if self.objective == "support" else v.REBUILT_SCORE, blocks)

    def with_gaps(self, variable: Variable, blocks: Sequence[Block]) -> list[Block]:
        """Return those blocks of an array that are damaged or not yet computed."""
        array = self._array(variable)
        return [block for block in blocks if has_gap(array, *block, scored(self, variable, block))]

    def has_raw(self) -> bool:
        """Return whether every peak has a raw score, or support."""
        if not self.exists():
            return False
        made = v.SUPPORT if self.objective == "support" else v.RAW
        return not self.with_gaps(made, self.cell_line.blocks("peaks"))

    def is_scored(self) -> bool:
        """Return whether every row and every peak has a score by this model."""
        return self.has_raw() and not self.missing()

    @property
    def is_complete(self) -> bool:
        """Whether every peak has a final score, or was compared with the placements."""
        return self.exists() and is_complete(self._opened())

    def require_complete(self) -> None:
        """Raise StageMissingError if results are not complete, DamagedError if part of them is lost."""
        if self.objective == "article":
            self.require_normalized()
        elif not self.is_complete:
            raise self._not_scored()
        refuse_lost(self._opened())

    @property
    def normalization(self) -> dict[str, Any] | None:
        """Settings of the normalization, None until it is complete."""
        if not self.exists():
            return None
        found = dict(self._opened().attrs).get(NORMALIZATION)
        return found if isinstance(found, dict) else None

    def require_normalized(self) -> None:
        """Raise StageMissingError if the results have no final scores yet; support never has (InputError)."""
        self.refuse_support()
        if not self.exists():
            raise self._not_scored()
        if self.normalization is None:
            raise StageMissingError(
                f"{self.location}: {self.name} is not normalized; normalize it first", "normalize", self
            )

    def require_support(self) -> None:
        """Raise InputError unless these are scores of a model of support."""
        if self.objective != "support":
            raise InputError(f"{self.model}: is no model of support; name one", "model")

    def refuse_support(self) -> None:
        """Raise InputError if these are scores of a model of support; for work on the article's scores."""
        if self.objective == "support":
            raise InputError(
                f"{self.name}: holds support, which has no final score; name a model of the article", "model"
            )

    def other_placements(self) -> list[int]:
        """Return with which other numbers of placements this model's support is complete, in order."""
        return other_placements(self.cell_line, self.location, self._made_by(), self.chance)

    def _not_scored(self) -> StageMissingError:
        others = " or ".join(f"{number:,}" for number in self.other_placements())
        found = f"not scored by this model ({self.name})"
        only = f", only with {others} placements of each source" if others else ""
        return StageMissingError(f"{self.location}: {found}{only}; score it first", "score", self)

    def provenance(self) -> dict[str, Any]:
        """Return which input, model, settings and versions made the results."""
        exported = ("atypeak-scale", "zarr", "numpy", "pyarrow")
        return {
            "store": self.cell_line.made_from,
            "scores": self.attributes if self.exists() else self._made_by(),
            "versions": {
                "store": self.cell_line.attributes["versions"],
                "export": {package: version(package) for package in exported},
            },
        }

    def refuse_several(self) -> None:
        """Raise InputError if this is an ensemble; for work that needs a single model."""
        if self.members:
            raise InputError(
                f"{self.model}: holds {len(self.members)} models; name one, such as {self.members[0].model}"
            )

    # --- writing

    def create(self) -> None:
        """Create the results with empty arrays if they do not exist, whole or not at all.

        Raises
        ------
        InputError
            If the location cannot be written, or the model lacks its network.

        """
        if self.exists():
            return
        for one in self.members or (self,):
            check_saved(join(one.model, NETWORK))
        # One lock for all models of a cell line: the first makes the group that holds their results.
        with writing_results(self.cell_line, self.location, SCORES, wait=True):
            if not self.exists():
                attributes = {**self._made_by(), "trained": self._trained(), **remembered(self)}
                sizes = self.placements.sizes
                create_results(self.cell_line, self.location, self.name, attributes, self.variables, sizes)

    def write(self, variable: Variable, start: int, values: npt.NDArray[Any]) -> None:
        """Write whole chunks of an array from `start` along its first dim."""
        write_chunks(self._array(variable, "r+"), start, values)

    def set_attribute(self, name: str, value: Any) -> None:
        """Set an attribute of the results; None removes it."""
        attributes = self._opened("r+").attrs
        if value is None:
            attributes.pop(name, None)
        else:
            attributes[name] = value

    def writing(self, *part: str) -> AbstractContextManager[None]:
        """Hold the right to write these results, or a part of them, while the block runs."""
        return writing_results(self.cell_line, self.location, "/".join([SCORES, self.name, *part]))

    def finish(self) -> None:
        """Update the consolidated metadata for readers that look for it."""
        consolidate(self.location)

    def is_finished(self) -> bool:
        """Whether readers of consolidated metadata know of these results; a killed run did not tell them."""
        return is_consolidated(self.location, self.path)

    def _made_by(self) -> dict[str, Any]:
        """Return what distinguishes these results from others."""
        members = {"members": [one.fingerprint for one in self.members]} if self.members else {}
        chance = {"placements": self.chance.model_dump(mode="json")} if self.objective == "support" else {}
        return {
            **members,
            **chance,
            "model_fingerprint": self.fingerprint,
            "crumbs": self.crumbs,
            "precision": self.precision,
        }

    def _trained(self) -> dict[str, Any]:
        """Return how the model was made, for readers of the results."""
        return {
            "model": self.config.model.model_dump(mode="json"),
            "training": self.config.training.model_dump(mode="json"),
            "versions": describe_model((self.members or (self,))[0].model).get("versions"),
        }

    # --- computing

    def leave_one_out(self, of_known: bool = False) -> "LeaveOneOut":
        """Return the model as a function of windows without one source; the rest is as for `engine`."""
        from atypeak_scale.model.inference.process import process_leave_one_out

        return process_leave_one_out(*seen(self, of_known), self.precision)

    def engine(self, crumbs: float | None = None, of_known: bool = False) -> "Engine":
        """Return the model as a function of the cell line's windows; each process loads it once.

        crumbs: c for the windows; None takes those of the results. of_known: of windows with the sources that
        the model knows alone. Raises InputError if it should know all and does not, or if the model changed.
        """
        from atypeak_scale.model.inference.process import process_engine

        of_windows = self.crumbs if crumbs is None else crumbs
        return process_engine(*seen(self, of_known), of_windows, self.precision)
