"""The one schema of configs/*.yaml: every setting, its default (the article's) and its range."""

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from atypeak_scale.config_problems import first_problem
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.registry.views import check_views
from atypeak_scale.storage import locations
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target

Precision = Literal["float32", "bfloat16"]
Objective = Literal["article", "support"]


class Settings(BaseModel):
    """Base of all settings: frozen, and a key that is not in the schema is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Inputs(Settings):
    """Input files or URLs; relative paths in a config file start at its folder (method, section 1)."""

    peaks: Location | None = None
    crms: Location | None = None


class Selection(Settings):
    """Which peaks of the catalogue are used (method, section 1.3); None means all."""

    trs: tuple[str, ...] | None = Field(None, description="labels of the second view to keep")
    datasets: tuple[str, ...] | None = Field(None, description="labels of the first view to keep")
    sources: tuple[str, ...] | None = Field(None, description="sources to keep, each as dataset.TR")
    exclude_trs: tuple[str, ...] = Field((), description="labels of the second view to leave out")
    exclude_datasets: tuple[str, ...] = Field((), description="labels of the first view to leave out")
    exclude_sources: tuple[str, ...] = Field((), description="sources to leave out, each as dataset.TR")
    min_source_peaks: Annotated[int, Field(ge=0)] = Field(
        0, description="leave out sources with fewer peaks in the catalogue"
    )
    top_trs: Annotated[int, Field(ge=1)] | None = Field(
        None, description="of what all this leaves, keep the N TRs with the most datasets"
    )

    def record(self) -> dict[str, Any]:
        """Return what a store says of its selection; settings that earlier versions lack, only if set."""
        values = self.model_dump(mode="json")
        for name in ("exclude_trs", "exclude_datasets", "exclude_sources", "min_source_peaks"):
            if not values[name]:
                del values[name]
        return values


class StoreSettings(Settings):
    """Geometry and chunks of a store (method, section 2)."""

    views: tuple[str, str] = Field(("dataset", "tr"), description="names of the two labels of a source")
    # At most the length of the longest CRM; a window of a longer frame would not fit in any memory.
    frame: Annotated[int, Field(ge=1, le=10_000_000, description="bp of a window's frame")] = 3200
    bin: Annotated[int, Field(ge=1, description="bp of a bin")] = 10
    min_crm_peaks: Annotated[int, Field(ge=0, description="smallest CRM, in peaks of all cell lines")] = 100
    windows_per_chunk: Annotated[int, Field(ge=1)] = 512
    rows_per_block: Annotated[int, Field(ge=1, description="(peak, window) rows of a scoring block")] = 8192

    @property
    def bins(self) -> int:
        """Number of bins in a frame."""
        return self.frame // self.bin

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.frame % self.bin:
            raise ValueError(f"frame ({self.frame} bp) must be a multiple of bin ({self.bin} bp)")
        check_views(self.views)
        return self


class ModelSettings(Settings):
    """Sizes of the autoencoder (method, section 3.1)."""

    kernel_width: Annotated[int, Field(ge=4, description="bins")] = 20
    filters: Annotated[int, Field(ge=1)] = 32
    deep_dimension: Annotated[int, Field(ge=1)] = 256
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    l2: Annotated[float, Field(ge=0)] = 2.5e-3
    cells: Literal["auto", "all", "observed"] = Field(
        "auto", description="that the last layer rebuilds; auto: all, if they are at most 10,000"
    )

    def check_frame(self, bins: int) -> None:
        """Raise InputError if `bins` bins do not fit this kernel width (method, section 3.1)."""
        k = self.kernel_width
        if k % 4 or bins % (4 * k):
            raise InputError(
                f"a frame of {bins} bins does not fit a kernel of {k} bins: the kernel width must be a "
                f"multiple of 4 and the frame a multiple of 4 times the kernel width ({4 * k} bins here); "
                "change store.frame, store.bin or model.kernel_width"
            )


class TrainingSettings(Settings):
    """How the autoencoder is trained (method, sections 3.2 to 3.4)."""

    objective: Objective = Field(
        "article", description="rebuild what the model sees, or predict sources that it does not see"
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        "float32", description="of the arithmetic; the weights are float32 either way"
    )
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    crumbs: Annotated[float, Field(ge=0, description="c (method, section 2.5); artificial data: 0")] = 0.1
    batch_windows: Annotated[int, Field(ge=1)] = 48
    batches_per_epoch: Annotated[int, Field(ge=1)] = 48
    max_epochs: Annotated[int, Field(ge=1)] = 64
    min_delta: Annotated[float, Field(ge=0)] = 2.5e-4
    patience: Annotated[int, Field(ge=1, description="epochs")] = 5
    stop_at_loss: Annotated[float, Field(gt=0)] | None = None
    shuffle_windows: Annotated[int, Field(ge=1, description="windows in the shuffle buffer")] = 8192
    view_weights: dict[str, dict[str, Annotated[float, Field(ge=0)]]] = Field(
        default_factory=dict, description="loss weights: view name -> label -> weight, default 1"
    )
    source_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="loss weights: dataset.TR -> weight; replaces the views' product"
    )


class ScoringSettings(Settings):
    """How peaks are scored (method, section 4)."""

    crumbs: Annotated[float, Field(ge=0, description="c at scoring; the published scores used none")] = 0.0
    precision: Precision = Field("float32", description="of the large matrix products")


class NormalizationSettings(Settings):
    """The Monte Carlo sample of the normalization (method, section 5.5)."""

    sample: int | float | Literal["all"] = Field(
        10_000, description="number of windows, a fraction below 1, or all"
    )
    seed: Annotated[int, Field(ge=0)] = 1

    @field_validator("sample", mode="before")
    @classmethod
    def _check_sample(cls, value: Any) -> Any:
        is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        if is_count or (isinstance(value, float) and 0 < value < 1) or value == "all":
            return value
        raise ValueError("expected a number of windows from 1, a fraction between 0 and 1, or all")


TrainedOn = Literal["auto", "all", "halves", "half 1", "half 2"]


class SupportSettings(Settings):
    """The network that predicts sources it does not see, and its training (method, section 9.2)."""

    kernel_width: Annotated[int, Field(ge=4, description="bins")] = 20
    filters: Annotated[int, Field(ge=1)] = 32
    deep_dimension: Annotated[int, Field(ge=1)] = 64
    l2: Annotated[float, Field(ge=0)] = 1e-5
    learning_rate: Annotated[float, Field(gt=0, description="of the first step; it falls to 0")] = 3e-3
    epochs: Annotated[int, Field(ge=1)] = 20
    batch_windows: Annotated[int, Field(ge=1)] = 48
    batches_per_epoch: Annotated[int, Field(ge=1)] = 48
    most_masked: Annotated[
        float, Field(gt=0, lt=1, description="highest rate at which the sources of a window are masked")
    ] = 0.5
    masked_weight: Annotated[
        float, Field(gt=0, description="weight, in the loss, of a masked source; one that is seen weighs 1")
    ] = 20.0
    kept_out: Annotated[float, Field(gt=0, lt=1, description="share of the CRMs kept out for validation")] = (
        0.1
    )
    trained_on: TrainedOn = Field("auto", description="CRMs: all, halves (two networks), auto (see method)")


class ChanceSettings(Settings):
    """Random placements, and the regressions on the other sources (method, sections 9.3 to 9.5)."""

    placements: Annotated[int, Field(ge=100, description="of each source")] = 10_000
    folds: Annotated[int, Field(ge=2, description="of the CRMs, for the regressions")] = 5
    seed: Annotated[int, Field(ge=0)] = 1


class Config(Settings):
    """Everything that a run needs to know."""

    cell_line: str = Field(min_length=1)
    inputs: Inputs = Inputs()
    selection: Selection = Selection()
    store: StoreSettings = StoreSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    scoring: ScoringSettings = ScoringSettings()
    normalization: NormalizationSettings = NormalizationSettings()
    support: SupportSettings = SupportSettings()
    chance: ChanceSettings = ChanceSettings()

    @model_validator(mode="after")
    def _check_view_weights(self) -> Self:
        for view in self.training.view_weights:
            if view not in self.store.views:
                raise ValueError(
                    f"training.view_weights names view {view!r}, but the views are "
                    f"{', '.join(self.store.views)}"
                )
        return self


MOST_BYTES = 1_000_000  # of a configuration
MOST_REASON = 300  # characters of a reason that the YAML reader gives


def parse_config(values: Any, origin: str) -> Config:
    """Validate a mapping of settings; `origin` names it in the error message.

    Raises
    ------
    InputError
        If a setting is unknown, missing or out of range; the error names the first one.

    """
    if not isinstance(values, dict):
        raise InputError(
            f"{origin}: expected a mapping of settings, found {type(values).__name__}; "
            "write 'cell_line: NAME' at least"
        )
    try:
        return Config.model_validate(values)
    except ValidationError as failure:
        raise InputError(f"{origin}: {' '.join(first_problem(failure, Config).split())}") from None


def bundled_configs() -> dict[str, Path]:
    """Return the configurations that ship with the package, by name."""
    folder = resources.files("atypeak_scale.configs")
    files = (Path(str(item)) for item in folder.iterdir())
    return {file.stem: file for file in sorted(files) if file.suffix == ".yaml"}


class _NoDuplicates(yaml.SafeLoader):
    """A safe loader that refuses a key given twice; YAML would keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct the mapping of a node; its keys must differ."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                line = node.value[number][0].start_mark.line + 1
                raise yaml.YAMLError(f"the key {key!r} is given twice, again in line {line}")
        return super().construct_mapping(node, deep)


