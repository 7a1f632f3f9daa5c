"""What each unit of the encoded layer looks for: the window that excites it most (method, section 7.2).

Article, Interpretability: gradient ascent on the input, from noise, with some blur. A task climbs with
several units at once and writes one chunk for each.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.ndimage import gaussian_filter

from atypeak_scale.assess.results import ArraysToFill, filling, load, save_tables
from atypeak_scale.config import Config
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.execution.progress import Event, tell
from atypeak_scale.provenance import refuse_existing_output
from atypeak_scale.registry.columns import UR_STRONGEST
from atypeak_scale.registry.results import UR_EXAMPLES
from atypeak_scale.registry.table import Table
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine

if TYPE_CHECKING:
    from atypeak_scale.model.files import TrainedModel

STEPS, BLUR_EVERY, RATE = 50, 5, 1.0
BLUR = (0.2, 0.01, 0.01)  # standard deviations over (bin, first view, second view), in cells
MOST_TOLD = 10  # strongest cells of a unit in the table
BLOCK_BYTES = 512 << 20  # about what the windows of a task and their gradients may take
SECONDS_BETWEEN_EVENTS = 5.0  # within a task, roughly
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClimbTask:
    """Units [start, stop) of a model, the place for their ur-examples, and the seed of the noise."""

    scores: Scores
    results: ArraysToFill
    seed: int
    start: int
    stop: int


@dataclass(frozen=True)
class Activations:
    """Mean activation of some units before and after the ascent: float32 (units,) each."""

    before: FloatArray
    after: FloatArray


def ur_examples(
    scores: Scores,
    seed: int = 1,
    out: Location | None = None,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Climb to the ur-example of every unit of the layer `encoded`, and keep them with the model's scores.

    Parameters
    ----------
    scores
        Scores of one model. Peaks need not be scored.
    seed
        Seed of the noise that the ascents begin with. Every unit has its own noise, so the size of tasks
        changes only the rounding.
    out
        New folder or URL for `strongest.tsv`, the 10 strongest cells of each unit by their mean over bins;
        None writes no table.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    xarray.Dataset
        What `load(scores, "ur_examples")` opens, lazily: it may be large, and is never whole in memory here.
        float32 `ur_example` (unit, bin, dataset, tr), in chunks of a unit; `mean` (unit, dataset, tr);
        `activation`, `activation_before` (unit). Labels are in the order of the store; attribute `seed`.

    Raises
    ------
    InputError
        If `out` exists, the scores are of several models, or the model changed.
    AtypeakError
        If another process is writing these results.

    Examples
    --------
    >>> found = ur_examples(open_scores(open_store("hela.zarr"), "hela-model"))
    >>> found["ur_example"].sel(unit=0).mean("bin").to_pandas()

    """
    executor = executor or InProcess()
    if out is not None:
        refuse_existing_output(out)
    scores.refuse_several()
    empty = _empty(scores.cell_line, scores.config.model.deep_dimension, seed)
    units, bins, m, n = empty["ur_example"].shape
    length = units_at_once(scores.config, bins, m, n)
    executor.require(BLOCK_BYTES)
    with scores.writing(UR_EXAMPLES.name), filling(empty, scores, UR_EXAMPLES) as results:
        tasks = [
            ClimbTask(scores, results, seed, unit, min(unit + length, units))
            for unit in range(0, units, length)
        ]
        for task, activations in executor.map(_climb, tasks, "ur-examples"):
            # Done in this process, because tasks would share the one chunk of each array.
            results.set("activation_before", task.start, activations.before)
            results.set("activation", task.start, activations.after)
    found = load(scores, UR_EXAMPLES)
    if out is not None:
        made_from = {**scores.provenance(), "seed": seed}
        save_tables(strongest_cells(found, scores.cell_line), out, scores.cell_line.views, made_from)
    return found


