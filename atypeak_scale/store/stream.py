"""The store as a tf.data pipeline of packed windows, and their expansion to crumbed tensors in the graph.

Chunks of the store are shuffled, read whole in parallel, and mixed in a buffer; occupancy stays packed,
one bit a cell of an observed source, until it is on the device that computes (DESIGN 6).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from atypeak_scale.store import schema

CHUNKS_AT_ONCE = 2
BATCHES_AHEAD = 2
EPOCH_STRIDE = (1, 1_000_003)  # keeps the buffer seeds of (seed, epoch) pairs apart


def read_packed(store: Path, cell_line: str, start: int, stop: int) -> npt.NDArray[np.uint8]:
    """Read windows [start, stop): uint8 (windows, bins, ceil(sources / 8)), packed along the sources."""
    group = schema.open_cell_line(store, cell_line)
    return np.packbits(schema.read_array(group, "occupancy", start, stop), axis=-1)


def training_windows(
    store: Path, cell_line: str, *, seed: int, batch: int, shuffle_windows: int
) -> tf.data.Dataset:
    """Endless batches of packed windows in random order: uint8 (batch, bins, ceil(sources / 8)).

    Every window comes once before any comes again. The same seed and the same store give the same
    batches (SPEC 3.3). At most `shuffle_windows` windows and a few chunks are in memory.
    """
    occupancy = schema.array(schema.open_cell_line(store, cell_line), "occupancy")
    windows, bins, sources = occupancy.shape
    length = occupancy.chunks[0]
    chunks = -(-windows // length)
    packed = (bins, -(-sources // 8))

    def read(chunk: Any) -> npt.NDArray[np.uint8]:
        start = int(chunk) * length
        return np.packbits(np.asarray(occupancy[start : min(start + length, windows)]), axis=-1)

    def read_chunk(chunk: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(read, [chunk], tf.uint8), (None, *packed))

    def epoch_windows(epoch: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(chunks, dtype=tf.int64), seeds)
        return (
            tf.data.Dataset.from_tensor_slices(order)
            .map(read_chunk, num_parallel_calls=CHUNKS_AT_ONCE, deterministic=True)
            .unbatch()
            .shuffle(min(shuffle_windows, windows), seed=tf.reduce_sum(seeds * EPOCH_STRIDE))
        )

    return (
        tf.data.Dataset.counter()
        .flat_map(epoch_windows)
        .batch(batch, drop_remainder=True)
        .prefetch(BATCHES_AHEAD)
    )


class Expansion:
    """From packed occupancy to the tensors that the autoencoder sees, inside the graph (SPEC 2.4, 2.5)."""

    def __init__(self, cells: Sequence[tuple[int, int]], shape: tuple[int, int], crumbs: float) -> None:
        """`cells`: (dataset, TR) index of every source; `shape`: (m, n); `crumbs`: c of SPEC 2.5."""
        self._sources = len(cells)
        self._shape = shape
        self._crumbs = crumbs
        self._flat = np.array([i * shape[1] + j for i, j in cells], np.int32)
        # Cells without a source take their value from an empty channel behind the last source.
        self._channel = np.full(shape[0] * shape[1], self._sources, np.int32)
        self._channel[self._flat] = np.arange(self._sources)

    def unpack(self, packed: tf.Tensor) -> tf.Tensor:
        """Uint8 (windows, bins, ceil(sources / 8)) to float32 (windows, bins, sources)."""
        shifts = tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8)
        bits = tf.bitwise.bitwise_and(
            tf.bitwise.right_shift(packed[..., None], shifts), tf.constant(1, tf.uint8)
        )
        shape = tf.shape(packed)
        flat = tf.reshape(bits, (shape[0], shape[1], packed.shape[2] * 8))
        return tf.cast(flat[..., : self._sources], tf.float32)

    def cells(self, occupancy: tf.Tensor) -> tf.Tensor:
        """Float (windows, bins, sources) to the crumbed (windows, bins, datasets, TRs)."""
        padded = tf.pad(occupancy, ((0, 0), (0, 0), (0, 1)))
        shape = tf.shape(occupancy)
        cells = tf.reshape(tf.gather(padded, self._channel, axis=-1), (shape[0], shape[1], *self._shape))
        if not self._crumbs:
            return cells
        row = tf.reduce_sum(cells, axis=3, keepdims=True)
        column = tf.reduce_sum(cells, axis=2, keepdims=True)
        return cells + self._crumbs * (row + column)

    def of_sources(self, cells: tf.Tensor) -> tf.Tensor:
        """(windows, bins, datasets, TRs) to (windows, bins, sources)."""
        shape = tf.shape(cells)
        flat = tf.reshape(cells, (shape[0], shape[1], self._shape[0] * self._shape[1]))
        return tf.gather(flat, self._flat, axis=-1)

    def __call__(self, packed: tf.Tensor) -> tf.Tensor:
        """Packed occupancy to the crumbed float32 (windows, bins, datasets, TRs)."""
        return self.cells(self.unpack(packed))