def load_config(name: Location) -> Config:
    """Read a YAML file or URL, or a configuration that ships with the package (`hela`, `k562`, ...).

    Raises
    ------
    InputError
        If there is no such file, it cannot be reached, it is not YAML, or a setting is refused.

    """
    file = name
    if target(file).file_size() is None:
        bundled = bundled_configs()
        if str(name) not in bundled:
            raise InputError(
                f"{name}: no such config file or bundled configuration; {nearest(str(name), bundled)}"
            )
        file = bundled[str(name)]
    config = parse_config(_read_yaml(file), str(file))
    inputs = Inputs(
        peaks=locations.beside(file, config.inputs.peaks) if config.inputs.peaks else None,
        crms=locations.beside(file, config.inputs.crms) if config.inputs.crms else None,
    )
    return config.model_copy(update={"inputs": inputs})


def _read_yaml(file: Location) -> Any:
    """Return what a YAML file holds; raise InputError if it is none, or far larger than any configuration."""
    size = target(file).file_size() or 0
    if size > MOST_BYTES:
        raise InputError(f"{file}: has {size:,} bytes; expected a configuration of at most {MOST_BYTES:,}")
    try:
        return yaml.load(target(file).read_text(), _NoDuplicates)
    except RecursionError:
        reason = "it is nested too deeply"
    except (yaml.YAMLError, ValueError) as problem:  # ValueError: also dates and numbers that are none
        reason = " ".join(str(problem).split())[:MOST_REASON]
    raise InputError(f"{file}: not a YAML file: {reason}")


