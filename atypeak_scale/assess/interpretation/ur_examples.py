"""What each unit of the encoded layer looks for: the window that would excite it most (SPEC 7.2).

Article, Interpretability: gradient ascent on the input, from noise, with some blur. A block is a range of
units; its task climbs with all of them at once and writes their chunks, one a unit.
"""

from functools import lru_cache
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
import zarr
from scipy.ndimage import gaussian_filter

from atypeak_scale.assess.results import filling_results, open_results
from atypeak_scale.catalogue.names import Source
from atypeak_scale.config import Config
from atypeak_scale.execution.cluster import (
    IN_PROCESS,
    Cluster,
    Progress,
    connect,
    limit_threads,
    no_progress,
    run_blocks,
)
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target
from atypeak_scale.store import schema

UR_EXAMPLES = "ur_examples"
STRONGEST = "strongest.tsv"
STEPS, BLUR_EVERY, RATE = 50, 5, 1.0
BLUR = (0.2, 0.01, 0.01)  # standard deviations over (bin, first view, second view), in cells
MOST_TOLD = 10  # cells of a unit in the table
BLOCK_BYTES = 512 << 20  # what the windows of a block and their gradients may take, about
FloatArray = npt.NDArray[np.float32]

DESCRIPTIONS = {
    "ur_example": "the window that gradient ascent ended with (SPEC 7.2)",
    "mean": "mean of ur_example over bins",
    "activation": "mean activation of the unit over the coarse positions, shown ur_example",
    "activation_before": "the same, shown the uniform noise that the ascent began with",
}


