"""A trained model on disk: one folder that describes itself, and gives identical output when loaded again.

model.keras    the network, loadable by Keras alone once this package is imported
config.yaml    every setting it was trained with
history.csv    loss of each epoch; also the validation loss if the model is one of support
model.json     labels of the two views, how training ended, fingerprint
"""

import csv
import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.config import Config, dump_config, load_config
from atypeak_scale.errors import InputError
from atypeak_scale.keras_backend import keras
from atypeak_scale.model.description import (
    CONFIG,
    DESCRIPTION,
    HISTORY,
    INTERRUPTED,
    LAST,
    LOW,
    NETWORK,
    SETTLED,
    describe_model,
)
from atypeak_scale.model.network import FloatArray, autoencoder_from_arrays, weight_arrays
from atypeak_scale.model.network_file import load_network
from atypeak_scale.storage import locations
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Training:
    """How a training ended.

    Attributes
    ----------
    epochs : int
        Epochs run.
    kept_epoch : int
        The epoch whose weights were kept, counted from 1.
    kept_loss : float
        Its loss.
    stopped : str
        Why it ended; one of the reasons in description.py.
    kept_validation_loss : float or None
        Loss of that epoch on windows that were kept out of training (method, section 9.2); None if there were
        none.

    """

    epochs: int
    kept_epoch: int
    kept_loss: float
    stopped: str
    kept_validation_loss: float | None = None

    def explain(self) -> str:
        """Say why training stopped."""
        reasons = {
            SETTLED: "the loss settled",
            LOW: "the loss reached training.stop_at_loss",
            LAST: "all its epochs were done",
            INTERRUPTED: "interrupted",
        }
        return f"stopped after {self.epochs} epochs: {reasons[self.stopped]}"

    def explain_kept(self) -> str:
        """Say which weights were kept, and their losses."""
        validation = self.kept_validation_loss
        told = "" if validation is None else f", validation loss {validation:.6f}"
        return f"the weights of epoch {self.kept_epoch}, loss {self.kept_loss:.6f}{told}"


@dataclass(frozen=True)
class TrainedModel:
    """A network, and what it was made from.

    Attributes
    ----------
    network : keras.Model
        The autoencoder, (windows, bins, m, n) in and out.
    labels : two tuples of str
        Labels of the two views, in the order of the network's axes.
    config : Config
        Every setting it was trained with.
    training : Training or None
        How training ended; None if the weights came from elsewhere.
    history : tuple of float
        Loss of each epoch.
    store : str or None
        Fingerprint of the inputs of the store it was trained on.
    name : str
        Name of its folder.
    validation_history : tuple of float
        Validation loss of each epoch (method, section 9.2), NaN if nothing was kept out; empty if the
        objective was the article's.

    """

    network: keras.Model
    labels: tuple[tuple[str, ...], tuple[str, ...]]
    config: Config
    training: Training | None = None
    history: tuple[float, ...] = ()
    store: str | None = None
    name: str = "model"
    validation_history: tuple[float, ...] = ()

    @property
    def bins(self) -> int:
        """Bins of a window."""
        return int(self.network.input_shape[1])

    def indices_of(self, labels: tuple[Sequence[str], Sequence[str]]) -> tuple[IntArray, IntArray]:
        """Return where the labels of each view lie along the axes of the network.

        Parameters
        ----------
        labels : two sequences of str
            Labels that the model knows, in any order.

        Returns
        -------
        two int64 arrays (labels of the view,)
            Indices.

        """
        first, second = ({label: i for i, label in enumerate(names)} for names in self.labels)
        return (
            np.array([first[label] for label in labels[0]], np.int64),
            np.array([second[label] for label in labels[1]], np.int64),
        )

    def fingerprint(self) -> str:
        """SHA-256 of weights, labels and settings of model and training."""
        digest = hashlib.sha256()
        settings: dict[str, Any] = {
            "labels": self.labels,
            "bins": self.bins,
            # Defaults are left out, so that a setting added later does not change the names of existing
            # models.
            "model": self.config.model.model_dump(mode="json", exclude_defaults=True),
            "training": self.config.training.model_dump(mode="json", exclude_defaults=True),
        }
        if self.config.training.objective == "support":
            settings["support"] = self.config.support.model_dump(mode="json", exclude_defaults=True)
        if (cells := self.network.get_layer("sources").cells) is not None:
            settings["cells"] = cells
        digest.update(json.dumps(settings, sort_keys=True).encode())
        for array in weight_arrays(self.network):
            digest.update(str(array.shape).encode() + np.ascontiguousarray(array, "<f4").tobytes())
        return digest.hexdigest()