def with_seed(config: Config, seed: int | None) -> Config:
    """Return the configuration with another training seed; None keeps the seed."""
    if seed is None:
        return config
    values = config.model_dump()
    values["training"]["seed"] = seed
    return parse_config(values, "seed")


def with_objective(config: Config, objective: Objective) -> Config:
    """Return the configuration for another objective of training."""
    training = config.training.model_copy(update={"objective": objective})
    return config.model_copy(update={"training": training})


def for_support(config: Config) -> Config:
    """Return the configuration with the sizes and the training of the network of support (method, 9.2).

    Its `model` and `training` follow from its `support` section and the seed.
    """
    support = config.support
    values = config.model_dump()
    values["model"] = {
        "kernel_width": support.kernel_width,
        "filters": support.filters,
        "deep_dimension": support.deep_dimension,
        "dropout": 0.0,
        "l2": support.l2,
        "cells": config.model.cells,
    }
    values["training"] = {
        "objective": "support",
        "seed": config.training.seed,
        "learning_rate": support.learning_rate,
        "crumbs": 0.0,
        "batch_windows": support.batch_windows,
        "batches_per_epoch": support.batches_per_epoch,
        "max_epochs": support.epochs,
        "shuffle_windows": config.training.shuffle_windows,
    }
    return parse_config(values, "support")


def dump_config(config: Config) -> str:
    """Return the configuration as YAML that `load_config` reads back; every setting is spelled out."""
    values = config.model_dump(mode="json", exclude={"inputs"})
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return text
