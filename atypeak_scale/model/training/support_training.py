"""Training that makes the network predict sources that it does not see (method, section 9.2)."""

import numpy as np
import numpy.typing as npt

from atypeak_scale.config import Config
from atypeak_scale.keras_backend import keras, tf
from atypeak_scale.model.training.descent import Descent
from atypeak_scale.store.stream import unpack

_MASKS = 2  # keeps the seed of the masks apart from those of weights and of the order of windows


class SupportTraining(Descent):
    """Trains a network on packed windows to give the log-odds of the sources masked from its input.

    In each window a rate is drawn uniformly from [0, `support.most_masked`], and every observed source is
    masked with this probability. The logistic loss is over the bins and the observed sources of the whole
    window; masked sources weigh more, because the others are easily copied. Each batch holds one more window,
    without any peak, which stands for all windows without one.
    The learning rate falls to 0 by a cosine.

    Parameters
    ----------
    bins, shape, cells
        As `Descent` takes them.
    config : Config
        As `for_support` returns it.
    empty : float
        Number of windows of CRMs without a peak, for each window with peaks: E / W.
    kept_out : uint8 (windows, bins, ceil(sources / 8))
        Packed windows for validation, which are in no batch; there may be none.

    """

    def __init__(
        self,
        bins: int,
        shape: tuple[int, int],
        cells: list[tuple[int, int]],
        config: Config,
        empty: float,
        kept_out: npt.NDArray[np.uint8],
    ) -> None:
        settings = config.training
        steps = settings.max_epochs * settings.batches_per_epoch
        rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
        super().__init__(bins, shape, cells, config, rate)
        _, n = shape
        self._layer = self.autoencoder.get_layer("sources")
        self._filters = self._layer.places_of([i * n + j for i, j in cells])
        self._most_masked, self._masked_weight = config.support.most_masked, config.support.masked_weight
        self._mask_seed = int(np.random.SeedSequence([settings.seed, _MASKS]).generate_state(1)[0])
        self._empty, self._kept_out = empty, kept_out
        # The masks of training count from 0, so -1 is free.
        self._kept_out_seen = self.draw_seen(tf.constant(-1), len(kept_out))
        self._validation = tf.function(
            self._validation_in_graph,
            input_signature=[
                tf.TensorSpec((None, bins, -(-len(cells) // 8)), tf.uint8),
                tf.TensorSpec((None, len(cells)), tf.float32),
            ],
            autograph=False,
        )

    def draw_seen(self, number: tf.Tensor, windows: tf.Tensor | int) -> tf.Tensor:
        """Draw which sources of each window are not masked.

        Parameters
        ----------
        number : int (), tensor
            Number of the step; the same seed and number give the same masks.
        windows : int
            How many windows.

        Returns
        -------
        float32 (windows, sources)
            0 where the source is masked, else 1.

        """
        seed = tf.stack([tf.constant(self._mask_seed, tf.int64), tf.cast(number, tf.int64)])
        drawn = tf.random.stateless_uniform([windows, 1 + self._sources], seed)
        return tf.cast(drawn[:, 1:] >= self._most_masked * drawn[:, :1], tf.float32)

    def error(self, occupancy: tf.Tensor, first: tf.Tensor | int = 0) -> tf.Tensor:
        """Return the mean logistic loss over windows, the empty one with its weight, bins and sources."""
        windows = tf.shape(occupancy)[0]
        seen = self.draw_seen(self.optimizer.iterations.value, first + windows)
        return self._mean_loss(occupancy, seen[first:])

    def validation_loss(self) -> float:
        """Return the mean logistic loss of the kept-out windows; NaN if there are none.

        Their masks are the same each time. The window without a peak has its weight, as in training. L2 is
        not in it.
        """
        windows = len(self._kept_out)
        if not windows:
            return float("nan")
        total = 0.0
        for start in range(0, windows, self._batch):
            packed, seen = (
                each[start : start + self._batch] for each in (self._kept_out, self._kept_out_seen)
            )
            total += len(packed) * float(self._validation(packed, seen))
        return total / windows

    def _validation_in_graph(self, packed: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        return self._mean_loss(unpack(packed, self._sources), seen)

    def _mean_loss(self, occupancy: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """Return the mean of the windows' losses and of the empty window's, which weighs `empty` for each."""
        losses = self._window_losses(_with_empty(occupancy), _with_empty(seen))
        return (tf.reduce_mean(losses[:-1]) + self._empty * losses[-1]) / (1 + self._empty)

    def _window_losses(self, occupancy: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """Return each window's mean logistic loss over bins and observed sources: float32 (windows,)."""
        logits = self._log_odds(self.decode(occupancy * seen[:, None]))
        # Half the passes of TensorFlow's own; as precise where the log-odds are at most some hundreds.
        of_sources = tf.reduce_mean(tf.nn.softplus(logits) - logits * occupancy, axis=1)
        weight = seen + self._masked_weight * (1 - seen)
        return tf.reduce_sum(weight * of_sources, axis=1) / tf.reduce_sum(weight, axis=1)

    def _log_odds(self, decoded: tf.Tensor) -> tf.Tensor:
        """Return what the last convolution gives for the observed sources: float32 (windows, bins, sources).

        Their filters alone are used, because most cells have no source.
        """
        beside = self._layer.seen(tf.cast(decoded, tf.float32))
        kernel = tf.gather(self._layer.short_kernel("float32"), self._filters, axis=2)
        rows = tf.reshape(beside, (-1, beside.shape[2]))
        flat = tf.matmul(rows, tf.reshape(kernel, (kernel.shape[0], -1)))
        bins = kernel.shape[1] * beside.shape[1]
        return tf.reshape(flat, (-1, bins, self._sources)) + tf.gather(self._layer.bias, self._filters)


def _with_empty(windows: tf.Tensor) -> tf.Tensor:
    """Return the windows, and one of zeros."""
    return tf.pad(windows, [(0, 1)] + [(0, 0)] * (len(windows.shape) - 1))