def model_from_arrays(
    arrays: Sequence[FloatArray], labels: tuple[Sequence[str], Sequence[str]], config: Config
) -> TrainedModel:
    """Return a model with the given weights, such as those of another program.

    Parameters
    ----------
    arrays : sequence of float32 arrays
        As `autoencoder_from_arrays` takes them.
    labels : two sequences of str
        Labels of the first and the second view, in the order of the axes.
    config : Config
        Settings; the sizes of the network are read from the arrays.

    Returns
    -------
    TrainedModel
        The model; its `training` is None.

    Raises
    ------
    InputError
        If an array does not fit; the error names the first.

    """
    first, second = tuple(labels[0]), tuple(labels[1])
    network = autoencoder_from_arrays(arrays, config.store.bins, len(first), len(second))
    sizes = {
        "kernel_width": arrays[0].shape[0],
        "filters": arrays[0].shape[-1],
        "deep_dimension": arrays[4].shape[-1],
    }
    model = config.model.model_copy(update=sizes)
    return TrainedModel(network, (first, second), config.model_copy(update={"model": model}))


def save_model(model: TrainedModel, folder: Location) -> Location:
    """Write a model, whole or not at all.

    Parameters
    ----------
    model : TrainedModel
        What to write.
    folder : str or Path
        New folder or URL.

    Returns
    -------
    str or Path
        The folder.

    Raises
    ------
    InputError
        If the folder exists.

    """
    with target(folder).new_folder(last=DESCRIPTION) as partial:
        model.network.save(partial / NETWORK)
        (partial / CONFIG).write_text(dump_config(model.config), encoding="utf-8")
        with (partial / HISTORY).open("w", newline="", encoding="utf-8") as out:
            csv.writer(out, lineterminator="\n").writerows(_history_rows(model))
        (partial / DESCRIPTION).write_text(json.dumps(_description(model), indent=1) + "\n", encoding="utf-8")
    return locations.join(folder)


def _history_rows(model: TrainedModel) -> list[tuple[Any, ...]]:
    """Return the rows of history.csv, the names of the columns first."""
    columns: dict[str, Iterable[float]] = {"epoch": itertools.count(1), "loss": model.history}
    if model.validation_history:
        columns["validation_loss"] = model.validation_history
    return [tuple(columns), *zip(*columns.values(), strict=False)]


def _description(model: TrainedModel) -> dict[str, Any]:
    training, cells = model.training, model.network.get_layer("sources").cells
    return {
        "fingerprint": model.fingerprint(),
        "views": dict(zip(model.config.store.views, model.labels, strict=True)),
        "training": None if training is None else {k: v for k, v in vars(training).items() if v is not None},
        "store": model.store,
        **({} if cells is None else {"cells": list(cells)}),
        "versions": {name: version(name) for name in ("atypeak-scale", "tensorflow", "keras", "numpy")},
    }


def _read_history(file: Location) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the losses of all epochs, and the validation losses, which may be none."""
    try:
        rows = list(csv.DictReader(target(file).read_text().splitlines()))
        losses = ([float(row[name]) for row in rows if name in row] for name in ("loss", "validation_loss"))
        history, validation_history = map(tuple, losses)
    except (OSError, ValueError, TypeError, csv.Error):
        raise InputError(f"{file}: is damaged: no table of losses; train the model again") from None
    return history, validation_history


def load_model(folder: Location, fingerprint: str | None = None) -> TrainedModel:
    """Read what `save_model` wrote.

    Parameters
    ----------
    folder : str or Path
        The model.
    fingerprint : str or None
        Fingerprint of the model when it was first read; None accepts any.

    Returns
    -------
    TrainedModel
        The model.

    Raises
    ------
    InputError
        If the folder is not a model, its files were not saved together, or its fingerprint is another.

    """
    description = describe_model(folder)
    with target(join(folder, NETWORK)).local_copy() as file:
        network = load_network(file, join(folder, NETWORK))
    first, second = description["views"].values()
    training = description["training"]
    history, validation_history = _read_history(join(folder, HISTORY))
    model = TrainedModel(
        network,
        (tuple(first), tuple(second)),
        load_config(join(folder, CONFIG)),
        None if training is None else Training(**training),
        history,
        description["store"],
        locations.name_of(folder),
        validation_history,
    )
    found = model.fingerprint()
    if found != description["fingerprint"]:
        raise InputError(f"{folder}: its weights and settings were not saved together; train it again")
    if fingerprint is not None and found != fingerprint:
        raise InputError(f"{folder}: the model changed while it was in use; run the command again")
    return model
