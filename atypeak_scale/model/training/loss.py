"""The squared error of windows, weighted by cell (method, section 3.2), without rebuilding them.

The last convolution is linear, and the target is linear in the occupancy. So the sum of squares over all
cells is a quadratic form in what the convolution sees and in the occupancy, and its gradients follow. The
matrices have as many columns as the decoder has channels and the store has sources, instead of m * n cells.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.config import TrainingSettings
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.keras_backend import tf
from atypeak_scale.model.layers import PHASES, SourceConvolution, with_gradient

FloatArray = npt.NDArray[np.float32]


class RebuildingError:
    """Mean over windows, bins and cells of the weight times the squared error of the rebuilt value.

    Parameters
    ----------
    layer : SourceConvolution
        The network's last convolution.
    given : float32 (sources, filters)
        What each source gives to the cell of each filter, as `crumb_matrix` returns it.
    weights : float32 array or None
        Weights of these cells, in any shape; None means all are 1.

    """

    def __init__(self, layer: SourceConvolution, given: FloatArray, weights: FloatArray | None) -> None:
        self._layer, self._given = layer, given
        flat = np.ones(given.shape[1], np.float32) if weights is None else weights.reshape(-1)
        self._weighted = given * flat
        self._root = np.sqrt(flat)
        self._of_occupancy = self._weighted @ given.T

    def __call__(self, decoded: tf.Tensor, occupancy: tf.Tensor) -> tf.Tensor:
        """Return the error.

        Parameters
        ----------
        decoded : tensor (windows, L, F)
            The layer's input.
        occupancy : float32 (windows, bins, sources)
            What the network saw, and should rebuild with its crumbs.

        Returns
        -------
        tensor ()
            The mean.

        """
        # The result is a small difference of large sums, so bfloat16 is not precise enough.
        seen = self._layer.seen(tf.cast(decoded, tf.float32))
        seen = tf.reshape(
            tf.pad(seen, [(0, 0), (0, 0), (0, 1)], constant_values=1.0), (-1, seen.shape[2] + 1)
        )
        bias = tf.tile(self._layer.bias[None, None], (1, PHASES, 1))
        kernel = tf.concat([self._layer.short_kernel("float32"), bias], axis=0)
        sources, cells = self._given.shape
        present = tf.reshape(occupancy, (-1, PHASES * sources))
        number = tf.cast(tf.size(occupancy) // sources * cells, tf.float32)
        total: tf.Tensor = self._sum_of_squares(seen, kernel, present)
        return total / number

    def _sum_of_squares(self, seen: tf.Tensor, kernel: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
        """Return the weighted sum of |seen kernel - present given|^2 over the rows.

        seen (rows, R), kernel (R, 4, cells), present (rows, 4 sources): each row is four bins.
        """
        rank, _, cells = kernel.shape
        sources = len(self._given)

        @with_gradient
        def total(seen: tf.Tensor, kernel: tf.Tensor) -> Any:
            rows = tf.concat([seen, present], axis=1)
            of_seen, of_both = tf.split(
                tf.matmul(seen, rows, transpose_a=True), [rank, PHASES * sources], axis=1
            )
            rooted = tf.reshape(kernel * self._root, (rank, PHASES * cells))
            of_kernel = tf.matmul(rooted, rooted, transpose_b=True)
            on_given = tf.matmul(tf.reshape(kernel, (-1, cells)), self._weighted, transpose_b=True)
            on_given = tf.reshape(on_given, (rank, PHASES * sources))
            flat = tf.reshape(present, (-1, sources))
            of_present = tf.matmul(flat, flat, transpose_a=True)
            value = (
                tf.reduce_sum(of_seen * of_kernel)
                - 2 * tf.reduce_sum(of_both * on_given)
                + tf.reduce_sum(of_present * self._of_occupancy)
            )

            def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                of_rows = tf.concat([of_kernel, -tf.transpose(on_given)], axis=0)
                rebuilt = tf.reshape(tf.matmul(of_seen, rooted), (rank, PHASES, cells)) * self._root
                wanted = tf.matmul(tf.reshape(of_both, (-1, sources)), self._weighted)
                of_weights = rebuilt - tf.reshape(wanted, (rank, PHASES, cells))
                return 2 * upstream * tf.matmul(rows, of_rows), 2 * upstream * of_weights

            return value, gradients

        return total(seen, kernel)


def loss_weights(
    settings: TrainingSettings, views: tuple[str, str], labels: tuple[tuple[str, ...], tuple[str, ...]]
) -> FloatArray | None:
    """Return the weight of every cell in the loss (method, section 3.2).

    Parameters
    ----------
    settings : TrainingSettings
        `view_weights` and `source_weights`.
    views : (str, str)
        Names of the views.
    labels : two tuples of str
        Their labels.

    Returns
    -------
    float32 (m, n) or None
        None if all weights are 1.

    Raises
    ------
    InputError
        If a weight is given for a label that the store does not have.

    """
    if not settings.view_weights and not settings.source_weights:
        return None
    of_view = []
    for view, names in zip(views, labels, strict=True):
        given = settings.view_weights.get(view, {})
        for label in given:
            if label not in names:
                raise InputError(
                    f"training.view_weights: no {view} {label!r} in the store; {nearest(label, names)}"
                )
        of_view.append(np.array([given.get(label, 1.0) for label in names], np.float32))
    weights = np.outer(*of_view)
    cells = {source_name((a, b)): (i, j) for i, a in enumerate(labels[0]) for j, b in enumerate(labels[1])}
    for name, weight in settings.source_weights.items():
        if name not in cells:
            raise InputError(
                f"training.source_weights: no source {name!r} in the store; {nearest(name, cells)}"
            )
        weights[cells[name]] = weight
    return weights
