"""The encoder's first two convolutions without crumbs, as sums of parts (method, section 3).

Up to the second pooling everything except the two poolings is linear, and the first pooling stays within one
label of the second view. So what a field gives is the sum of what its parts give, and each part is computed
once (docs/architecture.md, Exact fast inference).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

from atypeak_scale.keras_backend import tf
from atypeak_scale.model.inference.receptive_fields import DistinctInputs, PartRuns, ReceptiveFields
from atypeak_scale.model.inference.row_sums import sum_rows

FloatArray = npt.NDArray[np.float32]
PARTS_AT_ONCE = 4096


class PartWeights:
    """The weights of the first two convolutions, in the shapes that parts are multiplied with.

    Parameters
    ----------
    arrays : sequence of float32 arrays
        The model's weights, as `weight_arrays` returns them.
    cells : sequence of (int, int)
        Cell of every source along the axes of the model.

    Attributes
    ----------
    filters : int
        Channels of the signal, F.
    signal_empty : float32 (F,)
        The signal before the second pooling at a position that sees no peak and no border.

    """

    def __init__(self, arrays: Sequence[FloatArray], cells: Sequence[tuple[int, int]]) -> None:
        kernel1, bias1, kernel2, bias2 = arrays[:4]
        self.filters = kernel1.shape[-1]
        labels = range(kernel2.shape[2])
        # By label: what a peak adds to the first convolution if it begins at an edge and never ends.
        self._steps = [_steps(kernel1[:, [i for i, j in cells if j == label], 0, 0]) for label in labels]
        self._taps = kernel2.shape[0]
        self._second = [tf.constant(kernel2[:, 0, label].reshape(-1, self.filters)) for label in labels]
        # With no peak in sight, every label's signal is the first bias.
        self.signal_empty: FloatArray = bias2 + np.einsum("kzif,i->f", kernel2[:, 0], bias1)

    def contributions(self, edges: sparse.csr_matrix, label: int) -> FloatArray:
        """Return what the parts of a label add to the second convolution.

        Parameters
        ----------
        edges : sparse (parts, sources of the label * (2k + 2))
            1 where a run begins and -1 after its end.
        label : int
            Index along the second view.

        Returns
        -------
        float32 (parts, 2, F)
            Values at the two positions whose maximum the second pooling takes.

        """
        signal = (edges @ self._steps[label]).reshape(edges.shape[0], -1, 2, self.filters)
        # The bias is the same wherever a label has a peak, so it is in signal_empty.
        pooled = np.maximum(signal[:, :, 0], signal[:, :, 1])
        # Only two positions of the convolution are needed, so two plain products are faster.
        added = [
            tf.matmul(pooled[:, at : at + self._taps].reshape(len(pooled), -1), self._second[label])
            for at in (0, 1)
        ]
        return np.stack(added, axis=1)

    def signals(self, sums: FloatArray) -> FloatArray:
        """Return the signals (inputs, F) after the second pooling from sums of parts (inputs, 2, F)."""
        signals: FloatArray = sums.max(axis=1) + self.signal_empty
        return signals


class PartSums:
    """The encoder's signals after the second pooling, for distinct inputs without crumbs.

    Parameters
    ----------
    weights : PartWeights
        Of the model.
    fields : ReceptiveFields
        The fields that found the inputs.
    inputs : DistinctInputs
        What to encode.

    Attributes
    ----------
    parts : float32 (parts, 2, F)
        What each part adds at the two positions whose maximum the second pooling takes.

    """

    def __init__(self, weights: PartWeights, fields: ReceptiveFields, inputs: DistinctInputs) -> None:
        self._weights, self._inputs = weights, inputs
        self.parts: FloatArray = np.empty((len(inputs.part_label), 2, weights.filters), np.float32)
        for label, runs in enumerate(inputs.part_runs):
            of_label = np.flatnonzero(inputs.part_label == label)
            if not len(of_label):
                continue
            edges = _edges(runs, len(of_label), int(fields.sources_of_label[label]), fields.width + 1)
            for start in range(0, len(of_label), PARTS_AT_ONCE):
                parts = of_label[start : start + PARTS_AT_ONCE]
                self.parts[parts] = weights.contributions(edges[start : start + len(parts)], label)

    def __call__(self, at: slice) -> FloatArray:
        """Return the signals of inputs `at`: float32 (inputs, F)."""
        return self._weights.signals(self.sums(at))

    def sums(self, at: slice) -> FloatArray:
        """Return the sums of the parts of inputs `at`: float32 (inputs, 2, F)."""
        inputs = self._inputs
        sums = sum_rows(inputs.members, inputs.bounds[at.start : at.stop + 1], self.parts)
        return sums.reshape(-1, *self.parts.shape[1:])


def _edges(runs: PartRuns, parts: int, sources: int, steps: int) -> sparse.csr_matrix:
    """Return the edges of a label's runs, as `contributions` takes them; steps: edges per source."""
    column = runs.channel * steps
    signs = np.repeat(np.array([1, -1], np.float32), len(runs.part))
    at = np.tile(runs.part, 2), np.concatenate([column + runs.first, column + runs.last + 1])
    return sparse.csr_matrix((signs, at), shape=(parts, sources * steps))


def _steps(kernel: FloatArray) -> FloatArray:
    """(k, sources, F) to (sources * (2k + 2), (k + 2) * F): the convolution of each step function.

    The field is 2k + 1 bins; step e of a source is 1 from bin e on.
    """
    k, sources, filters = kernel.shape
    steps = np.zeros((sources, 2 * k + 2, k + 2, filters), np.float32)
    later = np.concatenate([np.cumsum(kernel[::-1], axis=0)[::-1], np.zeros_like(kernel[:1])])
    for edge in range(2 * k + 2):
        taps = np.clip(edge - np.arange(k + 2), 0, k)
        steps[:, edge] = later[taps].transpose(1, 0, 2)
    return steps.reshape(sources * (2 * k + 2), (k + 2) * filters)
