"""What coarse positions see if one source is taken out of a window.

Only positions that see the source change. Names of fields are sums, so the name of a field without the source
is its name less those of the source's runs. What it holds are the parts of the whole field, but for that of
the source's label, which is smaller or gone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.model.inference.receptive_fields import (
    DistinctInputs,
    NameArray,
    ReceptiveFields,
    Runs,
    SeenParts,
    groups,
    ranges,
    unique,
)

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ViewInputs:
    """What the fields of a batch of windows hold, and what they hold without one source.

    A view is a window without one source. Inputs are numbered: those of the windows themselves, then those
    that only views have.

    Attributes
    ----------
    whole : DistinctInputs
        What the windows themselves hold; its parts are also those of the views.
    origin : int64 (more inputs,)
        The input of the windows that each input that only views have is made from.
    taken, put : int64 (more inputs,)
        The part that is taken out of it, and the part that comes in its place, or -1.
    view, position : int64 (changes,)
        The coarse positions that change: number of the view, and coarse position in the window.
    input : int64 (changes,)
        Input that the view has there, or -1 if it sees nothing.

    """

    whole: DistinctInputs
    origin: IntArray
    taken: IntArray
    put: IntArray
    view: IntArray
    position: IntArray
    input: IntArray


def view_inputs(fields: ReceptiveFields, runs: Runs, view_of: IntArray, sources: int) -> ViewInputs:
    """Name the content of every field, and what it is without a source.

    Parameters
    ----------
    fields : ReceptiveFields
        Of the network and the sources.
    runs : Runs
        The peaks of a batch of windows, as `runs_of` finds them.
    view_of : int64 (windows * sources,)
        Number of the view of each window without each source, or -1 if it is not asked for.
    sources : int
        Number of sources.

    Returns
    -------
    ViewInputs
        Every input once.

    """
    seen = fields.seen_parts(runs)
    _, starts, position = groups(seen.position)
    name = np.add.reduceat(seen.name, starts)
    stops = np.append(starts[1:], len(seen.position))
    place_of_part = np.repeat(np.arange(len(starts)), stops - starts)
    view, part, source, taken_name = _taken(seen, fields.positions, view_of, sources)
    place = place_of_part[part]

    # The parts of the windows, and what a source leaves of them, if anything.
    part_without = seen.name[part] - taken_name
    stays = np.flatnonzero(part_without)
    example, number = unique(np.concatenate([seen.name, part_without[stays]]))
    part_label, part_runs = fields.runs_of_parts(
        seen,
        np.concatenate([np.arange(len(seen.name)), part[stays]])[example],
        np.concatenate([np.full(len(seen.name), -1), source[stays]])[example],
    )
    part_number, put = number[: len(seen.name)], np.full(len(part), -1)
    put[stays] = number[len(seen.name) :]

    name_without = name[place] - taken_name
    left = np.flatnonzero(name_without)
    example, number = _with_first(name, name_without[left])
    of_windows = example[example < len(name)]
    more = left[example[len(of_windows) :] - len(name)]
    changed = np.full(len(part), -1)
    changed[left] = number[len(name) :]
    sizes = stops[of_windows] - starts[of_windows]
    whole = DistinctInputs(
        part_label,
        part_runs,
        position,
        number[: len(name)],
        position[of_windows],
        part_number[ranges(starts[of_windows], stops[of_windows])],
        np.concatenate([[0], np.cumsum(sizes)]),
    )
    return ViewInputs(
        whole,
        number[place[more]],
        part_number[part[more]],
        put[more],
        view,
        position[place] % fields.positions,
        changed,
    )


def _with_first(first: NameArray, second: NameArray) -> tuple[IntArray, IntArray]:
    """Return what `unique` returns of both, but the distinct names of `first` come first."""
    example, number = unique(np.concatenate([first, second]))
    order = np.argsort(example >= len(first), kind="stable")
    return example[order], np.argsort(order)[number]


def _taken(
    seen: SeenParts, positions: int, view_of: IntArray, sources: int
) -> tuple[IntArray, IntArray, IntArray, NameArray]:
    """Return what views lose: (view, part, source, name of what the part has of the source)."""
    part = np.repeat(np.arange(len(seen.starts)), seen.stops - seen.starts)
    source = seen.source[seen.order]
    # The runs of a part are sorted by source.
    starts = np.flatnonzero((np.diff(part, prepend=-1) != 0) | (np.diff(source, prepend=-1) != 0))
    name = np.add.reduceat(seen.run_name[seen.order], starts)
    part, source = part[starts], source[starts]
    view = view_of[seen.position[part] // positions * sources + source]
    asked = view >= 0
    return view[asked], part[asked], source[asked], name[asked]
