import numpy as np
import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.model.training.all_epochs import AllEpochs


def follow(validation: list[float], epochs: int | None = None) -> AllEpochs:
    """Return the course of epochs with these validation losses; the weights say which epoch they are of."""
    given = iter(validation)
    course = AllEpochs(len(validation) if epochs is None else epochs, lambda: next(given))
    for epoch in range(1, len(validation) + 1):
        course.add(10.0 - epoch, lambda epoch=epoch: [np.float32(epoch)])  # type: ignore[misc]
    return course


def test_all_epochs__runs_them_all_and_keeps_the_last() -> None:
    course = follow([0.5, 0.3, 0.4])
    assert (course.losses, course.validation_losses) == ([9.0, 8.0, 7.0], [0.5, 0.3, 0.4])
    assert (course.kept_epoch, course.kept_loss, course.kept_weights) == (3, 7.0, [3])
    assert course.stopped == "max_epochs"
    assert course.detail() == "loss 7.000000, validation loss 0.400000"
    assert follow([0.5, 0.3], epochs=3).stopped is None


def test_all_epochs__without_validation_says_the_loss_only() -> None:
    course = follow([np.nan, np.nan])
    assert course.detail() == "loss 8.000000"
    assert course.advice() is None


def test_all_epochs__interrupted_while_it_validates_keeps_the_epoch_before() -> None:
    validation = iter([0.5])

    def validate() -> float:
        for loss in validation:
            return loss
        raise KeyboardInterrupt

    course = AllEpochs(3, validate)
    course.add(2.0, lambda: [np.float32(1)])
    with pytest.raises(KeyboardInterrupt):
        course.add(1.0, lambda: [np.float32(2)])
    assert (course.losses, course.validation_losses) == ([2.0], [0.5])
    assert (course.kept_epoch, course.kept_loss, course.kept_weights) == (1, 2.0, [1])


def test_all_epochs__loss_that_is_no_number() -> None:
    course = AllEpochs(3, lambda: 0.5)
    course.add(1.0, list)
    with pytest.raises(InputError, match=r"epoch 2: the loss is inf; lower support.learning_rate"):
        course.add(float("inf"), list)


def test_advice__only_if_the_loss_rose_or_still_fell() -> None:
    flat = [1.0, 0.6, 0.5, 0.45, 0.42, 0.41, 0.405, 0.402, 0.401, 0.4]
    assert follow(flat).advice() is None
    assert follow([*flat[:-1], 0.404]).advice() is None
    assert follow([*flat[:-1], 0.41]).advice() == (
        "the validation loss rose from 0.401000 after epoch 9 to 0.410000; lower support.epochs to about 9"
    )
    assert follow([*flat[:-2], 0.395, 0.39]).advice() is None
    assert follow([*flat[:-2], 0.39, 0.37]).advice() == (
        "the validation loss still fell by 8.0% in the last 2 epochs; raise support.epochs above 10"
    )
    assert follow([0.5, 0.4]).advice() == (
        "the validation loss still fell by 20.0% in the last epoch; raise support.epochs above 2"
    )
    assert follow([0.5]).advice() is None
    assert follow([0.5, 0.4], epochs=3).advice() is None
