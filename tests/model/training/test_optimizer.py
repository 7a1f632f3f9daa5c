import keras
import numpy as np
import tensorflow as tf

from atypeak_scale.model.training.optimizer import FusedAdam


def test_fused_adam__moves_as_keras_adam() -> None:
    rng = np.random.default_rng(1)
    shapes = [(3, 4), (5,), (2, 2, 2)]
    first = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    moved = []
    for optimizer in (FusedAdam(0.01), keras.optimizers.Adam(0.01)):
        variables = [keras.Variable(values) for values in first]
        gradients = np.random.default_rng(2)
        for _ in range(20):
            step = [tf.constant(gradients.normal(size=s).astype(np.float32)) for s in shapes]
            tf.function(lambda step: optimizer.apply(step, variables))(step)  # noqa: B023
        moved.append([variable.numpy() for variable in variables])
        assert int(optimizer.iterations) == 20
    for ours, expected in zip(*moved, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
