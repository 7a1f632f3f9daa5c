"""Does support need a larger network where there are more sources? Power by size (method, section 9.2).

HeLa, Jurkat, and artificial catalogues of 20, 71 and 200 sources in groups of two TRs. The rest of the
settings is the default, but for fewer epochs, which are as many for every size. Models that are done are kept
(`harness.kept_folder`), so that a run that was stopped goes on.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from atypeak_scale import assess, build_store, load_config, open_store, simulate
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import Config, parse_config
from atypeak_scale.store.cell_line import CellLine
from benchmarks.harness import Row, kept_folder
from benchmarks.kept import kept_real_store
from benchmarks.shapes import k562_config, k562_shaped_catalogue

SIZES = ((16, 32), (32, 64), (64, 128))  # filters, deep dimension
DEFAULT = SIZES[1]
EPOCHS = 10
PLACEMENTS = 2000
CRMS = 20_000
# Sources by name of the case.
ARTIFICIAL: dict[str, dict[str, Any]] = {
    "20 artificial sources": {"datasets": 5, "trs": 4, "groups": 2},
    "200 artificial sources": {"datasets": 20, "trs": 10, "groups": 5, "stack_rate": 1.31},
}


def rows() -> list[Row]:
    """Power and seconds of training of every size; the baseline is the default size."""
    result = []
    for case, cell_line, config in _cases():
        found = {size: _trial(case, cell_line, config, size) for size in SIZES}
        for (filters, deep), trial in found.items():
            name = f"{case}: {filters} filters, deep dimension {deep}"
            default = found[DEFAULT]
            result.append(Row(name, trial["power"], default["power"], "power, mean over sources"))
            result.append(Row(name, trial["seconds"], default["seconds"], "s of training"))
            print(f"{name}: power {trial['power']:.4f}, {trial['seconds']:.0f} s", flush=True)
    return result


def _cases() -> Iterator[tuple[str, CellLine, Config]]:
    for name in ("hela", "jurkat"):
        config = load_config(name)
        yield name, kept_real_store(config), config
    config = load_config("artificial")
    for case, choice in ARTIFICIAL.items():
        folder = kept_folder(f"sizes, {case}")
        if not (folder / "store.zarr").exists():
            settings = ArtificialSettings(crms=CRMS, group_rule="equal", **choice)
            files = simulate(settings, folder / "catalogue")
            build_store(files.peaks, files.crms, folder / "store.zarr", config)
        yield case, open_store(folder / "store.zarr"), config
    folder, config = kept_folder("sizes, 71 artificial sources"), k562_config()
    if not (folder / "store.zarr").exists():
        build_store(*k562_shaped_catalogue(folder, CRMS), folder / "store.zarr", config)
    yield "71 artificial sources", open_store(folder / "store.zarr"), config


def _trial(case: str, cell_line: CellLine, config: Config, size: tuple[int, int]) -> "pd.Series[Any]":
    values = config.model_dump()
    values["support"] |= {"epochs": EPOCHS}
    values["chance"] |= {"placements": PLACEMENTS}
    grid = {"support.filters": [size[0]], "support.deep_dimension": [size[1]]}
    folder = Path(kept_folder("sizes")) / case
    settings = parse_config(values, "sizes")
    return assess.search(cell_line, settings, folder, grid, 1, criterion="power").iloc[0]
