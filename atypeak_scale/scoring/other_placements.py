"""With which other numbers of placements a model's support is complete, if the one asked for is not."""

from collections.abc import Mapping
from typing import Any

from atypeak_scale.config import ChanceSettings
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.result_groups import all_results, is_complete


def other_placements(
    cell_line: CellLine, location: Location, made_by: Mapping[str, Any], chance: ChanceSettings
) -> list[int]:
    """Return the numbers of placements, in order, of complete results that differ in nothing else.

    made_by: attributes that distinguish the results that are missing from others; those of the article have
    no placements.
    """
    if "placements" not in made_by:
        return []
    found: set[int] = set()
    for group in all_results(cell_line, location).values():
        told: dict[str, Any] = dict(group.attrs)
        if not is_complete(group) or "placements" not in told:
            continue
        number: int = told["placements"]["placements"]
        of_number = chance.model_copy(update={"placements": number}).model_dump(mode="json")
        if {key: told.get(key) for key in made_by} == {**made_by, "placements": of_number}:
            found.add(number)
    return sorted(found - {chance.placements})
