"""Training that makes the autoencoder rebuild what it sees (method, sections 3.2 and 3.3)."""

import numpy as np
import numpy.typing as npt

from atypeak_scale.config import Config
from atypeak_scale.keras_backend import tf
from atypeak_scale.model.training.descent import Descent
from atypeak_scale.model.training.loss import RebuildingError
from atypeak_scale.store.stream import crumb_matrix, crumbs_between


class PackedTraining(Descent):
    """Trains an autoencoder on packed windows, without ever expanding its input, output or target.

    Parameters
    ----------
    bins, shape, cells, config
        As `Descent` takes them.
    weights : float32 (m, n) or None
        Weights of the cells in the loss; None means all are 1.

    """

    def __init__(
        self,
        bins: int,
        shape: tuple[int, int],
        cells: list[tuple[int, int]],
        config: Config,
        weights: npt.NDArray[np.float32] | None = None,
    ) -> None:
        settings = config.training
        super().__init__(bins, shape, cells, config, settings.learning_rate)
        layer = self.autoencoder.get_layer("sources")
        if layer.cells is None:
            given = crumb_matrix(cells, shape, settings.crumbs)
        else:
            order = np.argsort(layer.places_of([i * shape[1] + j for i, j in cells]))
            given = crumbs_between(cells, settings.crumbs)[:, order]
            weights = None if weights is None else weights.reshape(-1)[layer.cells]
        self._rebuilding = RebuildingError(layer, given, weights)

    def error(self, occupancy: tf.Tensor, first: tf.Tensor | int = 0) -> tf.Tensor:
        """Return the mean over the rebuilt cells of weight times squared error (method, section 3.2)."""
        return self._rebuilding(self.decode(occupancy), occupancy)
