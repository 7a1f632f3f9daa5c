"""Merged peaks are those of bedtools and of a brute force, whatever the order, the files and the blocks."""

import gzip
import logging
import lzma
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import fsspec
import numpy as np
import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale import make_crms
from atypeak_scale.catalogue.merging import MERGED, merge
from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.catalogue.windows import LONGEST_CRM, read_regions
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event

Write = Callable[[str, str], Path]
Place = tuple[str, int, int]
Module = tuple[str, int, int, int]

places = st.lists(
    st.tuples(st.sampled_from(["chr1", "chr10", "chr2", "Z", "é"]), st.integers(0, 300), st.integers(1, 40)),
    min_size=1, max_size=60,
).map(lambda rows: [(contig, start, start + length) for contig, start, length in rows])  # fmt: skip


def by_hand(peaks: Sequence[Place], distance: int) -> list[Module]:
    """Join every two peaks that are near enough until nothing changes."""
    modules = [(contig, start, end, 1) for contig, start, end in peaks]
    changed = True
    while changed:
        changed = False
        for i, a in enumerate(modules):
            near = [
                b for b in modules[i + 1 :] if b[0] == a[0] and max(a[1], b[1]) - min(a[2], b[2]) <= distance
            ]
            if near:
                group = [a, *near]
                modules = [one for one in modules if not any(one is other for other in group)]
                modules.append(
                    (a[0], min(g[1] for g in group), max(g[2] for g in group), sum(g[3] for g in group))
                )
                changed = True
                break
    return sorted(modules)


def text_of(peaks: Sequence[Place]) -> str:
    return "".join(f"{contig}\t{start}\t{end}\td.x.cell\n" for contig, start, end in peaks)


def modules_of(text: str) -> list[Module]:
    """Return the lines of a file of CRMs; their names are checked."""
    rows = [line.split("\t") for line in text.splitlines()]
    assert [row[3] for row in rows] == [f"crm-{number}" for number in range(len(rows))]
    return [(contig, int(start), int(end), int(count)) for contig, start, end, _, count in rows]


@given(places, st.integers(0, 30))
def test_merge__is_what_a_brute_force_finds(peaks: list[Place], distance: int) -> None:
    for contig in {peak[0] for peak in peaks}:
        here = sorted(peak for peak in peaks if peak[0] == contig)
        records = np.array([(start, end, 1) for _, start, end in here], MERGED)
        assert [(contig, *row) for row in merge(records, distance).tolist()] == by_hand(here, distance)


def test_merge__of_nothing_is_nothing() -> None:
    assert len(merge(np.empty(0, MERGED), 5)) == 0


