"""The engine against the article's dense network, at HeLa and K562 sizes, without crumbs."""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from atypeak_scale import build_store, load_config, open_store
from atypeak_scale.config import Config
from atypeak_scale.model.files import TrainedModel
from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.model.inference.receptive_fields import runs_of
from atypeak_scale.model.network import weight_arrays
from atypeak_scale.store.cell_line import CellLine
from benchmarks.article import article_model
from benchmarks.harness import SHARED, Row, interleaved, matrix_product_rate
from benchmarks.shapes import k562_config, k562_shaped_store, random_model

REPEATS = 3
PASSES = 2
DENSE_BATCHES = (1, 8, 16)


def rows() -> list[Row]:
    """Milliseconds a window of each precision against the dense network's at its best batch size."""
    rate = matrix_product_rate()
    result = []
    with tempfile.TemporaryDirectory() as name:
        cases: list[tuple[str, CellLine, Config]] = [
            ("K562 sizes", k562_shaped_store(Path(name), windows=3000), k562_config())
        ]
        if SHARED.is_dir():
            files = SHARED / "data/hela.published-raw.bed.xz", SHARED / "data/crm.bed.xz"
            build_store(*files, Path(name) / "hela.zarr", load_config("hela"))
            cases.append(("HeLa", open_store(Path(name) / "hela.zarr"), load_config("hela")))
        for label, cell_line, config in cases:
            result += _compare(label, cell_line, config, rate)
    return result


def _compare(label: str, cell_line: CellLine, config: Config, rate: float) -> list[Row]:
    model = random_model(cell_line, config)
    labels, sources = cell_line.labels, cell_line.sources
    engines = {
        "float32": Engine(model, labels, sources, 0.0),
        "bfloat16": Engine(model, labels, sources, 0.0, "bfloat16"),
    }
    windows = PASSES * engines["float32"].windows_at_once(len(sources))
    occupancy = cell_line.occupancy(0, min(windows, cell_line.shape.windows))
    cases: dict[str, Callable[[], object]] = {
        precision: partial(_run, engine, occupancy) for precision, engine in engines.items()
    }
    dense = _dense(model)
    shape = (model.bins, len(model.labels[0]), len(model.labels[1]), 1)
    for batch in DENSE_BATCHES:
        cases[f"dense {batch}"] = partial(dense, tf.zeros((batch, *shape)))
    seconds = interleaved(cases, REPEATS)
    ours = {precision: seconds[precision] / len(occupancy) * 1e3 for precision in engines}
    baseline, best = min((seconds[f"dense {batch}"] / batch * 1e3, batch) for batch in DENSE_BATCHES)
    rows = [
        Row(f"{label}, {precision} against Conv3D at batch {best}", ours[precision], baseline, "ms a window")
        for precision in engines
    ]
    for precision, engine in engines.items():
        share = _share_of_products(engine, occupancy)
        rows.append(Row(f"{label}, {precision}, share of the time in matrix products", share, None, ""))
    operations = _operations(engines["float32"], model, occupancy) / len(occupancy)
    achieved = operations / (ours["float32"] / 1e3) / 1e9
    rows.append(
        Row(f"{label}, arithmetic left", operations / 1e9, _dense_operations(model) / 1e9, "GFLOP a window")
    )
    rows.append(
        Row(f"{label}, rate of that arithmetic, float32, against matrix products", achieved, rate, "GFLOP/s")
    )
    return rows


def _run(engine: Engine, occupancy: npt.NDArray[np.bool_]) -> None:
    for _ in engine.ratios(occupancy):
        pass


def _share_of_products(engine: Engine, occupancy: npt.NDArray[np.bool_]) -> float:
    """Share of the engine's time that passes in its dense layers, decoder products and last convolution."""
    weights, inside = engine.decoder_weights, 0.0  # the sums of parts that `products` asks for are 1%

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            nonlocal inside
            started = time.perf_counter()
            result = function(*arguments)
            inside += time.perf_counter() - started
            return result

        return run

    with (
        patch.object(weights, "products", timed(weights.products)),
        patch.object(weights, "rebuild", timed(weights.rebuild)),
    ):
        started = time.perf_counter()
        _run(engine, occupancy)
        return inside / (time.perf_counter() - started)


def _dense(model: TrainedModel) -> Callable[[tf.Tensor], object]:
    sizes = model.config.model
    m, n = (len(labels) for labels in model.labels)
    network: keras.Model = article_model(
        model.bins, m, n, sizes.kernel_width, sizes.filters, sizes.deep_dimension
    )
    network.set_weights(weight_arrays(model.network))
    call = tf.function(lambda windows: tf.reduce_sum(network(windows, training=False)))
    return lambda windows: call(windows).numpy()


def _operations(engine: Engine, model: TrainedModel, occupancy: npt.NDArray[np.bool_]) -> int:
    """Floating-point operations of the large products that the engine does on these windows."""
    sizes = model.config.model
    k, filters, deep = sizes.kernel_width, sizes.filters, sizes.deep_dimension
    per_input = filters * deep + 3 * deep * deep + deep * k * filters
    per_window = model.bins // 4 * 7 * filters * 4 * occupancy.shape[2]
    step, total = engine.windows_at_once(occupancy.shape[2]), 0
    for start in range(0, len(occupancy), step):
        windows = occupancy[start : start + step]
        inputs = engine.fields.distinct_inputs(runs_of(windows))
        parts = len(inputs.part_label) * 2 * (k // 2) * filters * filters
        total += 2 * (inputs.count * per_input + parts + len(windows) * per_window)
    return total


def _dense_operations(model: TrainedModel) -> int:
    """Floating-point operations of the article's network on one window."""
    sizes = model.config.model
    k, filters, deep = sizes.kernel_width, sizes.filters, sizes.deep_dimension
    m, n = (len(labels) for labels in model.labels)
    padded = model.bins + 4 * k
    positions = padded // 4
    return 2 * (
        n * (padded - k + 1) * k * m * filters
        + (padded // 2 - k // 2 + 1) * (k // 2) * n * filters * filters
        + positions * (filters * deep + 3 * deep * deep)
        + (positions - k + 1) * k * deep * filters
        + padded * k * filters * m * n
    )
