"""The course of a training that runs all its epochs and keeps the last (method, section 9.2)."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from atypeak_scale.model.description import LAST
from atypeak_scale.model.training.early_stopping import check_loss

FloatArray = npt.NDArray[np.float32]
# Changes of the validation loss, as a share of it, that mean nothing.
SMALL_RISE, SMALL_FALL = 0.01, 0.05


class AllEpochs:
    """Follows training to its last epoch, and keeps the weights of the last one that was finished.

    Parameters
    ----------
    epochs : int
        How many to run.
    validate : function
        Returns the validation loss of the network as it is; NaN if nothing was kept out.

    Attributes
    ----------
    losses, validation_losses : list of float
        Losses of each epoch.
    kept_epoch, kept_loss, kept_weights
        The last epoch, counted from 1 (0: none yet), its loss and its weights.
    stopped : str or None
        Why training ended; None while it continues.

    """

    def __init__(self, epochs: int, validate: Callable[[], float]) -> None:
        self._epochs, self._validate = epochs, validate
        self.losses: list[float] = []
        self.validation_losses: list[float] = []
        self.kept_weights: list[FloatArray] = []
        self.kept_epoch = 0
        self.kept_loss = np.inf
        self.stopped: str | None = None

    def add(self, loss: float, weights: Callable[[], list[FloatArray]]) -> None:
        """Record an epoch, and validate the network that it left.

        Parameters
        ----------
        loss : float
            Mean loss of its steps.
        weights : function
            Returns a copy of the weights that the epoch left.

        Raises
        ------
        InputError
            If the loss is not a finite number.

        """
        epoch = len(self.losses) + 1
        check_loss(loss, epoch, "support.learning_rate")
        losses = [*self.losses, loss]
        validation_losses = [*self.validation_losses, self._validate()]
        copied = weights()
        # In one assignment without a call, so that Ctrl-C cannot leave one epoch with parts of another.
        self.losses, self.validation_losses, self.kept_epoch, self.kept_loss, self.kept_weights = (
            losses, validation_losses, epoch, loss, copied,
        )  # fmt: skip
        if epoch == self._epochs:
            self.stopped = LAST

    def detail(self) -> str:
        """Say how the last epoch ended."""
        validation = self.validation_losses[-1]
        told = f", validation loss {validation:.6f}" if np.isfinite(validation) else ""
        return f"loss {self.losses[-1]:.6f}{told}"

    def advice(self) -> str | None:
        """Say what to change if the number of epochs did not suit the data; None if it did.

        There were too many if the last validation loss is more than 1% above the lowest. There were too few
        if it fell by more than 5% over the last fifth of the epochs, where the learning rate is so low that a
        trained network hardly moves. A smaller fall says nothing: the loss includes the sources that are not
        masked, and a network goes on to copy these better when it predicts masked ones no better.

        Returns
        -------
        str or None
            One sentence; None also if training was interrupted or nothing was kept out.

        """
        losses = self.validation_losses
        if self.stopped != LAST or not np.isfinite(losses).all():
            return None
        last, lowest = losses[-1], min(losses)
        if last > lowest * (1 + SMALL_RISE):
            epoch = losses.index(lowest) + 1
            return (
                f"the validation loss rose from {lowest:.6f} after epoch {epoch} to {last:.6f}; lower "
                f"support.epochs to about {epoch}"
            )
        fifth = max(1, round(len(losses) / 5))
        if len(losses) > fifth and last < losses[-1 - fifth] * (1 - SMALL_FALL):
            fall = 1 - last / losses[-1 - fifth]
            over = "epoch" if fifth == 1 else f"{fifth} epochs"
            return (
                f"the validation loss still fell by {fall:.1%} in the last {over}; raise support.epochs "
                f"above {len(losses)}"
            )
        return None
