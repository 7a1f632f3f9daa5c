"""Ur-examples against an ascent of one unit at a time, written from the text of the method, section 7.2."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import xarray as xr
from scipy.ndimage import gaussian_filter

from atypeak_scale.assess.interpretation import ur_examples as stage
from atypeak_scale.assess.interpretation.ur_examples import Ascent, first_noise, units_at_once, ur_examples
from atypeak_scale.assess.results import load
from atypeak_scale.config import Config, load_config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.provenance import MADE_FROM
from atypeak_scale.registry.results import UR_EXAMPLES
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store

UNITS, DEAD = 8, 3
LABELS = (("d3", "d1", "d2"), ("z", "x", "y"))


@pytest.fixture
def scores(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> Scores:
    """Return the scores of an untrained model of 8 units, one of them dead, with labels in another order."""
    build_store(*catalogue, tmp_path / "s.zarr", config)
    network = build_autoencoder(320, 3, 3, config.model, seed=4)
    encoded = network.get_layer("encoded")
    bias = np.full(UNITS, 0.5, np.float32)
    bias[DEAD] = -1e6
    encoded.bias.assign(bias)
    folder = save_model(TrainedModel(network, LABELS, config), tmp_path / "model")
    return open_scores(open_store(tmp_path / "s.zarr"), folder)


def by_hand(model: TrainedModel, unit: int, window: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Climb with one unit, step by step; returns its ur-example and its activation before and after."""
    network = model.network
    encoder = tf.keras.Model(network.input, network.get_layer("encoded").output)

    @tf.function
    def activation(x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(encoder(x[None], training=False)[0, :, unit])

    @tf.function
    def gradient_at(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = activation(x)
        return tape.gradient(value, x)

    before = float(activation(tf.constant(window)))
    for step in range(1, 51):
        gradient = gradient_at(tf.constant(window)).numpy()
        size = np.sqrt(np.mean(np.square(gradient)))
        if size > 0:
            window = window + 1.0 * gradient / size
        if step % 5 == 0:
            window = gaussian_filter(window, (0.2, 0.01, 0.01))
    return window, before, float(activation(tf.constant(window)))


def test_ascent__equals_one_unit_at_a_time(scores: Scores) -> None:
    model = load_model(scores.model)
    windows, before, after = Ascent(model)(range(UNITS), seed=7)
    assert windows.dtype == np.float32
    assert np.isfinite(windows).all()
    for unit in range(UNITS):
        noise = first_noise(7, unit, (320, 3, 3))
        expected, *activations = by_hand(model, unit, noise)
        np.testing.assert_allclose(windows[unit], expected, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose([before[unit], after[unit]], activations, rtol=1e-4)
    alive = np.arange(UNITS) != DEAD
    assert (after[alive] > 2 * before[alive]).all()
    assert after[DEAD] == before[DEAD] == 0
    # Nothing moves it, so it is its noise, blurred ten times.
    still = first_noise(7, DEAD, (320, 3, 3))
    for _ in range(10):
        still = gaussian_filter(still, (0.2, 0.01, 0.01))
    np.testing.assert_allclose(windows[DEAD], still, atol=1e-6)


def test_noise__is_uniform_and_each_units_own() -> None:
    one, two = (first_noise(1, unit, (320, 3, 3)) for unit in (0, 1))
    assert 0 <= one.min() < 0.01
    assert 0.99 < one.max() < 1
    assert abs(one.mean() - 0.5) < 0.03
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.1
    np.testing.assert_array_equal(one, first_noise(1, 0, (320, 3, 3)))
    assert (first_noise(2, 0, (320, 3, 3)) != one).any()


def test_store__has_them_in_its_own_order(scores: Scores) -> None:
    found = ur_examples(scores, seed=7)
    windows, before, after = Ascent(load_model(scores.model))(range(UNITS), seed=7)
    assert found["ur_example"].dims == ("unit", "bin", "dataset", "tr")
    assert found["ur_example"].shape == (UNITS, 320, 3, 3)
    assert found["ur_example"].dtype == np.float32
    expected = xr.DataArray(windows, dims=("unit", "bin", "dataset", "tr"),
                            coords={"dataset": list(LABELS[0]), "tr": list(LABELS[1])})  # fmt: skip
    expected = expected.sel(dataset=["d1", "d2", "d3"], tr=["x", "y", "z"])
    np.testing.assert_allclose(found["ur_example"], expected, atol=1e-3)
    np.testing.assert_allclose(found["mean"], expected.mean("bin"), atol=1e-3)
    np.testing.assert_allclose(found["activation_before"], before, rtol=1e-4)
    np.testing.assert_allclose(found["activation"], after, rtol=1e-4)
    assert found["dataset"].to_numpy().tolist() == ["d1", "d2", "d3"]
    assert found.attrs == {"seed": 7, "complete": True}
    assert all(found[name].attrs["description"] for name in found.data_vars)


@pytest.mark.parametrize("units", [1, 3])
def test_store__does_not_depend_on_the_size_of_blocks(
    scores: Scores, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ur_examples(scores).load()
    monkeypatch.setattr(stage, "units_at_once", lambda *sizes: units)
    xr.testing.assert_allclose(ur_examples(scores), whole, rtol=1e-3, atol=1e-3)


def test_store__is_the_same_from_workers(scores: Scores, two_workers: DaskExecutor) -> None:
    here = ur_examples(scores).load()
    elsewhere = ur_examples(scores, executor=two_workers)
    xr.testing.assert_allclose(elsewhere, here, rtol=1e-3, atol=1e-3)


def test_progress__is_told_within_a_task(scores: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Event] = []
    monkeypatch.setattr(stage, "SECONDS_BETWEEN_EVENTS", 0.0)
    ur_examples(scores, executor=InProcess(heard.append))
    assert [(e.done, e.total) for e in heard if e.stage == "climb"] == [(n, 10) for n in range(1, 11)]
    assert [(e.done, e.total) for e in heard if e.stage == "ur-examples"] == [(0, 1), (1, 1)]


def test_units_at_once__bounds_bytes() -> None:
    k562 = units_at_once(load_config("k562"), 320, 67, 20)
    assert 1 <= k562 < 50
    assert units_at_once(load_config("k562"), 320, 5000, 1000) == 1
    assert units_at_once(load_config("artificial"), 320, 8, 8) > 64


def test_table__has_the_strongest_cells_of_each_unit(scores: Scores, tmp_path: Path) -> None:
    found = ur_examples(scores, out=tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/strongest.tsv", sep="\t")
    sources = {("d1", "x"), ("d1", "y"), ("d2", "y"), ("d3", "x"), ("d3", "z")}
    for unit, rows in table.groupby("unit"):
        window = found["ur_example"].sel(unit=unit).mean("bin").stack(cell=("dataset", "tr"))
        strongest = window.sortby(-window)
        assert rows["rank"].tolist() == list(range(1, 10))
        np.testing.assert_allclose(rows["value"], strongest, rtol=1e-5)
        cells = list(zip(rows["dataset"], rows["tr"], strict=True))
        assert cells == strongest["cell"].to_numpy().tolist()
        assert rows["observed"].tolist() == [cell in sources for cell in cells]
        np.testing.assert_allclose(rows["activation"], found["activation"].sel(unit=unit), rtol=1e-5)
    assert table["unit"].unique().tolist() == list(range(UNITS))
    made_from = json.loads((tmp_path / "out" / MADE_FROM).read_text())
    assert made_from["seed"] == 1
    assert made_from["scores"]["model_fingerprint"] == scores.fingerprint


def test_stopped__nothing_is_read(scores: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    ur_examples(scores)
    monkeypatch.setattr(stage, "_climb", fail)
    with pytest.raises(KeyboardInterrupt):
        ur_examples(scores)
    with pytest.raises(InputError, match="has no ur_examples"):
        load(scores, UR_EXAMPLES)
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="exists; remove it or name another folder"):
        ur_examples(scores, out=tmp_path / "out")
