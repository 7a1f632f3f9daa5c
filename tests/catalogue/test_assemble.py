"""What a catalogue folder is assembled from; see test_split.py and test_samples.py for what comes of it."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.catalogue.assemble import WORK, _sorted, folder_for
from atypeak_scale.catalogue.parts import place_dtype
from atypeak_scale.errors import InputError


def test_sorted__by_every_field_whatever_the_order() -> None:
    rng = np.random.default_rng(0)
    records = np.zeros(400, place_dtype(["summit"]))
    for name in records.dtype.names or ():
        records[name] = rng.integers(0, 4, 400)
    fields = ["contig", "start", "end", "source", "summit"]
    expected = sorted(map(tuple, records[fields].tolist()))
    for _ in range(3):
        rng.shuffle(records)
        found = _sorted(records)
        assert [
            tuple(row) for row in found[["contig", "start", "end", "source", "summit"]].tolist()
        ] == expected


def test_folder__new_or_unfinished(tmp_path: Path) -> None:
    assert folder_for(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "half" / WORK).mkdir(parents=True)
    assert folder_for(tmp_path / "half") == tmp_path / "half"
    (tmp_path / "file").write_text("")
    for there in ("", "file"):
        with pytest.raises(InputError, match="exists; remove it or name another folder"):
            folder_for(tmp_path / there)
    with pytest.raises(InputError, match="cannot be created"):
        folder_for(tmp_path / "file" / "x")
