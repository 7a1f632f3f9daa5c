"""A store with sources that the model does not know: the others are scored as if these were not there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import random_catalogue
from scoring.by_hand import DATASETS, TRS, save_untrained

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.model.description import knows
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.export import export
from atypeak_scale.scoring.export.bed import FINAL_BED_FILE, RAW_BED_FILE
from atypeak_scale.scoring.known import scored_peaks
from atypeak_scale.scoring.normalize import UNKNOWN_SOURCE, normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete, plan_score, score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.verify import verify

NEW = ["c9.x", "d1.q", "d9.x"]  # an unknown dataset, which comes first; an unknown TR; an unknown dataset
PLACE = ["contig", "start", "end", "name"]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, support_config: Config) -> Path:
    """Make `old.zarr`, and `new.zarr` with three sources more."""
    folder = tmp_path_factory.mktemp("known")
    peaks, crms = random_catalogue(folder / "catalogue")
    lines = [line for line in peaks.read_text().splitlines() if not line.startswith("track")]
    rng = np.random.default_rng(7)
    with (folder / "more.bed").open("w") as out:
        for line in lines:
            contig, start, *_ = line.split("\t")
            left = max(0, int(start) + int(rng.integers(-3000, 3000)))
            out.write(f"{contig}\t{left}\t{left + 200}\t{rng.choice(NEW)}.cell\n")
    for name in ("old", "new"):
        build_store(peaks, crms, folder / f"{name}.zarr", support_config)
    build_store(folder / "more.bed", crms, folder / "new.zarr", support_config, append=True)
    return folder


@pytest.fixture
def lines(stores: Path) -> tuple[CellLine, CellLine]:
    """Return the store that the model knows, and that with more sources."""
    return open_store(stores / "old.zarr"), open_store(stores / "new.zarr")


def table(scores: Scores) -> pd.DataFrame:
    """Return all peaks, sorted."""
    data: xr.Dataset = scores.peaks.load()
    found = data.to_dataframe().reset_index(drop=True)
    found["source"] = found["dataset"].astype(str) + "." + found["tr"].astype(str)
    return found.sort_values(["contig", "start", "end", "source"]).reset_index(drop=True)


def test_known__article(
    lines: tuple[CellLine, CellLine], config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = save_untrained(tmp_path / "model", config)
    scores = [
        normalize(score(line, model, results=tmp_path / f"{number}.zarr"), config.normalization)
        for number, line in enumerate(lines)
    ]
    told = "model does not know 3 of the 8 sources (c9.x, d1.q, d9.x): their peaks get no score"
    assert told in caplog.text
    assert scores[1].is_scored()
    assert plan_score(scores[1]).blocks_done == plan_score(scores[1]).blocks
    old, new = map(table, scores)
    is_new = new["source"].isin(NEW)
    assert is_new.sum() > 100
    assert scored_peaks(scores[1]) == len(old)
    assert not verify(lines[1].store, tmp_path / "1.zarr").damages
    columns = ["raw", "k_normalized", "final"]
    assert new.loc[is_new, columns].isna().all(axis=None)
    pd.testing.assert_frame_equal(
        new.loc[~is_new, columns].reset_index(drop=True), old[columns], rtol=2e-5, check_exact=False
    )
    flags = zip(map(source_name, lines[1].sources), scores[1].read(v.WEIGHT_FLAG), strict=True)
    assert {name for name, flag in flags if flag == UNKNOWN_SOURCE} == set(NEW)
    folder = export(scores[1], tmp_path / "exported").folder
    for name in (FINAL_BED_FILE, RAW_BED_FILE):
        assert len((folder / name).read_text().splitlines()) == len(old)
    raw = scores[1].read(v.RAW)
    raw[np.flatnonzero(~np.isnan(raw))[0]] = np.nan
    scores[1].write(v.RAW, 0, raw)
    (damage,) = verify(lines[1].store, tmp_path / "1.zarr").damages
    assert "raw, chunk 0: lost" in damage


def test_known__every_block_once_and_damaged_ones_again(
    lines: tuple[CellLine, CellLine], config: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    model = save_untrained(tmp_path / "model", config)
    scores = score(lines[1], model, results=tmp_path / "r.zarr", executor=two_workers)
    assert scores.missing() == []
    block = lines[1].blocks("rows")[1]
    before = scores.read(v.REBUILT_SCORE)
    scores.write(v.REBUILT_SCORE, block.start, np.full(block.stop - block.start, np.nan, np.float32))
    again = open_scores(lines[1], model, results=tmp_path / "r.zarr")
    assert again.missing() == [block]
    complete(again)
    np.testing.assert_array_equal(again.read(v.REBUILT_SCORE), before)


def test_known__support(
    lines: tuple[CellLine, CellLine], support_config: Config, tmp_path: Path,
) -> None:  # fmt: skip
    model = save_untrained(tmp_path / "model", support_config)
    scores = [score(line, model, results=tmp_path / f"{n}.zarr") for n, line in enumerate(lines)]
    old, new = map(table, scores)
    is_new = new["source"].isin(NEW)
    np.testing.assert_allclose(new.loc[~is_new, "network"], old["network"], rtol=1e-4, atol=1e-5)
    assert new.loc[is_new, ["network", "support", "p_random", "q_random", "doubt"]].isna().all(axis=None)
    assert new["regression"].notna().all()  # of the store, not of the model
    assert new.loc[~is_new, "p_random"].between(0, 1).all()
    verdicts = dict(zip(map(source_name, lines[1].sources), scores[1].read(v.VERDICT), strict=True))
    assert {name for name, verdict in verdicts.items() if verdict == "unknown"} == set(NEW)
    assert scores[1].is_complete
    assert scores[1].missing() == []
    assert not verify(lines[1].store, tmp_path / "1.zarr").damages
    complete(scores[1])
    assert scores[1].is_complete
    export(scores[1], tmp_path / "exported")


def test_known__other_work_refuses(lines: tuple[CellLine, CellLine], config: Config, tmp_path: Path) -> None:
    scores = open_scores(lines[1], save_untrained(tmp_path / "model", config))
    with pytest.raises(InputError, match=r"new\.zarr: model does not know 3 of its 8 sources \(c9\.x, d1\.q"):
        scores.engine()


def test_known__by_cells_if_the_model_rebuilds_only_these(config: Config, tmp_path: Path) -> None:
    cells = [0, 4]  # d1.x, d2.y
    network = build_autoencoder(320, 3, 3, config.model, seed=1, cells=cells)
    folder = save_model(TrainedModel(network, (DATASETS, TRS), config), tmp_path / "m")
    assert load_model(folder).network.get_layer("sources").cells is not None
    build_store(*random_catalogue(tmp_path / "catalogue"), tmp_path / "s.zarr", config)
    line = open_store(tmp_path / "s.zarr")
    found = score(line, folder)
    known = [source_name(source) for source, one in zip(line.sources, found.known.mask, strict=True) if one]
    assert known == ["d1.x", "d2.y"]
    source = line.peaks(0, line.peak_count).source
    np.testing.assert_array_equal(np.isnan(found.read(v.RAW)), ~found.known.mask[source])
    assert not knows({"views": {"dataset": DATASETS, "tr": TRS}, "cells": cells}, ("d3", "z"))
