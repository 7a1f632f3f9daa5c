import numpy as np
import pytest

from atypeak_scale.config import TrainingSettings
from atypeak_scale.errors import InputError
from atypeak_scale.model.training.early_stopping import EarlyStopping


def follow(losses: list[float], **settings: object) -> EarlyStopping:
    """Stopping after those epochs; the weights say which epoch they are of."""
    course = EarlyStopping(TrainingSettings.model_validate(settings))
    for epoch, loss in enumerate(losses, 1):
        course.add(loss, lambda epoch=epoch: [np.float32(epoch)])  # type: ignore[misc]
        if course.stopped:
            break
    return course


PUBLISHED = [
    0.07119637217853546, 0.04102228713989258, 0.023753471672534943, 0.013876674696803093,
    0.008674994111061096,
    0.0055917068384587765, 0.0038830931298434734, 0.0031010955572128296, 0.002633163472637534,
    0.0023395156022161245, 0.0024215583689510822, 0.002388287801295519, 0.0022480119951069355,
    0.0023618240375071764, 0.00221835495904088, 0.002, 0.001,
]  # fmt: skip


def test_stopping__on_the_published_losses_keeps_epoch_10_of_15() -> None:
    keep = follow(PUBLISHED)
    assert (len(keep.losses), keep.kept_epoch, keep.kept_weights, keep.stopped) == (15, 10, [10], "settled")


def test_stopping__a_loss_that_was_asked_for_is_kept_however_near_the_best() -> None:
    keep = follow([0.00280, 0.00258, 0.001], stop_at_loss=0.0026)
    assert (keep.kept_epoch, keep.kept_loss, keep.stopped) == (2, 0.00258, "stop_at_loss")
    worse = follow([0.5, 0.0025, 0.0026], stop_at_loss=0.0001, patience=1)
    assert (worse.kept_epoch, worse.stopped) == (2, "settled")


def test_stopping__at_an_absolute_loss() -> None:
    keep = follow(PUBLISHED, stop_at_loss=0.003)
    assert (len(keep.losses), keep.kept_epoch, keep.stopped) == (9, 9, "stop_at_loss")


def test_stopping__interrupted_while_the_weights_are_copied_keeps_the_best_before() -> None:
    course = follow([0.5])

    def interrupt() -> list[np.ndarray]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        course.add(0.1, interrupt)
    assert (course.kept_epoch, course.kept_loss, course.kept_weights) == (1, 0.5, [1.0])


def test_stopping__loss_that_is_no_number() -> None:
    with pytest.raises(InputError, match=r"epoch 2: the loss is nan; lower training.learning_rate"):
        follow([1.0, float("nan")])


def test_stopping__after_the_last_epoch_that_is_allowed() -> None:
    keep = follow([0.4, 0.3, 0.2, 0.1], max_epochs=3)
    assert (keep.losses, keep.kept_epoch, keep.stopped) == ([0.4, 0.3, 0.2], 3, "max_epochs")
