"""A catalogue split by cell line: what brute force finds, whatever the files, their order and the tasks."""

import gzip
import io
import lzma
import os
import random
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.catalogue import assemble, bed, parts, ranges
from atypeak_scale.catalogue.aliases import Aliases
from atypeak_scale.catalogue.folder import Catalogue, open_catalogue
from atypeak_scale.catalogue.names import NON_REDUNDANT
from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.errors import InputError

Row = tuple[str, int, int, str]
LINES = ("hela", "HeLa", "k-562", "x.y", "../up", "é z")
row = st.tuples(
    st.sampled_from(["chr1", "chr10", "chr2"]), st.integers(0, 40), st.integers(41, 60),
    st.builds("{}.{}.{}".format, st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from(LINES)),
)  # fmt: skip


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def text(rows: list[Row]) -> bytes:
    return "".join(f"{contig}\t{start}\t{end}\t{name}\t0\n" for contig, start, end, name in rows).encode()


def peaks(catalogue: Catalogue, name: str) -> list[tuple[str, int, int, str, str]]:
    table = pyarrow.parquet.read_table(catalogue.path / catalogue.line(name).file)
    return [tuple(row.values()) for row in table.to_pylist()]  # type: ignore[misc]


def brute_force(rows: list[Row], name: str) -> list[tuple[str, int, int, str, str]]:
    split_rows = [(contig, start, end, *full.split(".", 2)) for contig, start, end, full in rows]
    return sorted((a, b, c, d, e) for a, b, c, d, e, line in split_rows if line == name)


@settings(max_examples=25)
@given(st.lists(row, min_size=1, max_size=60), st.randoms(use_true_random=False), st.booleans())
def test_split__brute_force_whatever_the_files(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], chance: random.Random, by_contig: bool
) -> None:
    folder = tmp_path_factory.mktemp("split")
    (folder / "a.bed").write_bytes(text(rows))
    one = split_catalogue([folder / "a.bed"], folder / "one")
    shuffled = chance.sample(rows, len(rows))
    at = chance.randint(0, len(rows) - 1)
    (folder / "b.gz").write_bytes(gzip.compress(text(shuffled[at:])))
    (folder / "c.xz").write_bytes(lzma.compress(text(shuffled[:at]) or b"#\nchr1\t1\t2\ta.x.other\n"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "ROWS_PER_PART", 7)
        patch.setattr(ranges, "BYTES_PER_RANGE", 200)
        if by_contig:
            patch.setattr(assemble, "ROWS_AT_ONCE", 3)
        many = split_catalogue([folder / "a.bed"], folder / "many")
        others = split_catalogue([folder / "c.xz", folder / "b.gz"], folder / "others")
    assert tree(many.path) == tree(one.path)
    assert (one.rows, sum(line.peaks for line in one.lines)) == (len(rows), len(rows))
    for line in one.lines:
        assert peaks(one, line.name) == brute_force(rows, line.name) == peaks(others, line.name)
        assert line.sources == len({found[3:] for found in peaks(one, line.name)})
    assert open_catalogue(folder / "one") == one


def test_split__merged_names_and_aliases(tmp_path: Path) -> None:
    (tmp_path / "nr.bed").write_text("chr1\t1\t9\tctcf:hela,HeLa,k562\nchr1\t5\t9\tmyc:k562\n")
    aliases = Aliases({"cell_line": {"HeLa": "hela"}, "tr": {"myc": "MYC"}})
    found = split_catalogue([tmp_path / "nr.bed"], tmp_path / "out", aliases=aliases)
    assert found.convention == "TR:cell_lines"
    assert peaks(found, "k562") == [
        ("chr1", 1, 9, NON_REDUNDANT, "ctcf"), ("chr1", 5, 9, NON_REDUNDANT, "MYC"),
    ]  # fmt: skip
    assert peaks(found, "hela") == [("chr1", 1, 9, NON_REDUNDANT, "ctcf")]  # one peak, whatever its names
    with pytest.raises(InputError, match=r"nr\.bed, line 1: name 'ctcf:hela,HeLa,k562'; expected dataset"):
        split_catalogue([tmp_path / "nr.bed"], tmp_path / "other", "dataset.TR.cell_line")


@pytest.mark.parametrize("stop_at", [*range(1, 12)])
def test_split__stopped_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    """Stopped at a rename of what is done, or before it, and at the last one."""
    chance = random.Random(1)
    rows = [("chr1", i, i + 5, f"a.{chance.choice('xy')}.{chance.choice(LINES)}") for i in range(60)]
    (tmp_path / "a.bed").write_bytes(text(rows))
    monkeypatch.setattr(ranges, "BYTES_PER_RANGE", 300)
    whole = split_catalogue([tmp_path / "a.bed"], tmp_path / "whole")
    rename, seen = Path.rename, []

    def stopping(path: Path, to: Path) -> Path:
        seen.append(to)
        if len(seen) == stop_at:
            raise KeyboardInterrupt
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", stopping)
    with pytest.raises(KeyboardInterrupt):
        split_catalogue([tmp_path / "a.bed"], tmp_path / "out")
    with pytest.raises(InputError, match="no finished catalogue"):
        open_catalogue(tmp_path / "out")
    again = split_catalogue([tmp_path / "a.bed"], tmp_path / "out")
    assert tree(again.path) == tree(whole.path)
    done = seen[: stop_at - 1]
    assert not {file.name for file in done} & {file.name for file in seen[stop_at:]}


@pytest.mark.parametrize("what", ["unlink", "rmdir"])
@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_split__stopped_while_it_removed_what_it_needs_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, stop_at: int
) -> None:
    (tmp_path / "a.bed").write_bytes(text([("chr1", 1, 2, "a.b.c")]))
    whole = split_catalogue([tmp_path / "a.bed"], tmp_path / "whole")
    do, seen = getattr(os, what), []

    def stopping(path: Any, *more: Any, **others: Any) -> None:
        folder = others.get("dir_fd") is not None and Path(f"/proc/self/fd/{others['dir_fd']}").readlink()
        if any(name in f"{folder}/{path}" for name in (assemble.WORK, assemble.SETTINGS)):
            seen.append(path)
            if len(seen) == stop_at:
                raise KeyboardInterrupt
        do(path, *more, **others)

    monkeypatch.setattr(os, what, stopping)
    try:
        split_catalogue([tmp_path / "a.bed"], tmp_path / "out")
    except KeyboardInterrupt:
        again = split_catalogue([tmp_path / "a.bed"], tmp_path / "out")
        assert again.lines == whole.lines
    assert tree(tmp_path / "out") == tree(whole.path)
    assert not (tmp_path / "out" / assemble.WORK).exists()


