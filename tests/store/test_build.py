"""What a build writes, refuses and leaves behind."""

import dataclasses
import json
import shutil
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from store.by_hand import brute_force, stored, tree

from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.store.build import build_store, plan_build
from atypeak_scale.store.cell_line import cell_lines, open_store
from atypeak_scale.store.verify import verify

Catalogue = tuple[Path, Path]


def names(store: Path) -> list[str]:
    return [cell_line.name for cell_line in cell_lines(store)]


# What is written


def test_build__occupancy_equals_brute_force(inputs: Catalogue, built: Path) -> None:
    assert stored(open_store(built).data.load()) == brute_force(*inputs)


def test_build__rows_describe_the_peaks_of_the_file(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    result = build_store(*catalogue, tmp_path / "s.zarr", config)
    data = open_store(tmp_path / "s.zarr").data.load()
    assert (np.diff(data["peak_window"]) >= 0).all()
    expected = brute_force(*catalogue)
    lines = [tuple(line.split("\t")[:4]) for line in catalogue[0].read_text().splitlines()[1:]]
    overlapping = 0
    for contig, start, end, name in lines:
        windows = _windows_of(expected, (contig, start, end))
        overlapping += bool(windows)
        at = np.flatnonzero(
            (data["catalogue_start"].values == int(start))
            & (data["catalogue_end"].values == int(end))
            & (data["contig"].values[data["catalogue_contig"].values] == contig)
        )
        of_name = [p for p in at if _name(data, int(p)) == name]
        assert len(of_name) >= bool(windows)
        for peak in of_name[:1]:
            rows = np.flatnonzero(data["peak_catalogue"].values == peak)
            assert len(rows) == len(windows)
            assert rows[0] == data["catalogue_first_row"][peak]
            assert rows[-1] == data["catalogue_last_row"][peak]
            assert (data["peak_source"].values[rows] == data["catalogue_source"].values[peak]).all()
    assert result.peaks == data.sizes["catalogue_peak"] == overlapping
    assert result.rows_of_peaks.used == overlapping
    assert result.rows_of_peaks.rows == len(lines)
    assert data.sizes["peak"] == sum(len(_windows_of(expected, line)) for line in lines)


def _name(data: xr.Dataset, peak: int) -> str:
    source = int(data["catalogue_source"][peak])
    dataset = data["dataset"].values[int(data["source_dataset"][source])]
    return f"{dataset}.{data['tr'].values[int(data['source_tr'][source])]}.cell"


def _windows_of(expected: dict[tuple[str, int, int], object], line: tuple[str, ...]) -> list[object]:
    contig, start, end = line[:3]
    return [w for w in expected if w[0] == contig and max(int(start), w[1]) < min(int(end), w[2])]


def test_build__sources_of_each_crm(inputs: Catalogue, built: Path) -> None:
    data = open_store(built).data.load()
    of_crm: dict[int, set[int]] = defaultdict(set)
    for window, source in zip(data["peak_window"].values, data["peak_source"].values, strict=True):
        of_crm[int(data["crm"][window])].add(int(source))
    assert [len(of_crm[crm]) for crm in data["crm"].values.tolist()] == data["crm_sources"].values.tolist()
    lines = inputs[1].read_text().splitlines()
    for crm, start, end in zip(
        data["crm"].values, data["crm_start"].values, data["crm_end"].values, strict=True
    ):
        assert lines[crm].split("\t")[1:3] == [str(start), str(end)]


def test_build__plain_xarray_opens_it_without_a_warning(built: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = xr.open_zarr(built, group="cell")
    assert set(data["occupancy"].dims) == {"window", "bin", "source"}
    assert all(variable.attrs["description"] for variable in data.variables.values())


def test_build__same_inputs_same_bytes_wherever_it_runs(
    inputs: Catalogue, built: Path, config: Config, tmp_path: Path
) -> None:
    build_store(*inputs, tmp_path / "elsewhere" / "two.zarr", config)
    assert tree(tmp_path / "elsewhere" / "two.zarr") == tree(built)
    assert not list(tmp_path.glob(".*"))


def test_build__parallel_equals_serial_byte_for_byte(
    inputs: Catalogue, built: Path, config: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    build_store(*inputs, tmp_path / "two.zarr", config, executor=two_workers)
    assert tree(tmp_path / "two.zarr") == tree(built)


def test_build__chunks_are_checksummed_and_empty_ones_are_not_written(store: Path) -> None:
    cell_line = open_store(store)
    for name, array in cell_line.group().arrays():
        assert "crc32c" in json.dumps(array.metadata.to_dict()["codecs"]), name
    chunk = next(f for f in (store / "cell/occupancy/c").rglob("*") if f.is_file())
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(bytes(data))
    with pytest.raises(Exception, match=r"[Cc]hecksum"):
        open_store(store).data["occupancy"].load()


def test_build__views_with_other_names(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    settings = config.store.model_copy(update={"views": ("model", "variable")})
    build_store(*catalogue, tmp_path / "s.zarr", config.model_copy(update={"store": settings}))
    opened = open_store(tmp_path / "s.zarr")
    assert opened.tensor.dims == ("window", "bin", "model", "variable")
    assert "source_model" in opened.data.coords
    assert opened.views == ("model", "variable")


def test_build__view_names_that_hold_other_names(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    views = config.store.model_copy(update={"views": ("preview1", "view")})
    build_store(*catalogue, tmp_path / "s.zarr", config.model_copy(update={"store": views}))
    data = open_store(tmp_path / "s.zarr").data
    assert {"preview1", "view", "source_preview1", "source_view"} <= set(data.variables)
    assert verify(tmp_path / "s.zarr").damages == []


def test_plan__says_what_the_build_does(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    events: list[Event] = []
    plan = plan_build(*catalogue, config, InProcess(events.append))
    assert {event.stage for event in events} == {"read peaks"}
    result = build_store(*catalogue, tmp_path / "s.zarr", config)
    assert plan.sources == result.sources
    account = result.rows_of_peaks
    assert plan.selected_peaks == account.used + account.outside_crms + account.on_contigs_without_crm
    assert plan.windows_at_most >= result.windows
    assert plan.windows_at_most == open_store(tmp_path / "s.zarr").data.attrs["windows_in_crms"]
    assert result == dataclasses.replace(result, store=tmp_path / "s.zarr", cell_line="cell")


# A second cell line


def test_build__a_second_cell_line_joins_the_store(
    write: Callable[[str, str], Path], config: Config, tmp_path: Path
) -> None:
    peaks = write("p.bed", "chr1\t5\t9\ta.b.cell\nchr1\t5\t9\ta.b.../../evil\n")
    crms = write("c.bed", "chr1\t0\t100\n")
    build_store(peaks, crms, tmp_path / "s.zarr", config)
    before = tree(tmp_path / "s.zarr/cell")
    build_store(peaks, crms, tmp_path / "s.zarr", config.model_copy(update={"cell_line": "../../evil"}))
    assert tree(tmp_path / "s.zarr/cell") == before
    assert names(tmp_path / "s.zarr") == ["../../evil", "cell"]
    assert open_store(tmp_path / "s.zarr", "../../evil").data.sizes["window"] == 1
    assert {f.name for f in tmp_path.iterdir()} == {"p.bed", "c.bed", "s.zarr"}
    with pytest.raises(
        InputError, match=r"holds 2 cell lines \(\.\./\.\./evil, cell\); name one$"
    ) as failure:
        open_store(tmp_path / "s.zarr")
    assert failure.value.argument == "cell_line"
    with pytest.raises(InputError, match="no cell line 'cel'; the nearest known are cell"):
        open_store(tmp_path / "s.zarr", "cel")


@pytest.mark.parametrize("cell_line", ["zarr.json", "..", ".hidden", "__x", "a/b", "c" * 400, "é" * 200])
def test_build__any_cell_line_is_a_group_of_its_own(config: Config, tmp_path: Path, cell_line: str) -> None:
    (tmp_path / "p.bed").write_text(f"chr1\t5\t9\ta.b.{cell_line}\n")
    (tmp_path / "c.bed").write_text("chr1\t0\t100\n")
    store = tmp_path / "out" / "s.zarr"
    settings = config.model_copy(update={"cell_line": cell_line})
    build_store(tmp_path / "p.bed", tmp_path / "c.bed", store, settings)
    assert names(store) == [cell_line]
    assert sorted(file.name for file in store.parent.iterdir()) == ["s.zarr"]
    with pytest.raises(InputError, match="already holds cell line"):
        build_store(tmp_path / "p.bed", tmp_path / "c.bed", store, settings)
    build_store(tmp_path / "p.bed", tmp_path / "c.bed", store, settings, replace=True)
    assert names(store) == [cell_line]


# What is refused, and what a stopped build leaves


@pytest.mark.parametrize(
    "peaks, crms, message",
    [
        ("chr1\t5\tx\ta.b.cell\n", "chr1\t0\t100\n", r"p\.bed, line 1: end 'x'"),
        ("", "chr1\t0\t100\n", r"p\.bed: holds no intervals"),
        ("chr1\t5\t9\ta.b.cell\n", "", r"c\.bed: holds no intervals"),
        ("chr1\t5\t9\ta.b.other\n", "chr1\t0\t100\n", r"no peak of cell line 'cell'; known are other"),
        (
            "chr1\t200\t300\ta.b.cell\n",
            "chr1\t0\t100\n",
            r"check that both files use the same genome assembly",
        ),
        ("1\t5\t9\ta.b.cell\n", "chr1\t0\t100\n", r"they differ by 'chr': rename the contigs of one file"),
        (
            "chr1\t5\t9\ta.b.cell\n",
            "X\t0\t100\n",
            r"no contig is in both files \(peaks: chr1, .*CRMs: X, \.\.\.\)$",
        ),
    ],
)
def test_build__bad_input_leaves_nothing(
    write: Callable[[str, str], Path], config: Config, tmp_path: Path, peaks: str, crms: str, message: str
) -> None:
    files = write("p.bed", peaks), write("c.bed", crms)
    with pytest.raises(InputError, match=message) as failure:
        build_store(*files, tmp_path / "out/s.zarr", config)
    assert "\n" not in str(failure.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_build__frame_that_does_not_fit_the_kernel(inputs: Catalogue, config: Config, tmp_path: Path) -> None:
    settings = config.store.model_copy(update={"frame": 3000})
    with pytest.raises(
        InputError, match=r"frame of 300 bins .* multiple of 4 times the kernel width \(80 bins"
    ):
        build_store(*inputs, tmp_path / "s.zarr", config.model_copy(update={"store": settings}))
    assert not (tmp_path / "s.zarr").exists()


def test_build__two_standard_inputs_are_refused(config: Config, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot both be standard input"):
        build_store("-", "-", tmp_path / "s.zarr", config)


def test_build__refuses_what_exists(inputs: Catalogue, built: Path, config: Config, tmp_path: Path) -> None:
    before = tree(built)
    with pytest.raises(InputError, match="already holds cell line 'cell'; remove it"):
        build_store(*inputs, built, config)
    assert tree(built) == before
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder: not a store"):
        build_store(*inputs, tmp_path / "folder", config)


def test_build__interrupted_leaves_nothing(inputs: Catalogue, config: Config, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == "write windows" and event.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_store(*inputs, tmp_path / "out/s.zarr", config, executor=InProcess(interrupt))
    assert list((tmp_path / "out").iterdir()) == []


def test_build__stopped_between_two_renames_keeps_what_was_there(
    inputs: Catalogue, store: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group that is replaced is out of the way for a moment: it goes back if nothing took its place."""
    before = tree(store)
    rename = Path.rename

    def stop(source: Path, target: Path) -> Path:
        if target == store / config.cell_line and source.name == "new":
            assert not target.exists()
            raise KeyboardInterrupt
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", stop)
    with pytest.raises(KeyboardInterrupt):
        build_store(*inputs, store, config, replace=True)
    assert tree(store) == before


MEMORY_SCRIPT = """
import resource, sys
from atypeak_scale.config import parse_config
from atypeak_scale.store.build import build_store
import xarray, pandas, pyranges, zarr, dask.array
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
config = parse_config({"cell_line": "cell", "store": {"min_crm_peaks": 0, "windows_per_chunk": 64}}, "test")
build_store(sys.argv[1], sys.argv[2], sys.argv[3], config)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)
"""


def test_build__memory_does_not_grow_with_the_number_of_windows(tmp_path: Path) -> None:
    """Eight times the windows (and 260 MB of occupancy) must not take much more memory."""
    peaks_of_window, grown = 3, {}
    for windows in (2_000, 16_000):
        folder = tmp_path / str(windows)
        folder.mkdir()
        starts = np.arange(windows) * 4000
        (folder / "c.bed").write_text("".join(f"chr{s // 8_000_000}\t{s}\t{s + 3200}\n" for s in starts))
        lines = [
            f"chr{s // 8_000_000}\t{s + 300 * p}\t{s + 300 * p + 500}\td{(s // 4000 + p) % 50}.t.cell\n"
            for s in starts
            for p in range(peaks_of_window)
        ]
        (folder / "p.bed").write_text("".join(lines))
        run = subprocess.run(
            [sys.executable, "-c", MEMORY_SCRIPT, folder / "p.bed", folder / "c.bed", folder / "s.zarr"],
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        grown[windows] = int(run.stdout) / 1000
    print(f"MB above the imports: {grown}")
    assert grown[16_000] < grown[2_000] + 100


def test_build__keeps_the_crm_and_the_length_of_every_window_without_a_peak(
    inputs: Catalogue, built: Path
) -> None:
    cell_line = open_store(built)
    frame, _ = cell_line.frame
    crm, bp = cell_line.empty_windows()
    windows = cell_line.windows(0, cell_line.shape.windows)
    found = [*zip(crm.tolist(), bp.tolist(), strict=True)]
    found += zip(windows.crm.tolist(), (windows.end_bp - windows.start_bp).tolist(), strict=True)
    expected = []
    for row, line in enumerate(line for line in inputs[1].read_text().splitlines() if line.startswith("chr")):
        start, end = map(int, line.split("\t")[1:3])
        expected += [(row, min(frame, end - at)) for at in range(start, end, frame)]
    assert sorted(found) == sorted(expected)
    assert len(expected) == cell_line.window_count and len(crm)


def test_build__a_store_without_empty_windows_says_to_build_it_again(store: Path) -> None:
    cell_line = open_store(store)
    shutil.rmtree(store / cell_line.path / "empty_crm")
    with pytest.raises(InputError, match="build the store again"):
        cell_line.empty_windows()


def test_build__a_name_that_differs_in_case_alone_is_refused(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    catalogue[0].write_text(catalogue[0].read_text().replace(".cell", ".CELL"))
    before = tree(tmp_path / "s.zarr")
    other = config.model_copy(update={"cell_line": "CELL"})
    told = "s.zarr: holds cell line 'cell', which differs from 'CELL' in case alone; name another store"
    with pytest.raises(InputError, match=told):
        build_store(*catalogue, tmp_path / "s.zarr", other)
    assert tree(tmp_path / "s.zarr") == before
