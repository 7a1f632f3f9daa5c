"""Windows and overlaps of the real data, against known counts and bedtools (method, sections 1 and 2)."""

import lzma
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.store.cell_line import CellLine


def test_store__counts_of_hela(hela: CellLine) -> None:
    data = hela.data
    assert data.attrs["windows_in_crms"] == 107_867
    assert data.sizes["window"] == 38_159
    assert data.sizes["peak"] == 149_245
    assert data.sizes["catalogue_peak"] == 143_361
    assert (data.sizes["dataset"], data.sizes["tr"], data.sizes["source"]) == (9, 13, 15)


def test_store__rows_are_those_of_bedtools(shared: Path, hela: CellLine, tmp_path: Path) -> None:
    if shutil.which("bedtools") is None:
        pytest.skip("bedtools is not installed")
    for name in ("crm.bed", "hela.published-raw.bed"):
        with lzma.open(shared / f"data/{name}.xz", "rt") as packed:
            lines = [line for line in packed if not line.startswith("track")]
        (tmp_path / name).write_text("".join(lines))
    windows = subprocess.run(
        ["bedtools", "makewindows", "-w", "3200", "-b", tmp_path / "crm.bed"], capture_output=True, check=True
    )
    (tmp_path / "windows.bed").write_bytes(windows.stdout)
    files = "-a", tmp_path / "windows.bed", "-b", tmp_path / "hela.published-raw.bed"
    pairs = subprocess.run(
        ["bedtools", "intersect", "-wa", "-wb", *files],
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    expected = sorted(tuple(line.split("\t")[:7]) for line in pairs.stdout.splitlines())

    data = hela.data.load()
    window, peak = data["peak_window"].to_numpy(), data["peak_catalogue"].to_numpy()
    contig = data["contig"].to_numpy().astype(object)
    names = np.array(
        [
            f"{data['dataset'].values[i]}.{data['tr'].values[j]}.hela"
            for i, j in zip(data["source_dataset"].values, data["source_tr"].values, strict=True)
        ]
    )
    columns = (
        contig[data["window_contig"].to_numpy()[window]],
        data["window_start"].to_numpy()[window].astype(str),
        data["window_end"].to_numpy()[window].astype(str),
        contig[data["catalogue_contig"].to_numpy()[peak]],
        data["catalogue_start"].to_numpy()[peak].astype(str),
        data["catalogue_end"].to_numpy()[peak].astype(str),
        names[data["catalogue_source"].to_numpy()[peak]],
    )
    assert sorted(zip(*map(np.ndarray.tolist, columns), strict=True)) == expected


def test_store__occupancy_is_that_of_the_reference_sample(
    shared: Path, hela: CellLine, reference_windows: np.ndarray
) -> None:
    with np.load(shared / "reference/hela_sample_windows.npz") as sample:
        shape = sample["shape"]
        reference = np.unpackbits(sample["packed"], axis=1, count=int(np.prod(shape[1:]))).reshape(shape)
        assert sample["datasets"].tolist() == list(hela.labels[0])
        assert sample["tfs"].tolist() == list(hela.labels[1])
    tensor = hela.tensor.isel(window=np.sort(reference_windows)).to_numpy()
    assert np.array_equal(tensor[np.argsort(np.argsort(reference_windows))], reference.astype(bool))
