"""What a report is made from, and whether one is up to date. Finding that out waits for no large library."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from atypeak_scale.provenance import fingerprint, read_provenance
from atypeak_scale.registry.results import RESULTS
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target

PAGE = "report.html"
# Folders of other commands that are looked for beside the store.
EVIDENCE, SEARCHED, RELEASES = "evidence", "search", "releases"


def report_provenance(scores: Sequence[Scores], beside: Location | None) -> dict[str, Any]:
    """Return what a report of these scores is made from: the scores, and whatever else it shows."""
    return {
        **{one.objective: one.provenance() for one in scores},
        "kept": _kept(scores),
        "beside": {name: fingerprint(made) for name, made in folders_beside(scores, beside).items()},
        "report": version("atypeak-scale"),
    }


def is_current(report: Location, scores: Sequence[Scores], beside: Location | None) -> bool:
    """Return whether the report in a folder shows all that is known of these scores."""
    known = read_provenance(report)
    if known is None or target(join(report, PAGE)).file_size() is None:
        return False
    expected = json.loads(json.dumps(report_provenance(scores, beside)))
    return bool(known == expected)


def folders_beside(scores: Iterable[Scores], beside: Location | None) -> dict[str, dict[str, Any]]:
    """Return the folders of other commands that were made from these scores, each with what it was made from.

    beside: where they lie; None if nowhere.
    """
    several = list(scores)
    if beside is None:
        return {}
    found = {name: read_provenance(join(beside, name)) for name in (EVIDENCE, SEARCHED, RELEASES)}
    return {name: made for name, made in found.items() if made is not None and _is_of_these(made, several)}


def _is_of_these(made_from: Mapping[str, Any], scores: Sequence[Scores]) -> bool:
    made_with = made_from.get("scores")
    if isinstance(made_with, Mapping) and "store" in made_with:  # made from an export
        return _is_of_these(made_with, scores)
    if made_from.get("store") != scores[0].cell_line.made_from:
        return False
    if made_with is None:  # made from the data alone
        return True
    known = {one.fingerprint for each in scores for one in (each, *each.members)}
    return isinstance(made_with, Mapping) and made_with.get("model_fingerprint") in known


def _kept(scores: Iterable[Scores]) -> dict[str, Any]:
    """Return what the assessments that are kept beside the scores say of themselves."""
    kept = {}
    for one in (member for each in scores for member in (each, *each.members)):
        if not one.exists():
            continue
        group = one.group()
        for result in RESULTS:
            found = group.get(result.name)
            if found is not None:
                kept[f"{one.name}/{result.name}"] = {
                    name: value for name, value in dict(found.attrs).items() if _is_plain(value)
                }
    return kept


def _is_plain(value: Any) -> bool:
    """Whether JSON has the value; NaN would not equal itself."""
    return not (isinstance(value, float) and math.isnan(value))
