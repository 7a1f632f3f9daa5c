"""Runs, fields and inputs against walks along the bins."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from model.random_models import random_windows

from atypeak_scale.model.inference.receptive_fields import DistinctInputs, ReceptiveFields, runs_of


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 20))
def test_runs__equal_a_walk_along_the_bins(seed: int, sources: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    occupancy = rng.random((3, bins, sources)) < rng.random()
    expected = []
    for window in range(3):
        for source in range(sources):
            inside = False
            for x in range(bins):
                if occupancy[window, x, source] and not inside:
                    expected.append([window, source, x, x])
                inside = bool(occupancy[window, x, source])
                if inside:
                    expected[-1][3] = x
    runs = runs_of(occupancy)
    assert np.stack([runs.window, runs.source, runs.first, runs.last], axis=1).tolist() == expected


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_distinct_inputs__are_equal_exactly_where_fields_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, bins, labels = 4, 16, np.array([0, 1, 0, 2])
    occupancy = random_windows(rng, 6, bins, len(labels))
    fields = ReceptiveFields(k, bins, labels)
    inputs = fields.distinct_inputs(runs_of(occupancy))
    padded = np.pad(occupancy, ((0, 0), (3 * k, 3 * k), (0, 0)))
    seen = {}
    for window in range(6):
        for coarse in range(fields.positions):
            field = padded[window, 4 * coarse : 4 * coarse + fields.width]
            if field.any():
                seen[window * fields.positions + coarse] = field.tobytes()
    assert inputs.position.tolist() == sorted(seen)
    by_input = [seen[p] for p in inputs.position]
    assert len(set(by_input)) == inputs.count
    assert all(
        seen[inputs.representative[s]] == field for s, field in zip(inputs.input, by_input, strict=True)
    )


def part_of(inputs: DistinctInputs, part: int, width: int, sources: int) -> np.ndarray:
    """Paint a part's runs: (width, sources of the label)."""
    label = inputs.part_label[part]
    number = int((inputs.part_label[:part] == label).sum())
    runs = inputs.part_runs[label]
    painted = np.zeros((width, sources), bool)
    for run in np.flatnonzero(runs.part == number):
        painted[runs.first[run] : runs.last[run] + 1, runs.channel[run]] = True
    return painted


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_distinct_inputs__parts_paint_the_fields(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, bins, labels = 4, 16, np.array([0, 1, 0, 2, 1, 0])
    occupancy = random_windows(rng, 6, bins, len(labels))
    fields = ReceptiveFields(k, bins, labels)
    assert fields.sources_of_label.tolist() == [3, 2, 1]
    inputs = fields.distinct_inputs(runs_of(occupancy))
    padded = np.pad(occupancy, ((0, 0), (3 * k, 3 * k), (0, 0)))
    known = set()
    for part, label in enumerate(inputs.part_label):
        painted = part_of(inputs, part, fields.width, int((labels == label).sum()))
        assert painted.any()
        known.add((label, painted.tobytes()))
    assert len(known) == len(inputs.part_label)
    for position, number in zip(inputs.position, inputs.input, strict=True):
        window, coarse = divmod(int(position), fields.positions)
        field = padded[window, 4 * coarse : 4 * coarse + fields.width]
        painted = np.zeros_like(field)
        parts = inputs.members[inputs.bounds[number] : inputs.bounds[number + 1]]
        assert len({inputs.part_label[part] for part in parts}) == len(parts)
        for part in parts:
            of_label = np.flatnonzero(labels == inputs.part_label[part])
            painted[:, of_label] = part_of(inputs, part, fields.width, len(of_label))
        np.testing.assert_array_equal(painted, field)


def test_distinct_inputs__of_empty_windows_are_none() -> None:
    fields = ReceptiveFields(4, 16, np.array([0, 1]))
    inputs = fields.distinct_inputs(runs_of(np.zeros((3, 16, 2), bool)))
    assert inputs.count == len(inputs.position) == len(inputs.part_label) == 0
