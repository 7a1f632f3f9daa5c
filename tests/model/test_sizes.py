"""Which filters there are, and numbers of parameters against a network."""

from atypeak_scale.config import ModelSettings
from atypeak_scale.model.network import build_autoencoder, parameters
from atypeak_scale.model.sizes import filters_that_exist, parameters_of_layers


def test_filters_that_exist__all_while_they_are_few() -> None:
    cells = [(2, 1), (0, 3)]
    for choice, shape, expected in (
        ("auto", (100, 100), None), ("auto", (100, 101), [3, 203]), ("all", (100, 101), None),
        ("observed", (3, 4), [3, 9]),
    ):  # fmt: skip
        settings = ModelSettings.model_validate({"cells": choice})
        assert filters_that_exist(settings, shape, cells) == expected


def test_parameters_of_layers__add_up_to_those_of_the_network() -> None:
    settings = ModelSettings(kernel_width=8, filters=3, deep_dimension=5)
    network = build_autoencoder(32, 4, 7, settings, seed=1, cells=[0, 5, 27])
    assert sum(parameters_of_layers(settings, (4, 7), 28).values()) == parameters(network)
    there = parameters_of_layers(settings, (4, 7), 3)
    for name, count in there.items():
        layers = [layer for layer in network.layers if layer.name == name]
        if name == "dense":
            layers = [network.get_layer(one) for one in ("dense_1", "dense_2", "dense_3", "encoded")]
        assert sum(layer.count_params() for layer in layers) == count
