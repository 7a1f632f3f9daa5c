import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.assess.description.spool import Spool

RECORD = np.dtype([("group", np.int32), ("value", np.float32)])
blocks = st.lists(st.lists(st.tuples(st.integers(0, 12), st.floats(-5, 5, width=32)), max_size=9), max_size=5)


@given(blocks)
def test_spool__gives_back_what_was_added_group_by_group(parts: list[list[tuple[int, float]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder), RECORD)
        expected: dict[int, list[float]] = {}
        for part in parts:
            records = np.array(part, RECORD)
            spool.add(records["group"], records)
            for group, value in part:
                expected.setdefault(group, []).append(value)
        assert spool.groups() == sorted(expected)
        for group in range(14):
            assert spool.read(group)["value"].tolist() == expected.get(group, [])
            assert set(spool.read(group)["group"].tolist()) <= {group}
