"""Some columns of Glorot's weights against Keras' own draw of all of them."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.model import initial_weights
from atypeak_scale.model.initial_weights import glorot_columns


@given(
    st.tuples(st.integers(1, 7), st.just(1), st.just(1), st.integers(1, 6), st.integers(1, 37)),
    st.integers(0, 2**32 - 1), st.integers(0, 2**31 - 1), st.sampled_from([1, 100, 1 << 20]),
)  # fmt: skip
def test_columns__are_those_of_keras(shape: tuple[int, ...], seed: int, choice: int, at_once: int) -> None:
    rng = np.random.default_rng(choice)
    columns = rng.permutation(shape[-1])[: rng.integers(1, shape[-1] + 1)]
    expected = keras.initializers.GlorotUniform(seed=seed)(shape).numpy()[..., columns]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initial_weights, "FLOATS_AT_ONCE", at_once)
        assert np.array_equal(glorot_columns(shape, columns.tolist(), seed), expected)


def test_columns__without_a_seed_differ() -> None:
    one, other = (glorot_columns((4, 1, 1, 3, 9), [2, 5], None) for _ in range(2))
    assert not np.array_equal(one, other)
