"""The store as a tf.data pipeline of packed windows, and what each source adds to each cell of a tensor.

Chunks of the store are shuffled, read whole in parallel, and mixed in a buffer. Occupancy stays packed, one
bit for each bin of a source, until it reaches the device that computes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.keras_backend import tf
from atypeak_scale.registry import variables as v
from atypeak_scale.store.cell_line import Block, CellLine

FloatArray = npt.NDArray[np.float32]
# Rows of CRMs in their file, int64, to bool: which CRMs are meant.
OfCrms = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.bool_]]
CHUNKS_AT_ONCE = 2
BATCHES_AHEAD = 2
EPOCH_STRIDE = (1, 1_000_003)  # keeps the buffer seeds of (seed, epoch) pairs apart


def read_packed(cell_line: CellLine, start: int, stop: int) -> npt.NDArray[np.uint8]:
    """Read windows [start, stop): uint8 (windows, bins, ceil(sources / 8)), packed along the sources."""
    return np.packbits(cell_line.occupancy(start, stop), axis=-1)


def training_windows(
    cell_line: CellLine,
    *,
    seed: int,
    batch: int,
    shuffle_windows: int,
    failures: list[Exception] | None = None,
    is_used: OfCrms | None = None,
) -> tf.data.Dataset:
    """Return endless batches of packed windows in random order: uint8 (batch, bins, ceil(sources / 8)).

    Every window appears once before any appears again. The same seed and the same store give the same
    batches (method, section 3.3). At most `shuffle_windows` windows and a few chunks are in memory. An error
    while reading is appended to `failures`, because TensorFlow raises one of its own instead. With `is_used`,
    windows of other CRMs do not appear; there must be a CRM that is used.
    """
    windows, bins, sources = cell_line.shape
    blocks = cell_line.blocks("windows")
    packed = (bins, -(-sources // 8))

    def read(chunk: Any) -> npt.NDArray[np.uint8]:
        try:
            return _packed_of(cell_line, blocks[int(chunk)], is_used)
        except Exception as problem:
            if failures is not None:
                failures.append(problem)
            raise

    def read_chunk(chunk: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(read, [chunk], tf.uint8), (None, *packed))

    def epoch_windows(epoch: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(blocks), dtype=tf.int64), seeds)
        return (
            tf.data.Dataset.from_tensor_slices(order)
            .map(as_written(read_chunk), num_parallel_calls=CHUNKS_AT_ONCE, deterministic=True)
            .unbatch()
            .shuffle(min(shuffle_windows, windows), seed=tf.reduce_sum(seeds * EPOCH_STRIDE))
        )

    # Autograph would write each function to a file among the temporary ones, and a killed process leaves it.
    as_written = tf.autograph.experimental.do_not_convert
    options = tf.data.Options()
    # There is nothing to tune, and the tuner's thread may delay the end of training by seconds.
    options.autotune.enabled = False
    return (
        tf.data.Dataset.counter()
        .flat_map(as_written(epoch_windows))
        .batch(batch, drop_remainder=True)
        .prefetch(BATCHES_AHEAD)
        .with_options(options)
    )


def _packed_of(cell_line: CellLine, block: Block, is_wanted: OfCrms | None) -> npt.NDArray[np.uint8]:
    """Read the windows of a block whose CRMs are wanted, packed."""
    packed = read_packed(cell_line, *block)
    return packed if is_wanted is None else packed[is_wanted(cell_line.read(v.CRM, *block))]


def some_windows(cell_line: CellLine, is_wanted: OfCrms, most: int, seed: int) -> npt.NDArray[np.uint8]:
    """Read windows of wanted CRMs from chunks in random order until there are `most`, or no more.

    Returns
    -------
    uint8 (windows, bins, ceil(sources / 8))
        Packed windows; the same seed and the same store give the same ones.

    """
    _, bins, sources = cell_line.shape
    blocks = cell_line.blocks("windows")
    found = [np.empty((0, bins, -(-sources // 8)), np.uint8)]
    for number in np.random.default_rng(seed).permutation(len(blocks)):
        found.append(_packed_of(cell_line, blocks[number], is_wanted))
        if sum(map(len, found)) >= most:
            break
    return np.concatenate(found)[:most]


def has_windows(cell_line: CellLine, is_wanted: OfCrms) -> bool:
    """Return whether any window lies in a CRM that is wanted; reads until it finds one."""
    return any(is_wanted(cell_line.read(v.CRM, *block)).any() for block in cell_line.blocks("windows"))


def crumb_matrix(cells: Sequence[tuple[int, int]], shape: tuple[int, int], crumbs: float) -> FloatArray:
    """Return what each source adds to each cell (method, section 2.5): float32 (sources, m * n).

    Cells are in C order, datasets first. The crumbed tensor is the occupancy times this matrix: 1 for the
    cell itself, and c for each cell of its row and of its column, so an isolated peak becomes 1 + 2c.
    """
    row, column = np.array(cells).T
    given = np.zeros((len(cells), *shape), np.float64)
    source = np.arange(len(cells))
    given[source, row, :] += crumbs
    given[source, :, column] += crumbs
    given[source, row, column] += 1
    return given.reshape(len(cells), -1).astype(np.float32)


def crumbs_between(cells: Sequence[tuple[int, int]], crumbs: float) -> FloatArray:
    """Return what each source adds to the cell of each source: float32 (sources, sources).

    These are columns of `crumb_matrix`, found without the others.
    """
    row, column = np.array(cells).T
    in_row, in_column = row[:, None] == row, column[:, None] == column
    given: FloatArray = (crumbs * in_row + crumbs * in_column + (in_row & in_column)).astype(np.float32)
    return given


def unpack(packed: tf.Tensor, sources: int) -> tf.Tensor:
    """Turn uint8 (windows, bins, ceil(sources / 8)) into float32 (windows, bins, sources), in the graph."""
    bits_of_bytes = tf.constant(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1), tf.float32)
    bits = tf.gather(bits_of_bytes, tf.cast(packed, tf.int32))
    shape = tf.shape(packed)
    return tf.reshape(bits, (shape[0], shape[1], packed.shape[2] * 8))[..., :sources]
