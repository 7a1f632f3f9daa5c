"""What a cell line holds, against loops over the labelled 4-D view."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from conftest import random_catalogue
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atypeak_scale.assess.correlation import pearson
from atypeak_scale.assess.description.statistics import statistics
from atypeak_scale.config import Config, StoreSettings
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.registry.results import STATISTICS
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store

Cells = dict[str, dict[str, set[tuple[int, int]]]]


def with_store(config: Config, **settings: object) -> Config:
    store = StoreSettings(**{**config.store.model_dump(), **settings})  # type: ignore[arg-type]
    return config.model_copy(update={"store": store})


def occupied_cells(cell_line: CellLine, views: tuple[str, str]) -> tuple[Cells, np.ndarray]:
    """Return, for each source and label, the (window, bin) that it occupies, and the tensor."""
    tensor = cell_line.tensor
    values = tensor.to_numpy()
    cells: Cells = {of: {} for of in ("source", *views)}
    for window, bin_, i, j in np.argwhere(values).tolist():
        one, other = str(tensor[views[0]].values[i]), str(tensor[views[1]].values[j])
        for of, label in (("source", f"{one}.{other}"), (views[0], one), (views[1], other)):
            cells[of].setdefault(label, set()).add((window, bin_))
    return cells, values


@pytest.mark.parametrize(
    "seed, views", [(0, ("dataset", "tr")), (1, ("model", "variable")), (2, ("tr", "dataset"))]
)
def test_statistics__equal_brute_force(
    config: Config, tmp_path: Path, seed: int, views: tuple[str, str]
) -> None:
    peaks, crms = random_catalogue(tmp_path, seed, crms=12)
    # Three chunks to a block and more than one block; bins of 20 bp.
    config = with_store(config, views=views, windows_per_chunk=1, bin=20, frame=1600)
    build_store(peaks, crms, tmp_path / "s.zarr", config)
    cell_line = open_store(tmp_path / "s.zarr")
    found = statistics(cell_line)
    cells, tensor = occupied_cells(cell_line, views)
    windows, bins, m, n = tensor.shape
    assert windows > 8
    assert (found.attrs["windows"], found.attrs["bp_per_bin"], found.sizes["bin"]) == (windows, 20, 80)
    for i, j in itertools.product(range(m), range(n)):
        assert float(found["mean_crm"][i, j]) == pytest.approx(tensor[:, :, i, j].sum() / (windows * bins))
    for source, own in cells["source"].items():
        per_bin = Counter(bin_ for _, bin_ in own)
        expected = [per_bin[x] / windows for x in range(bins)]
        np.testing.assert_allclose(found["mean_occupancy"].sel(source=source), expected)
        number = found["source"].values.tolist().index(source)
        labels = [str(found[view].values[found[f"source_{view}"].values[number]]) for view in views]
        assert ".".join(labels) == source
    for of in ("source", *views):
        assert found[of].values.tolist() == found[f"other_{of}"].values.tolist() == sorted(cells[of])
        for label, own in cells[of].items():
            assert int(found[f"bp_{of}"].sel({of: label})) == 20 * len(own)
        for one, other in itertools.product(cells[of], repeat=2):
            at = {of: one, f"other_{of}": other}
            sums = [summed(found, tensor, of, label, views) for label in (one, other)]
            correlation = np.corrcoef(*sums)[0, 1]
            assert float(found[f"correlation_{of}"].sel(at)) == pytest.approx(correlation, abs=1e-12)
            if of != "source":
                a, b = cells[of][one], cells[of][other]
                assert float(found[f"jaccard_{of}"].sel(at)) == pytest.approx(len(a & b) / len(a | b))
    assert {str(name): array.attrs["description"] for name, array in found.data_vars.items()} == (
        STATISTICS.named(views).variables
    )


def summed(found: xr.Dataset, tensor: np.ndarray, of: str, label: str, views: tuple[str, str]) -> np.ndarray:
    """Return, for each (window, bin), how many sources of the label occupy it."""
    number = found[of].values.tolist().index(label)
    if of == "source":
        i, j = (found[f"source_{view}"].values[number] for view in views)
        return tensor[:, :, i, j].ravel().astype(float)
    axis = 2 + views.index(of)
    return tensor.take(number, axis=axis).sum(axis=2).ravel().astype(float)


def test_statistics__count_the_peaks_of_the_files(
    catalogue: tuple[Path, Path], config: Config, tmp_path: Path
) -> None:
    peaks, crms = catalogue
    build_store(peaks, crms, tmp_path / "s.zarr", config)
    regions = [line.split("\t")[:3] for line in crms.read_text().splitlines()]
    names = []
    for line in peaks.read_text().splitlines()[1:]:
        contig, start, end, name = line.split("\t")[:4]
        if any(contig == c and int(start) < int(b) and int(a) < int(end) for c, a, b in regions):
            names.append(name.split("."))
    found = statistics(open_store(tmp_path / "s.zarr"))
    for of, expected in (
        ("source", Counter(f"{dataset}.{tr}" for dataset, tr, _ in names)),
        ("dataset", Counter(dataset for dataset, _, _ in names)),
        ("tr", Counter(tr for _, tr, _ in names)),
    ):
        counts = dict(zip(found[of].values.tolist(), found[f"peaks_{of}"].values.tolist(), strict=True))
        assert counts == expected


def test_statistics__on_two_workers_are_the_same(
    catalogue: tuple[Path, Path], config: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", with_store(config, windows_per_chunk=1))
    cell_line = open_store(tmp_path / "s.zarr")
    xr.testing.assert_identical(statistics(cell_line), statistics(cell_line, two_workers))


def test_statistics__need_a_cell_line_that_is_there(
    catalogue: tuple[Path, Path], config: Config, tmp_path: Path
) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    with pytest.raises(InputError, match="has no cell line 'hela'"):
        statistics(open_store(tmp_path / "s.zarr", "hela"))


@given(arrays(np.int64, st.tuples(st.integers(1, 12), st.just(3)), elements=st.integers(0, 3)))
def test_pearson__equals_numpy_and_is_nan_without_spread(values: np.ndarray) -> None:
    found = pearson(values.T @ values, values.sum(axis=0), len(values))
    for i, j in itertools.product(range(3), repeat=2):
        one, other = values[:, i], values[:, j]
        if not np.ptp(one) or not np.ptp(other):
            assert np.isnan(found[i, j])
        else:
            assert found[i, j] == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-12)
            assert abs(found[i, j]) <= 1


def test_pearson__of_more_cells_than_float64_counts() -> None:
    """One cell of 10^18 that is empty in both: the correlation is 1, the variance 10^-18 of the sum."""
    cells = 10**18
    together = np.full((2, 2), cells - 1)
    np.testing.assert_allclose(pearson(together, np.full(2, cells - 1), cells), 1)
