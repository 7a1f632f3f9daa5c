"""How to run each stage, for the boxes of the report: what the reader would type."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from atypeak_scale.config import bundled_configs
from atypeak_scale.storage.locations import Location, is_url, join
from atypeak_scale.storage.targets import target
from atypeak_scale.workdir import STORE, is_workdir


def workdir_of(store: Location) -> Location | None:
    """Return the folder of the run that a store is part of, None if it is of none."""
    folder, _, name = str(store).rstrip("/").rpartition("/")
    if name != STORE:
        return None
    place: Location = folder if is_url(store) else Path(folder or ".")
    return place if is_workdir(place) else None


def commands_of(
    store: Location,
    models: Mapping[str, Location],
    cell_line: str,
    workdir: Location | None = None,
) -> dict[str, str]:
    """Return the command that runs each stage of the report.

    models: folder of the model of each objective that was named; cell_line: names the configuration if it is
    a bundled one; workdir: the folder of the run, which stands for store and models. A run without a
    configuration has left one in its folder.
    """
    from atypeak_scale.prepare import SETTINGS

    place = shlex.quote(_named(workdir or store))
    named = (
        {} if workdir else {what: f" --model {shlex.quote(_named(model))}" for what, model in models.items()}
    )
    missing = {
        "article": "" if workdir else " --model MODEL",
        "support": "" if workdir else " --model SUPPORT-MODEL",
    }
    article, support = ({**missing, **named}[what] for what in ("article", "support"))
    both = support + named.get("article", "")
    beside = f"{place}/" if workdir else ""
    config = cell_line if cell_line in bundled_configs() else "CONFIG"
    if workdir and target(join(workdir, SETTINGS)).exists():
        config = f"{beside}{SETTINGS}"
    return {
        **_scores(place, config, workdir is not None),
        "normalize": f"atypeak-scale normalize {place}{article}",
        "qscore": f"atypeak-scale qscore {place}{article}",
        "search": f"atypeak-scale search {place} --config {config} --out {beside}search",
        "groups": f"atypeak-scale groups {place}{article}",
        "ur-examples": f"atypeak-scale ur-examples {place}{article}",
        "evidence": f"atypeak-scale evidence {place}{both} --out {beside}evidence",
        "stability": f"atypeak-scale train {place} --config {config} --model {beside}models --seeds 3",
        "releases": f"atypeak-scale compare-releases {beside}scores NEWER-PEAKS CRMS --out {beside}releases",
        "show": f"atypeak-scale show {place}{both if named else ''} PLACE",
    }


def _named(place: Location) -> str:
    """Return a place as it is typed; of an absolute path only the name: outputs tell nothing of a host."""
    return str(place) if is_url(place) or not Path(place).is_absolute() else Path(place).name


def _scores(place: str, config: str, is_run: bool) -> dict[str, str]:
    """Return how to make the scores of each objective."""
    if is_run:
        run = f"atypeak-scale run {config} --workdir {place}"
        return {"article": run, "support": run}
    train = f"atypeak-scale train {place} --config {config} --model"
    return {
        "support": f"{train} SUPPORT-MODEL --objective support\n"
        f"atypeak-scale score {place} --model SUPPORT-MODEL",
        "article": f"{train} MODEL\natypeak-scale score {place} --model MODEL\n"
        f"atypeak-scale normalize {place} --model MODEL",
    }
