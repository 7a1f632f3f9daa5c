"""When training ends, and which epoch's weights are kept (method, section 3.3)."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from atypeak_scale.config import TrainingSettings
from atypeak_scale.errors import InputError
from atypeak_scale.model.description import LAST, LOW, SETTLED

FloatArray = npt.NDArray[np.float32]


class EarlyStopping:
    """Follows training, decides when it ends, and keeps the best weights (method, section 3.3).

    The best epoch is the last one whose loss was below the best before it by more than `min_delta`, or that
    reached `stop_at_loss`.

    Parameters
    ----------
    settings : TrainingSettings
        `min_delta`, `patience`, `stop_at_loss` and `max_epochs`.

    Attributes
    ----------
    losses : list of float
        Loss of each epoch.
    validation_losses : list of float
        Always empty: nothing is kept out.
    kept_epoch, kept_loss, kept_weights
        The best epoch, counted from 1 (0: none yet), its loss and its weights.
    stopped : str or None
        Why training ended; None while it continues.

    """

    def __init__(self, settings: TrainingSettings) -> None:
        self._settings = settings
        self.kept_weights: list[FloatArray] = []
        self.kept_epoch = 0
        self.kept_loss = np.inf
        self.losses: list[float] = []
        self.validation_losses: list[float] = []
        self.stopped: str | None = None

    def add(self, loss: float, weights: Callable[[], list[FloatArray]]) -> None:
        """Record an epoch.

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
        self.losses.append(loss)
        epoch = len(self.losses)
        check_loss(loss, epoch, "training.learning_rate")
        limit = self._settings.stop_at_loss
        reached = limit is not None and loss <= limit
        # The loss that a user asked for is kept even if it is hardly below the best.
        if loss < self.kept_loss - (0 if reached else self._settings.min_delta):
            # In one assignment, so that Ctrl-C during the copy cannot leave one epoch with the weights of
            # another.
            self.kept_epoch, self.kept_loss, self.kept_weights = epoch, loss, weights()
        if reached:
            self.stopped = LOW
        elif epoch - self.kept_epoch >= self._settings.patience:
            self.stopped = SETTLED
        elif epoch == self._settings.max_epochs:
            self.stopped = LAST

    def detail(self) -> str:
        """Say how the last epoch ended, and which is the best."""
        step = self._settings.min_delta
        least = f" (less only counts if by {step:g})" if step else ""
        return f"loss {self.losses[-1]:.6f}, best {self.kept_loss:.6f} in epoch {self.kept_epoch}{least}"


def check_loss(loss: float, epoch: int, setting: str) -> None:
    """Raise InputError, which names the setting to lower, if the loss of an epoch is not finite."""
    if not np.isfinite(loss):
        raise InputError(f"epoch {epoch}: the loss is {loss}; lower {setting} in the config")
