"""How to run each stage, for the boxes of the report: what the reader would type."""

from pathlib import Path

from atypeak_scale.storage.locations import Location, is_url
from atypeak_scale.workdir import STORE, is_workdir


def place_of(store: Location) -> tuple[str, Location | None]:
    """Return what names a store on the command line, and the folder of its run if it has one."""
    folder = str(store).rpartition("/")[0] if is_url(store) else Path(store).parent
    if str(store).endswith(f"/{STORE}") or str(store) == STORE:
        folder = folder or "."
        if is_workdir(folder):
            return str(folder), folder
    return str(store), None


def commands_of(store: Location, models: dict[str, str]) -> dict[str, str]:
    """Return the command that runs each stage.

    models: folder of the model of each objective there is.
    """
    place, workdir = place_of(store)
    own = {objective: "" if workdir else f" --model {model}" for objective, model in models.items()}
    article, support = own.get("article", " --model MODEL"), own.get("support", " --model SUPPORT-MODEL")
    beside = f"{place}/" if workdir else ""
    run = f"atypeak-scale run --workdir {place} CONFIG" if workdir else None
    of_model = "atypeak-scale train {0} --config CONFIG --model {1}{2}\natypeak-scale score {0} --model {1}"
    return {
        "support": run or of_model.format(place, "SUPPORT-MODEL", " --objective support"),
        "article": run or of_model.format(place, "MODEL", "") + f"\natypeak-scale normalize {place} --model MODEL",
        "normalize": f"atypeak-scale normalize {place}{article}",
        "qscore": f"atypeak-scale qscore {place}{article}",
        "search": f"atypeak-scale search {place} CONFIG --out {beside}search",
        "groups": f"atypeak-scale groups {place}{article}",
        "ur-examples": f"atypeak-scale ur-examples {place}{article}",
        "evidence": f"atypeak-scale evidence {place}{support}{article if 'article' in own else ''} "
        f"--out {beside}evidence",
        "show": f"atypeak-scale show {place} PLACE",
        "stability": f"atypeak-scale train {place} --config CONFIG --model {beside}models --seeds 3",
        "releases": f"atypeak-scale compare-releases {beside}scores NEWER-PEAKS NEWER-CRMS --out {beside}releases",
    }
