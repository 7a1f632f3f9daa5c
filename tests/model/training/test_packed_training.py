import keras
import numpy as np
import tensorflow as tf

from atypeak_scale.config import Config
from atypeak_scale.model.training.packed_training import PackedTraining
from atypeak_scale.store.stream import crumb_matrix, unpack


def test_packed_training__is_the_autoencoder_on_expanded_windows(config: Config) -> None:
    config = config.model_copy(update={"model": config.model.model_copy(update={"dropout": 0.0})})
    cells = [(0, 1), (1, 0)]
    training = PackedTraining(320, (2, 2), cells, config)
    assert isinstance(training.autoencoder, keras.Model)
    packed = np.random.default_rng(1).integers(0, 4, (3, 320, 1)).astype(np.uint8) << 6
    occupancy = unpack(tf.constant(packed), 2)
    windows = (occupancy.numpy() @ crumb_matrix(cells, (2, 2), config.training.crumbs)).reshape(3, 320, 2, 2)
    decoded = training.decoded(training.dense_layers(training.convolutions(occupancy)))
    ours = training.autoencoder.get_layer("sources")(decoded).numpy().reshape(windows.shape)
    np.testing.assert_allclose(ours, training.autoencoder(windows, training=False).numpy(), atol=1e-5)
