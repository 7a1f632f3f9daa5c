"""One training step at K562 and HeLa sizes: the article's Conv3D network against ours, windows packed."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from atypeak_scale import build_store, load_config, open_store
from atypeak_scale.config import Config
from atypeak_scale.model.training.packed_training import PackedTraining
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.stream import crumb_matrix, training_windows, unpack
from benchmarks.article import article_model
from benchmarks.harness import SHARED, Row, interleaved
from benchmarks.shapes import k562_config, k562_shaped_store

BATCH = 16
DENSE_BATCH = 4  # Conv3D's gradients at K562 sizes take gigabytes at more
REPEATS = 3


def rows() -> list[Row]:
    """Milliseconds a window of a step of gradient descent, crumbs included."""
    result = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases: list[tuple[str, CellLine, Config]] = [
            ("K562 sizes", k562_shaped_store(folder, windows=1000), k562_config())
        ]
        if SHARED.is_dir():
            files = SHARED / "data/hela.published-raw.bed.xz", SHARED / "data/crm.bed.xz"
            build_store(*files, folder / "hela.zarr", load_config("hela"))
            cases.append(("HeLa", open_store(folder / "hela.zarr"), load_config("hela")))
        for label, cell_line, config in cases:
            result += _compare(label, cell_line, config)
    return result


def _compare(label: str, cell_line: CellLine, config: Config) -> list[Row]:
    shape = len(cell_line.labels[0]), len(cell_line.labels[1])
    cells = [(i, j) for i, j in cell_line.cells.tolist()]
    packed = next(iter(training_windows(cell_line, seed=1, batch=BATCH, shuffle_windows=512)))
    cases: dict[str, Callable[[], Any]] = {}
    for precision in ("float32", "mixed_bfloat16"):
        training = config.training.model_copy(update={"precision": precision})
        ours = PackedTraining(
            config.store.bins, shape, cells, config.model_copy(update={"training": training})
        )
        cases[precision] = partial(lambda step: step(packed).numpy(), tf.function(ours.step))
    occupancy = unpack(packed[:DENSE_BATCH], len(cells))
    crumbed = tf.matmul(occupancy, crumb_matrix(cells, shape, config.training.crumbs))
    cases["dense"] = _dense_step(config, shape, tf.reshape(crumbed, (*crumbed.shape[:2], *shape, 1)))
    seconds = interleaved(cases, REPEATS)
    dense = seconds["dense"] / DENSE_BATCH * 1e3
    return [
        Row(f"{label}, {precision} at batch {BATCH} against Conv3D at {DENSE_BATCH}",
            seconds[precision] / BATCH * 1e3, dense, "ms a window")
        for precision in ("float32", "mixed_bfloat16")
    ]  # fmt: skip


def _dense_step(config: Config, shape: tuple[int, int], windows: tf.Tensor) -> Callable[[], Any]:
    """Return one step of the article's network on crumbed windows (windows, bins, m, n, 1)."""
    sizes = config.model
    network: keras.Model = article_model(
        config.store.bins, *shape, sizes.kernel_width, sizes.filters, sizes.deep_dimension
    )
    optimizer = keras.optimizers.Adam(config.training.learning_rate)
    optimizer.build(network.trainable_variables)

    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(network(windows, training=True) - windows[..., 0]))
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        return loss

    compiled = tf.function(step)
    return lambda: compiled().numpy()
