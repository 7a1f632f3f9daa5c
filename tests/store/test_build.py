import json
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.cluster import Cluster, Event
from atypeak_scale.store import schema
from atypeak_scale.store.build import build_store, plan_build
from atypeak_scale.store.summary import summarize
from atypeak_scale.store.tensor import from_tensor, open_store
from atypeak_scale.store.verify import verify_store

Catalogue = tuple[Path, Path]
FRAME, BIN = 3200, 10


def brute_force(peaks: Path, crms: Path) -> dict[tuple[str, int, int], dict[str, set[int]]]:
    """Return window -> source -> occupied bins, base pair by base pair, straight from SPEC 2."""
    windows = []
    for line in crms.read_text().splitlines():
        contig, start, end = line.split("\t")[:3]
        windows += [
            (contig, left, min(left + FRAME, int(end))) for left in range(int(start), int(end), FRAME)
        ]
    found: dict[tuple[str, int, int], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for line in peaks.read_text().splitlines()[1:]:
        contig, start, end, name = line.split("\t")[:4]
        for window in windows:
            if window[0] != contig:
                continue
            for position in range(max(int(start), window[1]), min(int(end), window[2])):
                bin_ = (position - (window[2] - FRAME)) // BIN
                found[window][name.rsplit(".", 1)[0]].add(bin_)
    return found


def stored(data: xr.Dataset) -> dict[tuple[str, int, int], dict[str, set[int]]]:
    contig = data["contig"].values[data["window_contig"].values]
    sources = [
        f"{data['dataset'].values[i]}.{data['tr'].values[j]}"
        for i, j in zip(data["source_dataset"].values, data["source_tr"].values, strict=True)
    ]
    occupancy = data["occupancy"].values
    return {
        (str(contig[w]), int(data["window_start"][w]), int(data["window_end"][w])): {
            source: set(np.flatnonzero(occupancy[w, :, s]).tolist())
            for s, source in enumerate(sources)
            if occupancy[w, :, s].any()
        }
        for w in range(data.sizes["window"])
    }


def tree(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_build__occupancy_equals_brute_force(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    data = open_store(tmp_path / "s.zarr").data.load()
    assert stored(data) == brute_force(*catalogue)


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
        windows = [w for w in expected if w[0] == contig and max(int(start), w[1]) < min(int(end), w[2])]
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
    assert result.peaks_outside == len(lines) - overlapping
    assert data.sizes["peak"] == sum(len(_windows_of(expected, line)) for line in lines)


def _name(data: xr.Dataset, peak: int) -> str:
    source = int(data["catalogue_source"][peak])
    dataset = data["dataset"].values[int(data["source_dataset"][source])]
    return f"{dataset}.{data['tr'].values[int(data['source_tr'][source])]}.cell"


def _windows_of(expected: dict[tuple[str, int, int], object], line: tuple[str, ...]) -> list[object]:
    contig, start, end = line[:3]
    return [w for w in expected if w[0] == contig and max(int(start), w[1]) < min(int(end), w[2])]


def test_build__sources_of_each_crm(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    data = open_store(tmp_path / "s.zarr").data.load()
    of_crm: dict[int, set[int]] = defaultdict(set)
    for window, source in zip(data["peak_window"].values, data["peak_source"].values, strict=True):
        of_crm[int(data["crm"][window])].add(int(source))
    assert [len(of_crm[crm]) for crm in data["crm"].values.tolist()] == data["crm_sources"].values.tolist()
    lines = catalogue[1].read_text().splitlines()
    for crm, start, end in zip(
        data["crm"].values, data["crm_start"].values, data["crm_end"].values, strict=True
    ):
        assert lines[crm].split("\t")[1:3] == [str(start), str(end)]


def test_build__tensor_is_lazy_labelled_and_round_trips(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    opened = open_store(tmp_path / "s.zarr")
    assert opened.tensor.dims == ("window", "bin", "dataset", "tr")
    assert opened.tensor.chunks is not None
    assert opened.tensor["dataset"].values.tolist() == ["d1", "d2", "d3"]
    assert opened.tensor.sel(dataset="d2", tr="x").sum() == 0  # no such source
    one = opened.data["occupancy"].isel(source=0)
    labels = {"dataset": int(opened.data["source_dataset"][0]), "tr": int(opened.data["source_tr"][0])}
    assert (opened.tensor.isel(labels) == one).all()
    back = from_tensor(opened.tensor, opened.data)
    assert np.array_equal(back.values, opened.data["occupancy"].values)


def test_build__plain_xarray_opens_it_without_a_warning(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = xr.open_zarr(tmp_path / "s.zarr", group="cell")
    assert set(data["occupancy"].dims) == {"window", "bin", "source"}
    assert all(variable.attrs["description"] for variable in data.variables.values())


def test_build__same_inputs_same_bytes_wherever_it_runs(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    build_store(*catalogue, tmp_path / "one.zarr", config)
    build_store(*catalogue, tmp_path / "elsewhere" / "two.zarr", config)
    assert tree(tmp_path / "one.zarr") == tree(tmp_path / "elsewhere" / "two.zarr")
    assert not list(tmp_path.glob(".*"))


def test_build__parallel_equals_serial_byte_for_byte(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    build_store(*catalogue, tmp_path / "one.zarr", config)
    build_store(*catalogue, tmp_path / "two.zarr", config, Cluster(workers=2))
    assert tree(tmp_path / "one.zarr") == tree(tmp_path / "two.zarr")


def test_build__blocks_do_not_show(
    catalogue: Catalogue, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_store(*catalogue, tmp_path / "one.zarr", config)
    monkeypatch.setattr("atypeak_scale.store.overlap.WINDOWS_PER_OVERLAP_BLOCK", 3)
    monkeypatch.setattr("atypeak_scale.store.overlap.PEAKS_AT_ONCE", 2)
    monkeypatch.setattr("atypeak_scale.catalogue.peaks.STRETCH", 5000)
    build_store(*catalogue, tmp_path / "two.zarr", config)
    assert tree(tmp_path / "one.zarr") == tree(tmp_path / "two.zarr")


def test_build__chunks_are_checksummed_and_empty_ones_are_not_written(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    group = schema.open_cell_line(tmp_path / "s.zarr", "cell")
    for name, array in group.arrays():
        assert "crc32c" in json.dumps(array.metadata.to_dict()["codecs"]), name
    chunk = next(f for f in (tmp_path / "s.zarr/cell/occupancy/c").rglob("*") if f.is_file())
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(bytes(data))
    with pytest.raises(Exception, match=r"[Cc]hecksum"):
        open_store(tmp_path / "s.zarr").data["occupancy"].load()


def test_build__a_second_cell_line_joins_the_store(
    write: Callable[[str, str], Path], config: Config, tmp_path: Path
) -> None:
    peaks = write("p.bed", "chr1\t5\t9\ta.b.cell\nchr1\t5\t9\ta.b.../../evil\n")
    crms = write("c.bed", "chr1\t0\t100\n")
    build_store(peaks, crms, tmp_path / "s.zarr", config)
    before = tree(tmp_path / "s.zarr/cell")
    build_store(peaks, crms, tmp_path / "s.zarr", config.model_copy(update={"cell_line": "../../evil"}))
    assert tree(tmp_path / "s.zarr/cell") == before
    assert sorted(schema.cell_lines(tmp_path / "s.zarr")) == ["../../evil", "cell"]
    assert open_store(tmp_path / "s.zarr", "../../evil").data.sizes["window"] == 1
    assert {f.name for f in tmp_path.iterdir()} == {"p.bed", "c.bed", "s.zarr"}
    with pytest.raises(InputError, match=r"holds 2 cell lines .*name one with --cell-line"):
        open_store(tmp_path / "s.zarr")
    with pytest.raises(InputError, match="no cell line 'cel'; the nearest known are cell"):
        open_store(tmp_path / "s.zarr", "cel")


def test_build__views_with_other_names(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    settings = config.store.model_copy(update={"views": ("model", "variable")})
    build_store(*catalogue, tmp_path / "s.zarr", config.model_copy(update={"store": settings}))
    opened = open_store(tmp_path / "s.zarr")
    assert opened.tensor.dims == ("window", "bin", "model", "variable")
    assert "source_model" in opened.data.coords


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "__x", "x y+z", "ünï", "c", "%2e"])
def test_group_name__is_one_harmless_path_component(name: str) -> None:
    quoted = schema.group_name(name)
    assert "/" not in quoted
    assert not quoted.startswith((".", "__"))


def test_group_name__differs_for_different_names() -> None:
    names = ["a/b", "a%2Fb", "..", "%2E.", "__x", "%5F_x", "a b", "a+b"]
    assert len({schema.group_name(name) for name in names}) == len(names)


def build(
    write: Callable[[str, str], Path], config: Config, peaks: str, crms: str = "chr1\t0\t100\n"
) -> None:
    build_store(
        write("p.bed", peaks), write("c.bed", crms), write("p.bed", peaks).parent / "out/s.zarr", config
    )


@pytest.mark.parametrize(
    "peaks, crms, message",
    [
        ("chr1\t5\tx\ta.b.cell\n", "chr1\t0\t100\n", r"p\.bed, line 1: end 'x'"),
        ("", "chr1\t0\t100\n", r"p\.bed: holds no intervals"),
        ("chr1\t5\t9\ta.b.cell\n", "", r"c\.bed: holds no intervals"),
        ("chr1\t5\t9\ta.b.other\n", "chr1\t0\t100\n", r"no peak of cell line 'cell'; known are other"),
        ("chr1\t200\t300\ta.b.cell\n", "chr1\t0\t100\n", r"check that both files are of one genome assembly"),
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
    with pytest.raises(InputError, match=message) as failure:
        build(write, config, peaks, crms)
    assert "\n" not in str(failure.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_build__frame_that_does_not_fit_the_kernel(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    settings = config.store.model_copy(update={"frame": 3000})
    with pytest.raises(
        InputError, match=r"frame of 300 bins .* multiple of 4 times the kernel width \(80 bins"
    ):
        build_store(*catalogue, tmp_path / "s.zarr", config.model_copy(update={"store": settings}))
    assert not (tmp_path / "s.zarr").exists()


def test_build__refuses_what_exists(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    before = tree(tmp_path / "s.zarr")
    with pytest.raises(InputError, match="already holds cell line 'cell'; remove it"):
        build_store(*catalogue, tmp_path / "s.zarr", config)
    assert tree(tmp_path / "s.zarr") == before
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder: not a store"):
        build_store(*catalogue, tmp_path / "folder", config)


def test_build__refuses_another_schema_version(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    zarr.open_group(tmp_path / "s.zarr", use_consolidated=False).attrs["schema_version"] = 99
    with pytest.raises(
        InputError, match="schema version 99, this program reads version 1; build the store again"
    ):
        open_store(tmp_path / "s.zarr")


def test_build__interrupted_leaves_nothing(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == "write windows" and event.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_store(*catalogue, tmp_path / "out/s.zarr", config, progress=interrupt)
    assert list((tmp_path / "out").iterdir()) == []


def test_build__stopped_between_two_renames_keeps_what_was_there(
    catalogue: Catalogue, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group that is replaced is out of the way for a moment: it goes back where nothing took its place."""
    store = tmp_path / "s.zarr"
    build_store(*catalogue, store, config)
    before = tree(store)
    rename = Path.rename

    def stop(source: Path, target: Path) -> Path:
        if target == store / config.cell_line and source.name == "new":
            assert not target.exists()
            raise KeyboardInterrupt
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", stop)
    with pytest.raises(KeyboardInterrupt):
        build_store(*catalogue, store, config, replace=True)
    assert tree(store) == before


def test_plan__says_what_the_build_does(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    plan = plan_build(*catalogue, config)
    result = build_store(*catalogue, tmp_path / "s.zarr", config)
    assert plan.sources == result.sources
    assert plan.selected_peaks == result.peaks + result.peaks_outside
    assert plan.windows_at_most >= result.windows
    assert plan.windows_at_most == open_store(tmp_path / "s.zarr").data.attrs["windows_in_crms"]


def test_summary__counts(catalogue: Catalogue, config: Config, tmp_path: Path) -> None:
    result = build_store(*catalogue, tmp_path / "s.zarr", config)
    (facts,) = summarize(tmp_path / "s.zarr")
    assert facts["windows"] == result.windows
    assert facts["sources"] == len(facts["peaks_of_source"]) == result.sources
    assert sum(facts["peaks_of_source"].values()) == facts["peaks"] == result.peaks


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


@pytest.mark.parametrize("cell_line", ["zarr.json", "..", ".hidden", "__x", "a/b", "c" * 400, "é" * 200])
def test_build__any_cell_line_is_a_group_of_its_own(config: Config, tmp_path: Path, cell_line: str) -> None:
    (tmp_path / "p.bed").write_text(f"chr1\t5\t9\ta.b.{cell_line}\n")
    (tmp_path / "c.bed").write_text("chr1\t0\t100\n")
    store = tmp_path / "out" / "s.zarr"
    settings = config.model_copy(update={"cell_line": cell_line})
    build_store(tmp_path / "p.bed", tmp_path / "c.bed", store, settings)
    assert list(schema.cell_lines(store)) == [cell_line]
    assert sorted(file.name for file in store.parent.iterdir()) == ["s.zarr"]
    with pytest.raises(InputError, match="already holds cell line"):
        build_store(tmp_path / "p.bed", tmp_path / "c.bed", store, settings)
    build_store(tmp_path / "p.bed", tmp_path / "c.bed", store, settings, replace=True)
    assert list(schema.cell_lines(store)) == [cell_line]


def test_cell_lines__a_hidden_group_is_none(config: Config, tmp_path: Path) -> None:
    (tmp_path / "p.bed").write_text("chr1\t5\t9\ta.b.cell\n")
    (tmp_path / "c.bed").write_text("chr1\t0\t100\n")
    store = tmp_path / "s.zarr"
    build_store(tmp_path / "p.bed", tmp_path / "c.bed", store, config)
    assert schema.cell_lines(store) == {"cell": "cell"}
    (store / "cell").rename(store / ".cell.outdated")
    assert schema.cell_lines(store) == {}


def test_build__two_standard_inputs_are_refused(config: Config, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot both be standard input"):
        build_store("-", "-", tmp_path / "s.zarr", config)


def test_build__view_names_that_hold_other_names(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    views = config.store.model_copy(update={"views": ("preview1", "view")})
    build_store(*catalogue, tmp_path / "s.zarr", config.model_copy(update={"store": views}))
    data = open_store(tmp_path / "s.zarr").data
    assert {"preview1", "view", "source_preview1", "source_view"} <= set(data.variables)
    assert verify_store(tmp_path / "s.zarr").damages == []


def test_read_elements__in_any_order_across_chunks(
    catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    group = schema.open_cell_line(tmp_path / "s.zarr", None)
    whole = schema.read_array(group, "peak_first_bin")
    assert len(whole) > 5 * schema.array(group, "peak_first_bin").chunks[0]
    index = np.random.default_rng(1).integers(len(whole), size=300)
    assert np.array_equal(schema.read_elements(group, "peak_first_bin", index), whole[index])
    assert schema.read_elements(group, "peak_first_bin", index[:0]).shape == (0,)