@settings(deadline=None, max_examples=40)
@given(places, st.integers(0, 30), st.integers(1, 4), st.integers(1, 3), st.randoms(use_true_random=False))
def test_make_crms__do_not_depend_on_order_files_blocks_and_stretches(
    tmp_path_factory: pytest.TempPathFactory, peaks: list[Place], distance: int, min_peaks: int, files: int,
    shuffle: random.Random,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("merge")
    shuffle.shuffle(peaks)
    parts = [part for part in (peaks[number::files] for number in range(files)) if part]
    for number, part in enumerate(parts):
        (folder / f"{number}.bed").write_text(text_of(part))
    expected = [module for module in by_hand(peaks, distance) if module[3] >= min_peaks]
    paths = [folder / f"{number}.bed" for number in range(len(parts))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("atypeak_scale.catalogue.bed.BYTES_PER_BLOCK", 64)
        patch.setattr("atypeak_scale.catalogue.stretches.STRETCH", 70)
        if not expected:
            with pytest.raises(
                InputError, match=rf"no module has {min_peaks} peaks or more; the most .* is \d"
            ):
                make_crms(paths, folder / "out.bed", distance, min_peaks)
            return
        made = make_crms(paths, folder / "out.bed", distance, min_peaks)
    assert modules_of((folder / "out.bed").read_text()) == expected
    assert made.crms == len(expected)
    assert made.peaks == len(peaks)
    assert made.peaks_in_crms == sum(module[3] for module in expected)
    assert made.modules_with_few_peaks == len(by_hand(peaks, distance)) - len(expected)
    assert made.bp_in_crms == sum(end - start for _, start, end, _ in expected)
    assert made.longest_bp == max(end - start for _, start, end, _ in expected)
    assert not [file for file in folder.iterdir() if file.name.startswith(".")]


@pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not installed")
@pytest.mark.parametrize("distance", [0, 1, 250])
def test_make_crms__are_those_of_bedtools(write: Write, tmp_path: Path, distance: int) -> None:
    rng = np.random.default_rng(4)
    starts, lengths = rng.integers(0, 60_000_000, 20_000), rng.integers(1, 9000, 20_000)
    contigs = rng.choice(["chr1", "chr10", "chr2", "chrX", "GL000008.2"], 20_000)
    peaks = list(zip(contigs.tolist(), starts.tolist(), (starts + lengths).tolist(), strict=True))
    peaks += [(contig, end, end + 7) for contig, _, end in peaks[::50]]  # that touch
    file = write("p.bed", text_of(peaks))
    ordered = write("sorted.bed", text_of(sorted(peaks)))
    merging = ["bedtools", "merge", "-i", ordered, "-d", str(distance), "-c", "1", "-o", "count"]
    expected = subprocess.run(merging, check=True, capture_output=True, text=True).stdout
    make_crms(file, tmp_path / "out.bed", distance, min_peaks=1)
    found = modules_of((tmp_path / "out.bed").read_text())
    assert "".join(f"{c}\t{s}\t{e}\t{n}\n" for c, s, e, n in found) == expected
    assert sum(module[3] > 1 for module in found) > 1000


PEAKS = [("chr2", 5, 9), ("chr1", 100, 200), ("chr1", 150, 300), ("chr1", 300, 310), ("chr1", 311, 320)]
ABOVE = [("chr1", 100, 310, 3)]


def test_make_crms__every_compression_of_input_and_output(tmp_path: Path) -> None:
    text = text_of(PEAKS).encode()
    (tmp_path / "a.bed").write_bytes(b"track name=x\n" + text)
    (tmp_path / "b.bed.gz").write_bytes(gzip.compress(text))
    (tmp_path / "c.bed.xz").write_bytes(lzma.compress(text))
    pysam.tabix_compress(str(tmp_path / "a.bed"), str(tmp_path / "d.bed.gz"))
    for file in ("a.bed", "b.bed.gz", "c.bed.xz", "d.bed.gz"):
        make_crms(tmp_path / file, tmp_path / f"{file}.out", min_peaks=3)
        assert modules_of((tmp_path / f"{file}.out").read_text()) == ABOVE
    make_crms(str(tmp_path / "a.bed"), tmp_path / "out.bed.gz", min_peaks=1)
    pysam.tabix_index(str(tmp_path / "out.bed.gz"), preset="bed")  # which takes sorted bgzip alone
    with pysam.TabixFile(str(tmp_path / "out.bed.gz")) as file:
        assert modules_of("\n".join(file.fetch())) == [*ABOVE, ("chr1", 311, 320, 1), ("chr2", 5, 9, 1)]


def test_make_crms__of_standard_input_and_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", f"printf 'chr1\\t1\\t5\\n' > {tmp_path / 'pipe'}"]):
        (tmp_path / "in").write_text("chr1\t4\t9\n")
        with (tmp_path / "in").open() as stream:
            monkeypatch.setattr("sys.stdin", stream)
            made = make_crms(["-", tmp_path / "pipe"], tmp_path / "out.bed")
    assert modules_of((tmp_path / "out.bed").read_text()) == [("chr1", 1, 9, 2)]
    assert made.peaks == 2


def test_make_crms__of_a_folder_of_cell_lines(write: Write, tmp_path: Path) -> None:
    names = ["d.x.hela", "d.y.k562", "e.x.k562", "d.x.mcf7", "d.x.hela"]
    lines = [
        f"{contig}\t{start}\t{end}\t{name}\n" for (contig, start, end), name in zip(PEAKS, names, strict=True)
    ]
    split_catalogue([write("p.bed", "".join(lines))], tmp_path / "folder")
    make_crms(tmp_path / "folder", tmp_path / "of-folder.bed", min_peaks=1)
    make_crms(tmp_path / "p.bed", tmp_path / "of-file.bed", min_peaks=1)
    assert (tmp_path / "of-folder.bed").read_text() == (tmp_path / "of-file.bed").read_text()


def test_make_crms__of_and_at_a_url(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/merging/p.bed.gz", gzip.compress(text_of(PEAKS).encode()))
    for name, read in (("out.bed", bytes), ("out.bed.gz", gzip.decompress)):
        make_crms("memory://merging/p.bed.gz", f"memory://merging/{name}", min_peaks=3)
        assert modules_of(read(memory.cat_file(f"/merging/{name}")).decode()) == ABOVE
    with pytest.raises(InputError, match=r"memory://merging/out\.bed: exists; remove it"):
        make_crms("memory://merging/p.bed.gz", "memory://merging/out.bed")
    with pytest.raises(InputError, match=r"memory://merging/no\.bed: cannot be read"):
        make_crms("memory://merging/no.bed", tmp_path / "out.bed")


def test_make_crms__are_read_as_crms(write: Write, tmp_path: Path) -> None:
    make_crms(write("p.bed", text_of(PEAKS)), tmp_path / "out.bed", min_peaks=1)
    regions, _ = read_regions(tmp_path / "out.bed", 3)
    assert (regions.contigs, regions.start.tolist(), regions.end.tolist()) == (["chr1", "chr2"], [100], [310])
    assert regions.row.tolist() == [0]  # the number in the name


def test_make_crms__modules_that_no_reader_takes_are_left_out_and_told(
    write: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    peaks = [("chr1", 0, LONGEST_CRM), ("chr1", 500, LONGEST_CRM + 1), *[("chr2", 0, LONGEST_CRM)] * 2]
    file = write("p.bed", text_of(peaks))
    with caplog.at_level(logging.WARNING):
        made = make_crms(file, tmp_path / "out.bed")
    assert modules_of((tmp_path / "out.bed").read_text()) == [("chr2", 0, LONGEST_CRM, 2)]
    read_regions(tmp_path / "out.bed")
    assert made.modules_too_long == 1
    assert "1 modules longer than 10,000,000 bp, the first chr1:1-10,000,001, 2 peaks; lower" in caplog.text
    with pytest.raises(InputError, match="no module is left: left out 1 modules longer") as refused:
        make_crms(write("q.bed", text_of(peaks[:2])), tmp_path / "none.bed")
    assert refused.value.argument == "distance"
    assert not (tmp_path / "none.bed").exists()


def test_make_crms__copies_of_a_file_are_told(
    write: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = [write("a.bed", text_of(PEAKS)), write("b.bed", text_of(PEAKS))]
    with caplog.at_level(logging.WARNING):
        made = make_crms(files, tmp_path / "out.bed")
    assert "b.bed: is the same as" in caplog.text
    assert made.peaks == 2 * len(PEAKS)


def test_make_crms__progress_ends_once(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atypeak_scale.catalogue.bed.BYTES_PER_BLOCK", 40)
    files = [write("a.bed", text_of(PEAKS)), write("b.bed", text_of(PEAKS[1:]))]
    told: list[Event] = []
    make_crms(files, tmp_path / "out.bed", executor=InProcess(told.append))
    size = sum(file.stat().st_size for file in files)
    assert {(event.stage, event.total) for event in told} == {("read peaks", size), ("merge contigs", 2)}
    done = [event.done for event in told if event.stage == "read peaks"]
    assert done == sorted(done)
    assert (done[-1], done.count(size)) == (size, 1)
    assert len(done) > 4


def test_make_crms__what_cannot_be_read_is_refused_before_the_work(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write("a.bed", text_of(PEAKS))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("atypeak_scale.catalogue.merging._spool", None)  # never called
    (tmp_path / "folder").mkdir()
    (tmp_path / "b.bb").write_bytes(b"\xeb\xf2\x89\x87" + bytes(99))
    for peaks, message in (
        (["no.bed"], "no.bed: cannot be read: No such file"),
        (["b.bb"], "b.bb: is bigBed; .*bigBedToBed"),
        (["folder"], "folder: holds no catalogue.json"),
        (["./a.bed"], "a.bed: is named twice, and its peaks would count twice"),
    ):
        with pytest.raises(InputError, match=message):
            make_crms([good, *peaks], tmp_path / "out.bed")
    with pytest.raises(InputError, match="no peak file; name at least one"):
        make_crms([], tmp_path / "out.bed")
    with pytest.raises(InputError, match="distance -1; expected 0 bp or more"):
        make_crms(good, tmp_path / "out.bed", distance=-1)
    with pytest.raises(InputError, match=r"a\.bed: exists; remove it or name another file"):
        make_crms(good, good)
    with pytest.raises(InputError, match=r"a\.bed/out\.bed: cannot be created: Not a directory"):
        make_crms(good, good / "out.bed")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.bed", "b.bb", "folder"]


@pytest.mark.parametrize(
    "text, message",
    [
        ("chr1\t5\t5\n", "line 1: start 5, end 5"),
        ("chr1\t1\t2\nchr1\t-3\t5\n", "line 2: start '-3'"),
        ("chr1\t1\n", "line 1: 2 tab-separated columns"),
        ("", "holds no intervals"),
        (" chr1\t1\t2\n", "line 1: .* begins or ends with a blank"),
    ],
)
def test_make_crms__a_bad_line_is_named_and_leaves_nothing(
    write: Write, tmp_path: Path, text: str, message: str
) -> None:
    good, bad = write("a.bed", text_of(PEAKS)), write("b.bed", text)
    with pytest.raises(InputError, match=rf"b\.bed[:,] {message}"):
        make_crms([good, bad], tmp_path / "out.bed")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.bed", "b.bed"]


def test_make_crms__positions_as_large_as_the_reader_takes(write: Write, tmp_path: Path) -> None:
    last = 10**18 - 1
    file = write("p.bed", text_of([("c", last - 10, last - 5), ("c", last - 4, last), ("c", 0, 3)]))
    make_crms(file, tmp_path / "out.bed", distance=1, min_peaks=1)
    assert modules_of((tmp_path / "out.bed").read_text()) == [("c", 0, 3, 1), ("c", last - 10, last, 2)]
    with pytest.raises(InputError, match=r"no module is left: .* c:1-999,999,999,999,999,999, 3 peaks"):
        make_crms(file, tmp_path / "none.bed", distance=10**30)


@pytest.mark.parametrize("width", [1, 40, 41])
def test_make_crms__narrow_peaks_are_widened_around_their_middle(
    write: Write, tmp_path: Path, width: int
) -> None:
    rng = np.random.default_rng(1)
    starts = rng.integers(0, 5000, 200)
    peaks = [("chr1", start, start + int(rng.integers(1, 90))) for start in starts.tolist()]
    wide = [
        (
            contig,
            max(0, start - max(0, width - (end - start)) // 2),
            end + -(-max(0, width - (end - start)) // 2),
        )
        for contig, start, end in peaks
    ]
    make_crms(write("p.bed", text_of(peaks)), tmp_path / "out.bed", min_peaks=1, width=width)
    assert modules_of((tmp_path / "out.bed").read_text()) == by_hand(wide, 0)
    with pytest.raises(InputError, match="width -1; expected 0 bp or more"):
        make_crms(tmp_path / "p.bed", tmp_path / "x.bed", width=-1)