def ur_examples(
    run: ScoreRun,
    seed: int = 1,
    out: Location | None = None,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Climb to the ur-example of every unit of the layer `encoded`, and keep them beside the model's scores.

    seed: of the noise that the ascents begin with; every unit has its own, so that blocks of another size
    give the same but for rounding. out: a new folder for `strongest.tsv`, the 10 strongest cells of each unit
    by their mean over bins; None writes no file. Peaks need not be scored before.

    Returns
    -------
    The Dataset that `open_results(run, "ur_examples")` opens, lazily: it may be large, and is never whole in
    memory here. float32 `ur_example` (unit, bin, dataset, tr), in chunks of a unit; `mean` (unit, dataset,
    tr); `activation`, `activation_before` (unit). Labels are in the order of the store; attribute `seed`.

    Raises
    ------
    InputError
        Where `out` exists, or the model changed.

    """
    if out is not None:
        target(out).refuse_existing(last=STRONGEST)
    run.refuse_several()
    data, _ = run.open()
    empty = _empty(data, run.config.model.deep_dimension, seed)
    units, bins, m, n = empty["ur_example"].shape
    length = units_at_once(run.config, bins, m, n)
    with (
        connect(cluster, progress, BLOCK_BYTES) as client,
        run.writing(UR_EXAMPLES),
        filling_results(run, UR_EXAMPLES, empty) as results,
    ):
        blocks = [
            (run.store, data.path, run.results, results.path, run.model, run.fingerprint, seed, u,
             min(u + length, units))
            for u in range(0, units, length)
        ]  # fmt: skip
        for block, activations in run_blocks(
            _climb_block, blocks, client, stage="ur-examples", progress=progress
        ):
            # In this process: tasks would share the one chunk of each.
            for name, values in zip(("activation_before", "activation"), activations, strict=True):
                schema.array(results, name)[blocks[block][-2] : blocks[block][-1]] = values
    found = open_results(run, UR_EXAMPLES)
    if out is not None:
        _write_table(found, schema.views_of(data), set(schema.source_labels(data)), out)
    return found


def units_at_once(config: Config, bins: int, m: int, n: int) -> int:
    """Return how many units climb together, so that they take about `BLOCK_BYTES`."""
    padded = bins + 4 * config.model.kernel_width
    # About eight copies of the window and of the first convolution's output live at once in the gradient.
    bytes_of_unit = 8 * 4 * (padded * m * n + padded * n * config.model.filters)
    return max(1, BLOCK_BYTES // bytes_of_unit)


def first_noise(seed: int, unit: int, shape: tuple[int, int, int]) -> FloatArray:
    """Return uniform noise from 0 to 1, from the unit's own child of the seed."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(unit,)))
    return rng.random(shape, np.float32)


class Ascent:
    """A trained model as a slope: windows that excite given units more and more."""

    def __init__(self, model: Any) -> None:
        """`model`: a TrainedModel."""
        import keras
        import tensorflow as tf

        self.model, network = model, model.network
        self.shape: tuple[int, int, int] = tuple(network.input_shape[1:])
        self._encoder = keras.Model(network.input, network.get_layer("encoded").output)
        windows, units = tf.TensorSpec((None, *self.shape), tf.float32), tf.TensorSpec((None,), tf.int32)
        self._activation = tf.function(self._activations, input_signature=[windows, units])
        self._climb = tf.function(self._climbed, input_signature=[windows, units])

    def __call__(self, units: range, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return ur-examples (units, bins, m, n), and the units' activations before and after, (units,)."""
        windows = np.stack([first_noise(seed, unit, self.shape) for unit in units])
        wanted = np.array(units, np.int32)
        before: FloatArray = self._activation(windows, wanted).numpy()
        for _ in range(STEPS // BLUR_EVERY):
            climbed = self._climb(windows, wanted).numpy()
            windows = np.stack([gaussian_filter(window, BLUR) for window in climbed])
        return windows, before, self._activation(windows, wanted).numpy()

    def _activations(self, windows: Any, units: Any) -> Any:
        """Return each unit's mean activation over the coarse positions of its own window."""
        import tensorflow as tf

        encoded = tf.cast(self._encoder(windows, training=False), tf.float32)
        return tf.gather(tf.reduce_mean(encoded, axis=1), units, batch_dims=1)

    def _climbed(self, windows: Any, units: Any) -> Any:
        """Take the steps between two blurs."""
        import tensorflow as tf

        for _ in tf.range(BLUR_EVERY):
            with tf.GradientTape() as tape:
                tape.watch(windows)
                activations = self._activations(windows, units)
            slope = tape.gradient(activations, windows)
            size = tf.sqrt(tf.reduce_mean(tf.square(slope), axis=[1, 2, 3], keepdims=True))
            # A unit that nothing excites has no slope; it stays where it is.
            windows += RATE * tf.math.divide_no_nan(slope, size)
        return windows


@lru_cache(maxsize=1)
def _process_ascent(model: Location, fingerprint: str) -> Ascent:
    """Return the slope of a model; each process loads it once."""
    limit_threads()
    from atypeak_scale.model.files import load_model

    return Ascent(load_model(model, fingerprint))


def _climb_block(
    store: Location, data_path: str, place: Location, results_path: str, model: Location, fingerprint: str,
    seed: int, start: int, stop: int,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Write the ur-examples of units [start, stop) and return their activations, before and after."""
    data = schema.open_group(store, data_path)
    results = schema.open_group(place, results_path, "r+")
    ascent = _process_ascent(model, fingerprint)
    windows, before, after = ascent(range(start, stop), seed)
    rows, columns = ascent.model.indices_of(schema.labels_of(data))
    for unit, window in enumerate(windows, start):
        in_store_order = window[:, rows[:, None], columns]
        schema.write_chunks(results, "ur_example", unit, in_store_order[None])
        schema.write_chunks(results, "mean", unit, in_store_order.mean(axis=0)[None])
    return before, after


def _empty(data: zarr.Group, units: int, seed: int) -> xr.Dataset:
    """Return the Dataset to fill; its large arrays are Dask's, never computed, which say their chunks."""
    views, labels = schema.views_of(data), schema.labels_of(data)
    cells = len(labels[0]), len(labels[1])
    bins = schema.array(data, "occupancy").shape[1]
    dims = ("unit", "bin", *views)
    window = da.zeros((units, bins, *cells), dtype=np.float32, chunks=(1, bins, *cells))
    found = xr.Dataset(
        {
            "ur_example": (dims, window),
            "mean": (("unit", *views), window[:, 0]),
            "activation": ("unit", np.full(units, np.nan, np.float32)),
            "activation_before": ("unit", np.full(units, np.nan, np.float32)),
        },
        coords={
            "unit": np.arange(units),
            **{v: np.array(n, object) for v, n in zip(views, labels, strict=True)},
        },
        attrs={"seed": seed},
    )
    for name, text in DESCRIPTIONS.items():
        found[name].attrs["description"] = text
    return found


def _write_table(found: xr.Dataset, views: tuple[str, str], observed: set[Source], out: Location) -> None:
    """Write the strongest cells of every unit into a new folder, a unit at a time."""
    first, second = (found[view].to_numpy() for view in views)
    with (
        target(out).new_folder(last=STRONGEST) as folder,
        (folder / STRONGEST).open("x", encoding="utf-8", newline="") as file,
    ):
        for unit in range(found.sizes["unit"]):
            mean = found["mean"][unit].to_numpy().ravel()
            strongest = np.argsort(-mean, kind="stable")[:MOST_TOLD]
            row, column = np.divmod(strongest, len(second))
            table = pd.DataFrame(
                {
                    "unit": unit,
                    "activation": float(found["activation"][unit]),
                    "rank": np.arange(1, len(strongest) + 1),
                    views[0]: first[row],
                    views[1]: second[column],
                    "value": mean[strongest],
                    "observed": [int(s in observed) for s in zip(first[row], second[column], strict=True)],
                }
            )
            table.to_csv(file, sep="\t", index=False, header=not unit, lineterminator="\n")
