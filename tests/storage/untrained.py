"""A model for the catalogue of the tests, whose labels are in another order than the store's."""

import numpy as np

from atypeak_scale.config import Config
from atypeak_scale.model.files import TrainedModel
from atypeak_scale.model.network import build_autoencoder


def untrained(config: Config) -> TrainedModel:
    network = build_autoencoder(320, 3, 3, config.model, seed=1)
    network.get_layer("sources").bias.assign(np.linspace(-0.2, 1, 9))
    return TrainedModel(network, (("d3", "d1", "d2"), ("z", "x", "y")), config)
