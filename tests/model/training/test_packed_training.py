import keras
import numpy as np
import pytest
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


def test_packed_training__of_observed_cells_is_the_weighted_mean_over_them(config: Config) -> None:
    sizes = config.model.model_copy(update={"dropout": 0.0, "cells": "observed"})
    cells = [(1, 2), (0, 1), (1, 0)]  # in any order
    weights = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
    training = PackedTraining(320, (2, 3), cells, config.model_copy(update={"model": sizes}), weights)
    layer = training.autoencoder.get_layer("sources")
    assert layer.kernel.shape[-1] == 3
    layer.bias.assign([0.5, -0.25, 1.0])
    packed = np.random.default_rng(1).integers(0, 8, (3, 320, 1)).astype(np.uint8) << 5
    occupancy = unpack(tf.constant(packed), 3)
    target = (occupancy.numpy() @ crumb_matrix(cells, (2, 3), config.training.crumbs)).reshape(3, 320, 2, 3)
    rebuilt = training.autoencoder(target, training=False).numpy()
    expected = np.mean([weights[i, j] * (rebuilt - target)[:, :, i, j] ** 2 for i, j in cells])
    assert float(training.error(occupancy)) == pytest.approx(expected, rel=1e-4)
    assert not rebuilt[:, :, 0, 0].any()
