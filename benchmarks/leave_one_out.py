"""What support costs at K562's sizes: every peak without its source, a training step, placements, memory.

Models have random weights, and support has its default sizes for so many sources. How long a window takes
does not depend on the weights. That leave-one-out is exact is shown by tests.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from atypeak_scale.config import ChanceSettings, Config, for_support, with_objective
from atypeak_scale.model import save_model
from atypeak_scale.model.files import TrainedModel
from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.model.inference.leave_one_out import LeaveOneOut
from atypeak_scale.model.training.support_training import SupportTraining
from atypeak_scale.scoring.support.corroboration import Asked
from atypeak_scale.scoring.support.placements import NO_WINDOW, draw_placements
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.stream import read_packed, unpack
from benchmarks.article import article_model
from benchmarks.harness import Row, interleaved, timed_command
from benchmarks.shapes import k562_config, k562_shaped_store, random_model

WINDOWS = 3000
WINDOWS_OF_COMMANDS = 10_000
BATCH = 16
DENSE_BATCH = 4  # Conv3D's gradients at K562 sizes take gigabytes at more
REPEATS = 3


def rows() -> list[Row]:
    """Milliseconds a window, and microseconds an interval; then minutes and memory of whole commands."""
    with tempfile.TemporaryDirectory() as name:
        cell_line = k562_shaped_store(Path(name), WINDOWS)
        result = [*_judging(cell_line), *_training(cell_line)]
    with tempfile.TemporaryDirectory() as name:
        return [*result, *_commands(k562_shaped_store(Path(name), WINDOWS_OF_COMMANDS), Path(name))]


def support_model(cell_line: CellLine) -> TrainedModel:
    """Return an untrained model of support of the default sizes for the sources of a cell line."""
    config = for_support(with_objective(k562_config(), "support"))
    return random_model(cell_line, config)


def _judging(cell_line: CellLine) -> list[Row]:
    """Time what each model says of the peaks of some windows; and of placements, by the second."""
    article, support = random_model(cell_line, k562_config()), support_model(cell_line)
    engines = {
        name: Engine(model, cell_line.labels, cell_line.sources, 0.0)
        for name, model in (("article", article), ("support", support))
    }
    judge = LeaveOneOut(engines["support"])
    windows = min(cell_line.shape.windows, engines["article"].windows_at_once(cell_line.shape.sources))
    occupancy = cell_line.occupancy(0, windows)
    start, stop = cell_line.rows_of_windows(0, windows)
    rows = cell_line.rows(start, stop)
    placed, where = _placed(cell_line, windows)
    cases: dict[str, Callable[[], Any]] = {
        "plain": partial(_run, engines["article"], occupancy),
        "same sizes": partial(_run, engines["support"], occupancy),
        "peaks": partial(judge.log_odds, occupancy, rows.window, rows.source, rows.first_bin, rows.last_bin),
        "placements": partial(judge.log_odds, occupancy, where, placed.source, placed.first, placed.last),
    }
    seconds = interleaved(cases, REPEATS)
    each = {name: value / windows * 1e3 for name, value in seconds.items()}
    of_peak = seconds["peaks"] / (stop - start) * 1e6
    return [
        Row("all peaks, each without its source, against plain scores of the article's model",
            each["peaks"], each["plain"], "ms a window"),
        Row("the same, against plain scores by the model of support", each["peaks"], each["same sizes"],
            "ms a window"),
        Row("placements against peaks", seconds["placements"] / len(where) * 1e6, of_peak, "us each"),
    ]  # fmt: skip


def _placed(cell_line: CellLine, windows: int) -> tuple[Asked, Any]:
    """Return the placements that lie in the first windows, and these windows."""
    drawn = draw_placements(cell_line, ChanceSettings(placements=1000))
    asked = Asked(drawn.window, drawn.crm, drawn.source, drawn.first, drawn.last)
    chosen = asked.chosen((asked.window != NO_WINDOW) & (asked.window < windows))
    return chosen, chosen.window


def _run(engine: Engine, occupancy: Any) -> None:
    for _ in engine.ratios(occupancy):
        pass


def _training(cell_line: CellLine) -> list[Row]:
    """Time one step of support, masks and all, against the same network of three-dimensional layers."""
    config = for_support(with_objective(k562_config(), "support"))
    m, n = map(len, cell_line.labels)
    cells = [(i, j) for i, j in cell_line.cells.tolist()]
    packed = tf.constant(read_packed(cell_line, 0, BATCH))
    empty = tf.zeros((0, *packed.shape[1:]), tf.uint8).numpy()
    ours = SupportTraining(config.store.bins, (m, n), cells, config, 0.0, empty)
    step = tf.function(ours.step)
    occupancy = unpack(packed[:DENSE_BATCH], len(cells))
    cases: dict[str, Callable[[], Any]] = {
        "ours": lambda: step(packed).numpy(),
        "dense": _dense_step(config, (m, n), cells, occupancy),
    }
    seconds = interleaved(cases, REPEATS)
    case = f"one step of support at batch {BATCH} against Conv3D at {DENSE_BATCH}"
    return [Row(case, seconds["ours"] / BATCH * 1e3, seconds["dense"] / DENSE_BATCH * 1e3, "ms a window")]


def _dense_step(
    config: Config, shape: tuple[int, int], cells: list[tuple[int, int]], occupancy: tf.Tensor
) -> Callable[[], Any]:
    """Return one step of the article's network with masks and the logistic loss over observed sources."""
    (m, n), sizes = shape, config.model
    network: keras.Model = article_model(
        config.store.bins, m, n, sizes.kernel_width, sizes.filters, sizes.deep_dimension
    )
    optimizer = keras.optimizers.Adam(config.training.learning_rate)
    optimizer.build(network.trainable_variables)
    observed = [i * n + j for i, j in cells]
    place = tf.one_hot(observed, m * n)  # (sources, cells)
    most = config.support.most_masked

    def step() -> tf.Tensor:
        rate = tf.random.uniform((len(occupancy), 1), 0, most)
        seen = tf.cast(tf.random.uniform((len(occupancy), len(cells))) >= rate, tf.float32)
        windows = tf.reshape(occupancy * seen[:, None] @ place, (*occupancy.shape[:2], m, n, 1))
        with tf.GradientTape() as tape:
            odds = tf.gather(tf.reshape(network(windows, training=True), (*occupancy.shape[:2], m * n)),
                             observed, axis=2)  # fmt: skip
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=occupancy, logits=odds))
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        return loss

    compiled = tf.function(step)
    return lambda: compiled().numpy()


def _commands(cell_line: CellLine, folder: Path) -> list[Row]:
    """Time `score` by both models, a process each; support draws and judges its placements too."""
    models = {"article": random_model(cell_line, k562_config()), "support": support_model(cell_line)}
    for name, model in models.items():
        save_model(model, folder / name)
    done = {name: timed_command("score", cell_line.store, "--model", folder / name) for name in models}
    case = (
        f"score, {WINDOWS_OF_COMMANDS:,} windows: support, placements included, against the article's model"
    )
    of_placements = ChanceSettings().placements * cell_line.shape.sources
    return [
        Row(case, done["support"].seconds, done["article"].seconds, f"s; {of_placements:,} placements"),
        Row("peak memory of these", done["support"].memory / 1e9, done["article"].memory / 1e9, "GB"),
    ]
