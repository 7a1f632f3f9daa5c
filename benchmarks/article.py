"""The network of method, section 3, layer by layer, with three-dimensional convolutions as in the article."""

import keras

layers = keras.layers


def article_model(bins: int, m: int, n: int, k: int, filters: int, deep: int) -> keras.Model:
    """Return the model from (batch, bins, m, n, 1) to (batch, bins, m, n), without its dropout."""
    window = keras.Input((bins, m, n, 1))
    x = layers.ZeroPadding3D(((2 * k, 2 * k), (0, 0), (0, 0)))(window)
    x = layers.Conv3D(filters, (k, m, 1))(x)
    x = layers.ZeroPadding3D(((k // 2, k // 2 - 1), (0, 0), (0, 0)))(x)
    x = layers.MaxPooling3D((2, 1, 1))(x)
    x = layers.Conv3D(filters, (k // 2, 1, n))(x)
    x = layers.ZeroPadding3D(((k // 4, k // 4 - 1), (0, 0), (0, 0)))(x)
    x = layers.MaxPooling3D((2, 1, 1))(x)
    for _ in range(4):
        x = layers.Dense(deep, activation="relu")(x)
    x = layers.Permute((1, 4, 2, 3))(x)
    x = layers.Reshape((x.shape[1], deep, 1, 1))(x)
    x = layers.Conv3D(filters, (k, deep, 1))(x)
    x = layers.ZeroPadding3D(((k // 2, k // 2 - 1), (0, 0), (0, 0)))(x)
    x = layers.UpSampling3D((4, 1, 1))(x)
    x = layers.Conv3D(m * n, (k, 1, 1), padding="same")(x)
    x = layers.Cropping3D(((2 * k, 2 * k), (0, 0), (0, 0)))(x)
    return keras.Model(window, layers.Reshape((bins, m, n))(x))
