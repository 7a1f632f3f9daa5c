"""Gradient descent on packed windows, which are never expanded to all cells (method, sections 3.3 and 9.2).

The store gives one bit for each bin of an observed source. The first convolutions (sparse_convolutions.py)
and the errors take the occupancy of the sources.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from atypeak_scale.config import Config
from atypeak_scale.keras_backend import tf
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.sizes import filters_that_exist
from atypeak_scale.model.sparse_convolutions import SparseConvolutions
from atypeak_scale.model.training.dense_layers import DenseLayers
from atypeak_scale.model.training.optimizer import FusedAdam
from atypeak_scale.store.stream import unpack

MOST_STEPS_AT_ONCE = 8
SECONDS_AT_ONCE = 2.0  # roughly how long the graph runs without hearing Ctrl-C or reporting progress


def tell_nobody(done: int, total: int) -> None:
    """Listen to nothing."""


class Descent(ABC):
    """Trains an autoencoder on packed windows; subclasses say what its error is.

    Parameters
    ----------
    bins : int
        Bins of a window.
    shape : (int, int)
        m and n, numbers of labels of the two views.
    cells : list of (int, int)
        Indices of the first and the second label of every source.
    config : Config
        `model` and `training`.
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule
        Learning rate of every step, or of the step whose number it is called with.

    Attributes
    ----------
    autoencoder : keras.Model
        The network to train.
    windows_at_once : int
        Windows of a batch whose gradients are computed at once; with fewer than the batch has, they are added
        up, which takes less memory and more time.

    """

    def __init__(
        self,
        bins: int,
        shape: tuple[int, int],
        cells: list[tuple[int, int]],
        config: Config,
        learning_rate: Any,
    ) -> None:
        settings = config.training
        filters = filters_that_exist(config.model, shape, cells)
        self.autoencoder = build_autoencoder(
            bins, *shape, config.model, settings.seed, settings.precision, filters
        )
        self.convolutions = SparseConvolutions(self.autoencoder, cells, settings.crumbs)
        self.dense_layers = DenseLayers(self.autoencoder)
        self.decoded = self.autoencoder.get_layer("decoded")
        self.optimizer = FusedAdam(learning_rate)
        self.optimizer.build(self.autoencoder.trainable_variables)
        self.windows_at_once = settings.batch_windows
        self._sources, self._batch = len(cells), settings.batch_windows
        self._steps = tf.function(self._steps_in_graph, autograph=False)
        self._steps_at_once = 1  # until we know how long they take

    @abstractmethod
    def error(self, occupancy: tf.Tensor, first: tf.Tensor | int = 0) -> tf.Tensor:
        """Return what a step makes smaller, without L2.

        Parameters
        ----------
        occupancy : float32 (windows, bins, sources)
            A batch, or a part of it.
        first : int ()
            Number of the first of these windows in the batch.

        Returns
        -------
        float32 ()
            The error.

        """

    def decode(self, occupancy: tf.Tensor) -> tf.Tensor:
        """Return what the layer `decoded` gives for the occupancy of windows, dropout included."""
        return self.decoded(self.dense_layers(self.convolutions(occupancy)))

    def step(self, packed: tf.Tensor) -> tf.Tensor:
        """Take one step of gradient descent.

        Parameters
        ----------
        packed : uint8 (windows, bins, bytes)
            A batch, as `training_windows` gives it.

        Returns
        -------
        float32 ()
            The loss: the error plus L2.

        """
        variables = self.autoencoder.trainable_variables
        if self.windows_at_once < self._batch:
            loss, gradients = self._added_up(packed)
        else:
            occupancy = unpack(packed, self._sources)
            with tf.GradientTape() as tape:
                loss = tf.add_n([self.error(occupancy), *self.autoencoder.losses])
            gradients = tape.gradient(loss, variables)
        self.optimizer.apply(gradients, variables)
        return loss

    def _added_up(self, packed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Return loss and gradients of a batch, of some windows after the others."""
        variables, windows = self.autoencoder.trainable_variables, tf.shape(packed)[0]

        def add(
            first: tf.Tensor, loss: tf.Tensor, gradients: list[tf.Tensor]
        ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
            some = packed[first : first + self.windows_at_once]
            share = tf.cast(tf.shape(some)[0], tf.float32) / tf.cast(windows, tf.float32)
            with tf.GradientTape() as tape:
                error = share * self.error(unpack(some, self._sources), first)
            found = tape.gradient(error, variables)
            added = [before + more for before, more in zip(gradients, found, strict=True)]
            return first + self.windows_at_once, loss + error, added

        with tf.GradientTape() as tape:
            penalty = tf.add_n(self.autoencoder.losses)
        of_penalty = [
            tf.zeros(variable.shape) if gradient is None else gradient  # biases have no L2
            for variable, gradient in zip(variables, tape.gradient(penalty, variables), strict=True)
        ]
        start = tf.constant(0), penalty, of_penalty
        _, loss, gradients = tf.while_loop(
            lambda first, *_: first < windows, add, start, parallel_iterations=1
        )
        return loss, gradients

    def epoch(
        self,
        batches: Iterator[tf.Tensor],
        steps: int,
        on_steps: Callable[[int, int], None] = tell_nobody,
    ) -> float:
        """Take several steps.

        Parameters
        ----------
        batches : iterator
            Batches of packed windows; each step takes one.
        steps : int
            Number of steps.
        on_steps : function
            Called with the number of steps done and their total; after every step, if a step takes seconds.

        Returns
        -------
        float
            Mean of the losses of the steps.

        """
        total = 0.0
        for start in range(0, steps, MOST_STEPS_AT_ONCE):
            stop = min(start + MOST_STEPS_AT_ONCE, steps)
            # Losses are added in float32, in the same order however many steps are taken at once.
            loss, done = tf.constant(0.0), start
            while done < stop:
                count = min(self._steps_at_once, stop - done)
                began = time.monotonic()
                loss = self._steps(batches, tf.constant(count), loss)
                loss.numpy()  # wait until they are done
                each = max((time.monotonic() - began) / count, 1e-6)
                self._steps_at_once = min(max(int(SECONDS_AT_ONCE / each), 1), MOST_STEPS_AT_ONCE)
                done += count
                on_steps(done, steps)
            total += float(loss)
        return total / steps

    def _steps_in_graph(self, batches: Iterator[tf.Tensor], steps: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
        """Add the losses of some steps to those before, without returning to Python in between.

        TensorFlow sorts the terms of a sum by name: another name for `before` changes the last bit of the
        sums.
        """

        def step(done: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return done + 1, total + self.step(next(batches))

        return tf.while_loop(lambda done, _: done < steps, step, (0, before))[1]
