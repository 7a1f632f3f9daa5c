"""How large a network is, known without TensorFlow."""

from collections.abc import Sequence

from atypeak_scale.config import ModelSettings

MOST_CELLS = 10_000  # with all their filters, unless the configuration says otherwise


def filters_that_exist(
    settings: ModelSettings, shape: tuple[int, int], cells: Sequence[tuple[int, int]]
) -> list[int] | None:
    """Return which filters the last layer has (method, section 3.6).

    Parameters
    ----------
    settings : ModelSettings
        Their `cells`.
    shape : (int, int)
        m and n.
    cells : sequence of (int, int)
        Indices of both labels of every source.

    Returns
    -------
    list of int or None
        As `build_autoencoder` takes them.

    """
    m, n = shape
    if settings.cells == "all" or (settings.cells == "auto" and m * n <= MOST_CELLS):
        return None
    return sorted(i * n + j for i, j in cells)


def parameters_of_layers(settings: ModelSettings, shape: tuple[int, int], filters: int) -> dict[str, int]:
    """Return the number of parameters of each kind of layer (method, section 3).

    Parameters
    ----------
    settings : ModelSettings
        Sizes of the network.
    shape : (int, int)
        m and n.
    filters : int
        Filters of the last layer: m * n as published, or those that exist.

    Returns
    -------
    dict of str to int
        By name: first_view, second_view, dense (all four), decoded, sources.

    """
    (m, n), k, f, d = shape, settings.kernel_width, settings.filters, settings.deep_dimension
    return {
        "first_view": k * m * f + f,
        "second_view": k // 2 * n * f * f + f,
        "dense": f * d + d + 3 * (d * d + d),
        "decoded": k * d * f + f,
        "sources": (k * f + 1) * filters,
    }
