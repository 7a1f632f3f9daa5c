"""Turn the options of a command into a configuration."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from atypeak_scale.config import Config, NormalizationSettings, Selection, load_config, parse_config
from atypeak_scale.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])
LISTS = ("trs", "datasets", "sources", "exclude_trs", "exclude_datasets", "exclude_sources")
SELECTION = (*LISTS, "min_source_peaks", "top_trs")
STORE = ("frame", "bin", "min_crm_peaks", "views")


def source_options(command: Command) -> Command:
    """Add the options that say which sources are used; `selection_of` reads them."""
    for option in (
        click.option("--top-trs", type=int, metavar="N", help="Keep the N TRs with the most datasets."),
        click.option("--min-source-peaks", type=click.IntRange(min=0), metavar="N",
                     help="Leave out sources with fewer peaks."),
        click.option("--exclude-sources", metavar="A.X,B.Y", help="Leave out these sources."),
        click.option("--exclude-datasets", metavar="A,B", help="Leave out these datasets."),
        click.option("--exclude-trs", metavar="X,Y", help="Leave out these TRs."),
        click.option("--sources", metavar="A.X,B.Y", help="Keep only these sources, each dataset.TR."),
        click.option("--datasets", metavar="A,B", help="Keep only these datasets."),
        click.option("--trs", metavar="X,Y", help="Keep only these TRs."),
    ):  # fmt: skip
        command = option(command)
    return command


def selection_options(command: Command) -> Command:
    """Add the options that say which peaks a store is built from, and how; `store_config` reads them."""
    for option in (
        click.option("--views", metavar="A,B", help="Names of a peak's two labels. Default: dataset,tr."),
        click.option("--bin", type=int, metavar="BP", help="Width of a bin. Default: 10."),
        click.option("--frame", type=int, metavar="BP", help="Width of a window's frame. Default: 3200."),
        click.option("--min-crm-peaks", type=int, metavar="N",
                     help="Use CRMs with N peaks or more in column 5; 0 uses all. Default: 100."),
        source_options,
        click.option("--config", metavar="FILE",
                     help="YAML configuration, or the name of a bundled one; the options above override it."),
        click.option("--cell-line", metavar="NAME", help="Exact name; needed without --config."),
    ):  # fmt: skip
        command = option(command)
    return command


def selection_of(options: dict[str, object]) -> Selection:
    """Return the selection that options of `source_options` describe."""
    return parse_config({"cell_line": "every", "selection": _given(options)}, "command line").selection


def _given(options: dict[str, object]) -> dict[str, Any]:
    """Return the options that were given; lists are split at commas."""
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    for name in (*LISTS, "views"):
        if name in given:
            given[name] = [part.strip() for part in given[name].split(",") if part.strip()]
    return given


def store_config(options: dict[str, object]) -> Config:
    """Return the configuration that the options describe; they override --config if it is given."""
    given = _given(options)
    config = given.pop("config", None)
    if config is None and "cell_line" not in given:
        raise InputError("no cell line; give --cell-line NAME, or --config FILE")
    values = {} if config is None else load_config(config).model_dump()
    if "cell_line" in given:
        values["cell_line"] = given["cell_line"]
    for section, names in (("selection", SELECTION), ("store", STORE)):
        chosen = {name: given[name] for name in names if name in given}
        values[section] = {**values.get(section, {}), **chosen}
    return parse_config(values, "command line" if config is None else str(config))


def normalization_options(command: Command) -> Command:
    """Add the options of the Monte Carlo sample; `normalization_settings` reads them."""
    for option in (
        click.option("--seed", type=click.IntRange(min=0), help="Seed of the sample. Default: the model's."),
        click.option(
            "--sample",
            metavar="N",
            help="Number of windows, a fraction below 1, or all. Default: the model's.",
        ),
    ):
        command = option(command)
    return command


def normalization_settings(config: Config, sample: str | None, seed: int | None) -> NormalizationSettings:
    """Return the settings of the sample: the options if given, otherwise the configuration's."""
    values: dict[str, Any] = config.normalization.model_dump()
    if sample is not None:
        values["sample"] = sample if sample == "all" else _number(sample)
    if seed is not None:
        values["seed"] = seed
    return parse_config({"cell_line": config.cell_line, "normalization": values}, "--sample").normalization


def _number(text: str) -> float | int:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise InputError(f"--sample {text}: expected a number of windows, a fraction below 1, or all")
