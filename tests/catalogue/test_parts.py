"""Parts hold what was read, sorted by cell line; see test_split.py for what is made of them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.catalogue import parts
from atypeak_scale.catalogue.aliases import Aliases
from atypeak_scale.catalogue.parts import ReadTask, parts_in, peaks_by_source, place_dtype, read_parts
from atypeak_scale.catalogue.ranges import FileRange
from atypeak_scale.catalogue.streams import identify
from atypeak_scale.errors import InputError

TEXT = "chr2\t5\t9\ta.x.k\nchr1\t1\t2\ta.x.h\nchr1\t3\t4\tb.y.h\nchr2\t7\t8\ta.x.h\n"


def task_of(tmp_path: Path, text: str) -> ReadTask:
    (tmp_path / "p.bed").write_text(text)
    (tmp_path / "work").mkdir(exist_ok=True)
    return ReadTask(FileRange(tmp_path / "p.bed"), tmp_path / "work", 0, "dataset.TR.cell_line", Aliases())


def test_parts__rows_of_a_cell_line_in_the_order_of_the_file(tmp_path: Path) -> None:
    task = task_of(tmp_path, TEXT)
    receipt = read_parts(task)
    assert dataclasses.astuple(receipt)[:2] == (4, 1)
    assert receipt.input_file == identify(tmp_path / "p.bed")
    assert read_parts(task) == receipt
    (part,) = parts_in(task.folder, [receipt])
    records = np.fromfile(part.file, place_dtype())[slice(*part.at["h"])]
    found = [(part.contigs[r["contig"]], r["start"], part.names[r["source"]]) for r in records]
    assert found == [("chr1", 1, ("a", "x", "h")), ("chr1", 3, ("b", "y", "h")), ("chr2", 7, ("a", "x", "h"))]
    assert peaks_by_source([part]) == {"h": {("a", "x"): 2, ("b", "y"): 1}, "k": {("a", "x"): 1}}


def test_parts__too_many_names_are_refused_with_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MOST_NAMES", 2)
    with pytest.raises(InputError, match=r"p\.bed, line 3: over 2 different names; expected dataset\.TR"):
        read_parts(task_of(tmp_path, TEXT))
    assert not (tmp_path / "work" / "read-00000.json").exists()