def piped(data: bytes) -> str:
    """Return the name of a pipe that gives some data, less than it holds, once."""
    end, start = os.pipe()
    os.write(start, data)
    os.close(start)
    return f"/dev/fd/{end}"


@pytest.mark.parametrize("executor", [None, "two_workers"])
def test_split__a_pipe_gives_all_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, executor: Any
) -> None:
    executor = executor and request.getfixturevalue(executor)
    monkeypatch.setattr(bed, "BYTES_PER_BLOCK", 60)
    rows = [("chr1", i, i + 5, f"x:{chr(97 + i % 7)}") for i in range(300)]
    (tmp_path / "a.bed").write_bytes(text(rows))
    whole = split_catalogue([tmp_path / "a.bed"], tmp_path / "whole")
    found = split_catalogue([piped(text(rows))], tmp_path / "pipe", executor=executor)
    assert (found.convention, tree(found.path)) == ("TR:cell_lines", tree(whole.path))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text(rows))))
    assert tree(split_catalogue(["-"], tmp_path / "in", executor=executor).path) == tree(whole.path)
    with pytest.raises(InputError, match=r"spell names as .* and as "):
        split_catalogue([piped(text(rows)), piped(b"chr1\t1\t2\ta.b.c\n")], tmp_path / "both")


def test_split__bad_input_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.bed").write_bytes(text([("chr1", 1, 2, "a.b.c")]))
    (tmp_path / "bad.bed").write_bytes(text([("chr1", 1, 2, "a.b.c"), ("chr1", 2, 1, "a.b.c")]))
    (tmp_path / "link.bed").symlink_to("a.bed")
    for second, message in (
        ("bad.bed", r"bad\.bed, line 2: start 2, end 1"),
        ("missing.bed", r"missing\.bed: cannot be read: No such file"),
        ("link.bed", r"link\.bed: is named twice, and its peaks would count twice; name it once"),
    ):
        with pytest.raises(InputError, match=message):
            split_catalogue([tmp_path / "a.bed", tmp_path / second], tmp_path / "out")
        assert not (tmp_path / "out").exists()
    (tmp_path / "dangling").symlink_to("where")
    split_catalogue([tmp_path / "a.bed"], tmp_path / "dangling")
    assert open_catalogue(tmp_path / "where").rows == 1


def test_split__a_changed_file_of_the_same_size_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.bed").write_bytes(text([("chr1", 1, 2, "a.b.c")]))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Catalogue, "write", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        split_catalogue([tmp_path / "a.bed"], tmp_path / "out")
    (tmp_path / "a.bed").write_bytes(text([("chr1", 1, 3, "a.b.c")]))
    with pytest.raises(InputError, match="unfinished catalogue of other files or settings"):
        split_catalogue([tmp_path / "a.bed"], tmp_path / "out")


def test_split__names_of_many_cell_lines_do_not_widen_those_of_few(tmp_path: Path) -> None:
    lines = ",".join(f"c{number}" for number in range(300))
    rows = [("chr1", 0, 9, f"x:{lines}"), *(("chr1", i, i + 9, f"x{i}:c1") for i in range(60_000))]
    (tmp_path / "a.bed").write_bytes(text(rows))
    task = parts.ReadTask(ranges.FileRange(tmp_path / "a.bed"), tmp_path, 0, "TR:cell_lines", Aliases())
    tracemalloc.start()
    assert parts.read_parts(task).rows == len(rows)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 60_000 * 300 * 4


def test_split__other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.bed").write_bytes(text([("chr1", 1, 2, "a.b.c")]))
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match=r"there: exists; remove it or name another folder"):
        split_catalogue([tmp_path / "a.bed"], tmp_path / "there")
    (tmp_path / "there" / assemble.SETTINGS).write_text("others")
    with pytest.raises(InputError, match="unfinished catalogue of other files or settings"):
        split_catalogue([tmp_path / "a.bed"], tmp_path / "there")
    with pytest.raises(InputError, match="no intervals"):
        (tmp_path / "empty.bed").write_text("#\n")
        split_catalogue([tmp_path / "empty.bed"], tmp_path / "none")
    with pytest.raises(InputError, match=r"convention 'x'; expected dataset\.TR\.cell_line or TR:cell_lines"):
        split_catalogue([tmp_path / "a.bed"], tmp_path / "none", "x")
