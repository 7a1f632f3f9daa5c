"""Inputs of windows without one source against windows whose source is zeroed."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from model.random_models import random_windows

from atypeak_scale.model.inference.receptive_fields import DistinctInputs, ReceptiveFields, runs_of
from atypeak_scale.model.inference.views import ViewInputs, view_inputs

Content = frozenset[tuple[int, int, int]]
K, BINS, LABELS = 4, 16, np.array([0, 1, 0, 2, 1])


def content_of_parts(inputs: DistinctInputs) -> list[Content]:
    """Return what each part holds: its label, channel and bins."""
    number = [np.flatnonzero(inputs.part_label == label) for label in range(len(inputs.part_runs))]
    held: list[set[tuple[int, int, int]]] = [set() for _ in inputs.part_label]
    for label, runs in enumerate(inputs.part_runs):
        for part, channel, first, last in zip(runs.part, runs.channel, runs.first, runs.last, strict=True):
            held[number[label][part]] |= {(label, int(channel), int(x)) for x in range(first, last + 1)}
    return [frozenset(each) for each in held]


def content_of_inputs(inputs: ViewInputs) -> list[Content]:
    """Return what each input holds, those of the windows and those that only views have."""
    parts, whole = content_of_parts(inputs.whole), inputs.whole
    held = [
        frozenset().union(*(parts[p] for p in whole.members[whole.bounds[i] : whole.bounds[i + 1]]))
        for i in range(whole.count)
    ]
    for origin, taken, put in zip(inputs.origin, inputs.taken, inputs.put, strict=True):
        held.append(held[origin] - parts[taken] | (parts[put] if put >= 0 else frozenset()))
    return held


def expected(window: np.ndarray, coarse: int) -> Content:
    """Return what a coarse position sees, from the bins of a window (bins, sources)."""
    padded = np.pad(window, ((3 * K, 3 * K), (0, 0)))
    field = padded[4 * coarse : 4 * coarse + 2 * K + 1]
    channel = [int((LABELS[:s] == LABELS[s]).sum()) for s in range(len(LABELS))]
    return frozenset((int(LABELS[s]), channel[s], int(x)) for x, s in zip(*np.nonzero(field), strict=True))


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_view_inputs__hold_what_windows_without_the_source_hold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    windows, sources = 6, len(LABELS)
    occupancy = random_windows(rng, windows, BINS, sources)
    fields = ReceptiveFields(K, BINS, LABELS)
    asked = rng.random(windows * sources) < 0.6
    view_of = np.where(asked, np.cumsum(asked) - 1, -1)
    inputs = view_inputs(fields, runs_of(occupancy), view_of, sources)
    held = content_of_inputs(inputs)
    assert len(set(held)) == len(held)
    assert frozenset() not in held
    of_windows = dict(zip(inputs.whole.position.tolist(), inputs.whole.input.tolist(), strict=True))
    changed = {
        (int(view), int(position)): int(number)
        for view, position, number in zip(inputs.view, inputs.position, inputs.input, strict=True)
    }
    assert len(changed) == len(inputs.view)
    for key in np.flatnonzero(asked):
        window, source = divmod(int(key), sources)
        without = occupancy[window].copy()
        without[:, source] = False
        for coarse in range(fields.positions):
            number = of_windows.get(window * fields.positions + coarse, -1)
            assert (held[number] if number >= 0 else frozenset()) == expected(occupancy[window], coarse)
            is_changed = (view_of[key], coarse) in changed
            assert is_changed == (expected(without, coarse) != expected(occupancy[window], coarse))
            number = changed.get((int(view_of[key]), coarse), number)
            assert (held[number] if number >= 0 else frozenset()) == expected(without, coarse)