def units_at_once(config: Config, bins: int, m: int, n: int) -> int:
    """Return how many units may climb together in about `BLOCK_BYTES`."""
    padded = bins + 4 * config.model.kernel_width
    # The gradient holds about eight copies of the window and of the first convolution's output at once.
    bytes_of_unit = 8 * 4 * (padded * m * n + padded * n * config.model.filters)
    return max(1, BLOCK_BYTES // bytes_of_unit)


def first_noise(seed: int, unit: int, shape: tuple[int, int, int]) -> FloatArray:
    """Return uniform noise from 0 to 1, float32 of that shape; each unit has its own child of the seed."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(unit,)))
    return rng.random(shape, np.float32)


class Ascent:
    """A trained model as a slope to climb, towards windows that excite given units more and more."""

    def __init__(self, model: "TrainedModel") -> None:
        from atypeak_scale.keras_backend import keras, tf

        self.model, network = model, model.network
        self.shape: tuple[int, int, int] = tuple(network.input_shape[1:])
        self._encoder = keras.Model(network.input, network.get_layer("encoded").output)
        windows, units = tf.TensorSpec((None, *self.shape), tf.float32), tf.TensorSpec((None,), tf.int32)
        self._activation = tf.function(self._activations, input_signature=[windows, units], autograph=False)
        self._climb = tf.function(self._climbed, input_signature=[windows, units], autograph=False)

    def __call__(self, units: range, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Climb with some units and report progress now and then.

        Returns
        -------
        three float32 arrays
            Ur-examples (units, bins, m, n), and the units' activations before and after, (units,).

        """
        windows = np.stack([first_noise(seed, unit, self.shape) for unit in units])
        wanted = np.array(units, np.int32)
        before: FloatArray = self._activation(windows, wanted).numpy()
        told, rounds = time.monotonic(), STEPS // BLUR_EVERY
        for done in range(1, rounds + 1):
            climbed = self._climb(windows, wanted).numpy()
            windows = np.stack([gaussian_filter(window, BLUR) for window in climbed])
            if time.monotonic() - told >= SECONDS_BETWEEN_EVENTS:
                tell(Event("climb", done, rounds))
                told = time.monotonic()
        return windows, before, self._activation(windows, wanted).numpy()

    def _activations(self, windows: Any, units: Any) -> Any:
        """Return each unit's mean activation over the coarse positions of its own window."""
        from atypeak_scale.keras_backend import tf

        encoded = tf.cast(self._encoder(windows, training=False), tf.float32)
        return tf.gather(tf.reduce_mean(encoded, axis=1), units, batch_dims=1)

    def _climbed(self, windows: Any, units: Any) -> Any:
        """Take all steps from one blur to the next."""
        from atypeak_scale.keras_backend import tf

        def climb(step: Any, windows: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(windows)
                activations = self._activations(windows, units)
            slope = tape.gradient(activations, windows)
            size = tf.sqrt(tf.reduce_mean(tf.square(slope), axis=[1, 2, 3], keepdims=True))
            # A unit that nothing excites has no slope; its window stays as it is.
            return step + 1, windows + RATE * tf.math.divide_no_nan(slope, size)

        return tf.while_loop(lambda step, _: step < BLUR_EVERY, climb, (0, windows))[1]


@lru_cache(maxsize=1)
def _process_ascent(model: Location, fingerprint: str) -> Ascent:
    """Return the model as a slope; each process loads it once."""
    from atypeak_scale.model.files import load_model

    return Ascent(load_model(model, fingerprint))


def _climb(task: ClimbTask) -> Activations:
    """Write the ur-examples of the units and return their activations."""
    ascent = _process_ascent(task.scores.model, task.scores.fingerprint)
    windows, before, after = ascent(range(task.start, task.stop), task.seed)
    rows, columns = ascent.model.indices_of(task.scores.cell_line.labels)
    for unit, window in enumerate(windows, task.start):
        in_store_order = window[:, rows[:, None], columns]
        task.results.write("ur_example", unit, in_store_order[None])
        task.results.write("mean", unit, in_store_order.mean(axis=0)[None])
    return Activations(before, after)


def _empty(cell_line: CellLine, units: int, seed: int) -> xr.Dataset:
    """Return the Dataset to fill; its large Dask arrays are never computed, they only define the chunks."""
    views, labels = cell_line.views, cell_line.labels
    cells, bins = (len(labels[0]), len(labels[1])), cell_line.shape.bins
    window = da.zeros((units, bins, *cells), dtype=np.float32, chunks=(1, bins, *cells))
    return xr.Dataset(
        {
            "ur_example": (("unit", "bin", *views), window),
            "mean": (("unit", *views), window[:, 0]),
            "activation": ("unit", np.full(units, np.nan, np.float32)),
            "activation_before": ("unit", np.full(units, np.nan, np.float32)),
        },
        coords={
            "unit": np.arange(units),
            **{view: np.array(names, object) for view, names in zip(views, labels, strict=True)},
        },
        attrs={"seed": seed},
    )


def strongest_cells(found: xr.Dataset, cell_line: CellLine) -> Iterator[tuple[Table, pd.DataFrame]]:
    """Yield the table of the strongest cells of every unit, one unit at a time, from what was kept."""
    observed = set(cell_line.sources)
    first, second = (found[view].to_numpy() for view in cell_line.views)
    for unit in range(found.sizes["unit"]):
        mean = found["mean"][unit].to_numpy().ravel()
        strongest = np.argsort(-mean, kind="stable")[:MOST_TOLD]
        row, column = np.divmod(strongest, len(second))
        columns = {
            "unit": unit,
            "activation": float(found["activation"][unit]),
            "rank": np.arange(1, len(strongest) + 1),
            cell_line.views[0]: first[row],
            cell_line.views[1]: second[column],
            "value": mean[strongest],
            "observed": [int(s in observed) for s in zip(first[row], second[column], strict=True)],
        }
        yield UR_STRONGEST, pd.DataFrame(columns)
