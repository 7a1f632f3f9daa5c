"""Records come back by contig, stretch by stretch, whatever order they were given in."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.catalogue.stretches import Stretches

PLACE = np.dtype([("start", np.int64), ("name", np.int32)])


def test_stretches__give_back_every_record_in_its_stretch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atypeak_scale.catalogue.stretches.STRETCH", 100)
    rng = np.random.default_rng(3)
    spool, given = Stretches(tmp_path, PLACE), {}
    for contig in ("chr2", "../chr1", "chr2", "../chr1"):
        records = np.empty(50, PLACE)
        records["start"], records["name"] = rng.integers(0, 1000, 50), rng.integers(0, 9, 50)
        spool.append(contig, records)
        given[contig] = [*given.get(contig, []), *records.tolist()]
    assert spool.contigs == ["chr2", "../chr1"]
    assert all(file.name.startswith("unsorted-") for file in tmp_path.iterdir())
    for contig, records in given.items():
        parts = [part.tolist() for part in spool.taken(contig)]
        stretches = [sorted({start // 100 for start, _ in part}) for part in parts]
        assert stretches == [[number] for number in sorted({start // 100 for start, _ in records})]
        assert sorted(record for part in parts for record in part) == sorted(records)
    assert not list(tmp_path.iterdir())
