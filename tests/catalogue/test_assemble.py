"""What a catalogue folder is assembled from; see test_split.py and test_samples.py for what comes of it."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.catalogue import assemble
from atypeak_scale.catalogue.assemble import SETTINGS, Assembly, _sorted, folder_for
from atypeak_scale.catalogue.folder import open_catalogue
from atypeak_scale.catalogue.parts import place_dtype, read_parts
from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess


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


def test_sorted__many_contigs_and_far_places() -> None:
    """Codes of contigs and places do not fit together into 64 bits."""
    rng = np.random.default_rng(0)
    records = np.zeros(300, place_dtype())
    records["contig"] = rng.choice([0, 1, 1 << 15, 1 << 16], 300)
    records["start"] = rng.choice([5, 1 << 48, 10**18 - 2], 300)
    records["end"], records["source"] = records["start"] + rng.integers(1, 3, 300), rng.integers(0, 3, 300)
    fields = ["contig", "start", "end", "source"]
    for _ in range(3):
        rng.shuffle(records)
        assert _sorted(records)[fields].tolist() == sorted(records[fields].tolist())


def test_catalogue__contigs_and_names_of_all_files_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.bed").write_text(f"chr{number}\t1\t2\ta.b.c{number}\n")
    files = [tmp_path / f"{number}.bed" for number in range(3)]
    for what in ("contigs", "names"):
        with monkeypatch.context() as patch, pytest.raises(InputError, match=f"3 different {what}; expected"):
            patch.setattr(assemble, f"MOST_{what.upper()}", 2)
            split_catalogue(files, tmp_path / "out")


def test_assemble__a_folder_that_was_finished_in_the_meantime_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.bed").write_text("chr1\t1\t2\ta.b.c\n")
    made = split_catalogue([tmp_path / "a.bed"], tmp_path / "out")
    with pytest.raises(InputError, match="out: exists; remove it or name another folder"):
        assemble.assemble(made.path, Assembly(None, [], read_parts), InProcess())
    assert open_catalogue(made.path) == made


def test_folder__new_or_unfinished(tmp_path: Path) -> None:
    assert folder_for(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / SETTINGS).write_text("")
    assert folder_for(tmp_path / "half") == tmp_path / "half"
    (tmp_path / "file").write_text("")
    for there in ("", "file"):
        with pytest.raises(InputError, match="exists; remove it or name another folder"):
            folder_for(tmp_path / there)
    with pytest.raises(InputError, match="cannot be created"):
        folder_for(tmp_path / "file" / "x")
