"""Intervals that are no peaks: weather that several models forecast, on axes of time.

A year is a contig and its minutes are the positions. A storm is a region; the models forecast its rain, wind
and low pressure at about the same time, and now and then one of them forecasts something alone.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from atypeak_scale.store.cell_line import open_store
from tests.cli.helpers import (
    invoke,
)

pytestmark = pytest.mark.slow  # a whole run

MODELS, VARIABLES = ("arpege", "ecmwf", "gfs"), ("pressure", "rain", "wind")
CONFIG = """
cell_line: brest
store: {views: [model, variable], min_crm_peaks: 0, windows_per_chunk: 32, rows_per_block: 128}
model: {filters: 8, deep_dimension: 12}
training: {learning_rate: 0.003, crumbs: 0.0, batch_windows: 16, batches_per_epoch: 12, max_epochs: 12}
normalization: {sample: all}
support: {filters: 8, deep_dimension: 12, epochs: 4, batches_per_epoch: 12}
chance: {placements: 500}
"""


def forecasts(seed: int, storms: int) -> tuple[list[str], list[str], set[str]]:
    """Return lines of intervals, lines of storms, and those of the intervals that are forecast alone."""
    rng = np.random.default_rng(seed)
    lines, regions, alone = [], [], set()
    for year in (2020, 2021):
        start = 600
        for _ in range(storms // 2):
            end = start + int(rng.integers(1500, 5000))
            regions.append(f"{year}\t{start}\t{end}\n")
            heart = int(rng.integers(start + 300, end - 300))
            for model in MODELS:
                for variable in VARIABLES:
                    if rng.random() < 0.85:
                        left, length = heart + int(rng.integers(-60, 60)), int(rng.integers(200, 400))
                        lines.append(f"{year}\t{left - length}\t{left + length}\t{model}.{variable}.brest\n")
            if rng.random() < 0.4:
                model, variable = rng.choice(MODELS), rng.choice(VARIABLES)
                left = int(rng.integers(start, end - 200))
                if abs(left - heart) > 700:
                    lines.append(f"{year}\t{left}\t{left + 150}\t{model}.{variable}.brest\n")
                    alone.add(lines[-1])
            start = end + int(rng.integers(500, 4000))
    return lines, regions, alone


@pytest.fixture(scope="session")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every stage, then the tables of storms; once for all tests."""
    folder = tmp_path_factory.mktemp("weather")
    lines, regions, _ = forecasts(1, 200)
    newer, _, _ = forecasts(2, 200)
    for name, text in (
        ("forecasts.bed", "".join(lines)),
        ("storms.bed", "".join(regions)),
        ("newer.bed", "".join(lines[::2] + newer)),
        ("weather.yaml", CONFIG),
    ):
        (folder / name).write_text(text)
    invoke("run", folder / "weather.yaml", "--workdir", folder / "w", "--peaks", folder / "forecasts.bed",
           "--crms", folder / "storms.bed")  # fmt: skip
    invoke("crms", folder / "w/store.zarr", "--model", folder / "w/model", "--out", folder / "crms")
    invoke("compare-releases", folder / "w/scores", folder / "newer.bed", folder / "storms.bed", "--out",
           folder / "compared")  # fmt: skip
    return folder


def inside(lines: list[str], storm: list[str]) -> list[str]:
    """Return the forecasts that share a minute with a storm."""
    found = []
    for line in lines:
        year, start, end, _ = line.split("\t")
        if year == storm[0] and int(start) < int(storm[2]) and int(storm[1]) < int(end):
            found.append(line)
    return found


def test_other_data__the_store_has_the_names_of_the_views(weather: Path) -> None:
    data = xr.open_zarr(weather / "w/store.zarr", group="brest")
    assert data["model"].values.tolist() == list(MODELS)
    assert data["variable"].values.tolist() == list(VARIABLES)
    assert open_store(weather / "w/store.zarr").tensor.dims == ("window", "bin", "model", "variable")
    assert not {name for name in data.variables if "dataset" in str(name) or str(name).endswith("tr")}


def test_other_data__tables_have_the_names_of_the_views(weather: Path) -> None:
    columns = {
        name: pd.read_parquet(weather / f"{name}.parquet").columns.tolist()
        for name in ("w/scores/peaks", "crms/crms", "compared/crms", "compared/pairs")
    }
    assert columns["w/scores/peaks"][4:6] == ["model", "variable"]
    assert columns["crms/crms"] == [
        "contig", "start", "end", "crm", "peaks", "variables", "mean", "max", "sum", "share_below", "rank"
    ]  # fmt: skip
    assert columns["compared/pairs"][:5] == ["contig", "start", "end", "crm", "variable"]
    weights = pd.read_csv(weather / "w/scores/weights.tsv", sep="\t")
    assert weights.columns[:2].tolist() == ["model", "variable"]
    assert len(weights) == 9
    labels = pd.read_csv(weather / "w/scores/labels.tsv", sep="\t")
    assert labels.columns[0] == "variable"
    summary = pd.read_csv(weather / "compared/summary.tsv", sep="\t", keep_default_na=False)
    assert summary["unit"].tolist() == ["crm", *["crm_variable"] * 4]
    assert summary["label"].tolist() == ["", "", *VARIABLES]
    everywhere = {name for names in columns.values() for name in names} | {*weights, *labels, *summary}
    assert not everywhere & {"dataset", "datasets", "tr", "trs"}


def test_other_data__intervals_forecast_alone_score_low(weather: Path) -> None:
    lines, _, alone = forecasts(1, 200)
    peaks = pd.read_parquet(weather / "w/scores/peaks.parquet")
    line = [
        f"{p.contig}\t{p.start}\t{p.end}\t{p.name}\n"
        for p in peaks[["contig", "start", "end", "name"]].itertuples(index=False)
    ]
    assert sorted(line) == sorted(lines)
    is_alone = np.array([text in alone for text in line])
    assert 20 < is_alone.sum() < 100
    assert peaks["final"][is_alone].median() < 375
    assert peaks["final"][~is_alone].median() > 700


def test_other_data__storms_are_counted_and_ranked(weather: Path) -> None:
    lines, regions, _ = forecasts(1, 200)
    storms = [region.split("\t") for region in regions]
    table = pd.read_parquet(weather / "crms/crms.parquet").set_index("crm")
    expected = {number: inside(lines, storm) for number, storm in enumerate(storms)}
    assert table["peaks"].to_dict() == {number: len(found) for number, found in expected.items()}
    variables = {
        number: len({f.split("\t")[3].split(".")[1] for f in found}) for number, found in expected.items()
    }
    assert table["variables"].to_dict() == variables
    bed = [line.split("\t") for line in (weather / "crms/crms.bed").read_text().splitlines()]
    assert [row[:3] for row in bed] == [[s.strip() for s in storm] for storm in storms]
    assert [row[3] for row in bed] == [f"rank-{rank}" for rank in table.loc[range(len(storms)), "rank"]]


def test_other_data__newer_forecasts_are_counted(weather: Path) -> None:
    newer = (weather / "newer.bed").read_text().splitlines(keepends=True)
    _, regions, _ = forecasts(1, 200)
    table = pd.read_parquet(weather / "compared/crms.parquet").set_index("crm")
    expected = {number: len(inside(newer, region.split("\t"))) for number, region in enumerate(regions)}
    assert table["new_peaks"].to_dict() == expected
    assert max(expected.values()) > 9
