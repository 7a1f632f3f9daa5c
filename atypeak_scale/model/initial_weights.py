"""Initial weights of some filters of a layer: those that the layer would have with all of its filters."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from atypeak_scale.keras_backend import tf

FLOATS_AT_ONCE = 1 << 23
LARGEST_SEED = 2**31 - 2  # Keras takes the rest
PHILOX, WORDS = 1, 4  # TensorFlow's number of the generator; numbers for each step of its counter


def glorot_columns(
    shape: tuple[int, ...], columns: Sequence[int], seed: int | None
) -> npt.NDArray[np.float32]:
    """Draw what Keras' GlorotUniform draws for some filters, without holding the others.

    Parameters
    ----------
    shape : tuple of int
        Of the kernel with all filters, which are the last axis: (..., in, filters).
    columns : sequence of int
        The filters that are wanted.
    seed : int or None
        Of the initializer; None draws one.

    Returns
    -------
    float32 (..., in, columns)
        The weights.

    """
    *before, width = shape
    receptive = math.prod(before[:-1])
    limit = math.sqrt(3 / max(1.0, receptive * (before[-1] + width) / 2))
    chosen = int(np.random.default_rng().integers(2**31)) if seed is None else seed
    seeds = tf.constant([chosen % LARGEST_SEED, 0], tf.int32)
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seeds)
    wanted = np.asarray(columns, np.int64)
    drawn = np.empty((math.prod(before), len(wanted)), np.float32)
    step = max(1, FLOATS_AT_ONCE // (width * WORDS)) * WORDS  # so that each piece begins with a word
    for start in range(0, len(drawn), step):
        rows = min(step, len(drawn) - start)
        steps = tf.constant([start * width // WORDS, 0], tf.uint64)
        piece = tf.raw_ops.StatelessRandomUniformV2(
            shape=[rows, width], key=key, counter=counter + steps, alg=PHILOX
        )
        # The same operations, in float32, as Keras' and TensorFlow's.
        low, high = tf.constant(-limit), tf.constant(limit)
        drawn[start : start + rows] = (tf.gather(piece, wanted, axis=1) * (high - low) + low).numpy()
    return drawn.reshape(*before, len(wanted))
