"""The autoencoder (method, section 3; article, Autoencoder model)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from atypeak_scale.config import ModelSettings
from atypeak_scale.errors import InputError
from atypeak_scale.keras_backend import keras
from atypeak_scale.model.layers import (
    DeepConvolution,
    FirstViewConvolution,
    SecondViewConvolution,
    SourceConvolution,
)

FloatArray = npt.NDArray[np.float32]
DENSE_LAYERS = 3  # before `encoded`


def build_autoencoder(
    bins: int,
    m: int,
    n: int,
    settings: ModelSettings,
    seed: int,
    precision: str = "float32",
    cells: Sequence[int] | None = None,
) -> keras.Model:
    """Return the untrained model (method, section 3).

    Parameters
    ----------
    bins : int
        Bins of a window.
    m, n : int
        Numbers of labels of the first and the second view.
    settings : ModelSettings
        Kernel width, filters, deep dimension, L2 and dropout.
    seed : int
        Decides the initial weights and the dropout.
    precision : str
        A Keras dtype policy; weights are always float32.
    cells : sequence of int or None
        Sorted numbers, along the m * n filters of the last layer, of those that exist; the others would
        rebuild 0. None means all. See sizes.py.

    Returns
    -------
    keras.Model
        (batch, bins, m, n) in and out. Its layer `encoded` gives (batch, (bins + 4k) / 4, deep dimension).

    Raises
    ------
    InputError
        If the frame does not fit the kernel width (method, section 3.1).

    """
    settings.check_frame(bins)
    k, filters = settings.kernel_width, settings.filters
    seeds = iter(int(s) for s in np.random.SeedSequence(seed).generate_state(16))
    window = keras.Input((bins, m, n), name="window", dtype="float32")
    x = FirstViewConvolution(k, filters, settings.l2, next(seeds), name="first_view", dtype=precision)(window)
    x = SecondViewConvolution(k, filters, settings.l2, next(seeds), name="second_view", dtype=precision)(x)
    for number in range(1, DENSE_LAYERS + 1):
        x = _dense(settings.deep_dimension, next(seeds), f"dense_{number}", precision)(x)
        x = keras.layers.Dropout(
            settings.dropout, seed=next(seeds), name=f"dropout_{number}", dtype=precision
        )(x)
    x = _dense(settings.deep_dimension, next(seeds), "encoded", precision)(x)
    x = DeepConvolution(k, filters, 0.0, next(seeds), name="decoded", dtype=precision)(x)
    x = SourceConvolution(k, m * n, 0.0, next(seeds), cells, name="sources", dtype=precision)(x)
    rebuilt = keras.layers.Reshape((bins, m, n), name="rebuilt", dtype=precision)(x)
    return keras.Model(window, rebuilt, name="atypeak")


def _dense(units: int, seed: int, name: str, precision: str) -> keras.layers.Layer:
    initializer = keras.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(
        units, activation="relu", kernel_initializer=initializer, name=name, dtype=precision
    )


def autoencoder_from_arrays(arrays: Sequence[FloatArray], bins: int, m: int, n: int) -> keras.Model:
    """Return a model with the given weights; its sizes follow from their shapes.

    Parameters
    ----------
    arrays : sequence of float32 arrays
        Kernel and bias of each layer, in the order of the table in method, section 3. Kernels of convolutions
        are (bins, datasets, TRs, in, out); the filters of the last one are counted dataset by dataset.
    bins, m, n : int
        As `build_autoencoder` takes them.

    Returns
    -------
    keras.Model
        The model.

    Raises
    ------
    InputError
        If the shape of an array does not fit; the error names the first.

    """
    if len(arrays) != 2 * (5 + DENSE_LAYERS):
        raise InputError(
            f"{len(arrays)} weight arrays; expected a kernel and a bias for each of {5 + DENSE_LAYERS} layers"
        )
    settings = ModelSettings(
        kernel_width=arrays[0].shape[0], filters=arrays[0].shape[-1], deep_dimension=arrays[4].shape[-1]
    )
    model = build_autoencoder(bins, m, n, settings, seed=0)
    weights = model.trainable_variables
    for number, (array, weight) in enumerate(zip(arrays, weights, strict=True)):
        if tuple(array.shape) != tuple(weight.shape):
            raise InputError(
                f"weight array {number} ({weight.path}) has shape {tuple(array.shape)}; "
                f"expected {tuple(weight.shape)}"
            )
        weight.assign(array)
    return model


def weight_arrays(model: keras.Model) -> list[FloatArray]:
    """Return the weights as `autoencoder_from_arrays` takes them."""
    return [np.asarray(weight, np.float32) for weight in model.trainable_variables]


def parameters(model: keras.Model) -> int:
    """Return the number of trainable parameters with all m * n filters of the last layer, as published."""
    last = model.get_layer("sources")
    count = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    missing = int(last.filters) - int(last.kernel.shape[-1])
    return count + missing * (1 + int(np.prod(last.kernel.shape[:-1])))
