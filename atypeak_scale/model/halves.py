"""Networks of support that are each trained on one half of the CRMs (method, section 9.4).

Each judges only what it was not trained on, so memory of peaks cannot help it, unless CRMs overlap. Two such
models in one folder are an ensemble, in which every CRM has one judge of each seed.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.folds import half_of_crm, is_kept_out
from atypeak_scale.config import Config, TrainedOn, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.storage.locations import Location

HALVES: dict[TrainedOn, int] = {"half 1": 1, "half 2": 2}
HALF = "-half-"  # before its number, in the name of a folder
BoolArray = npt.NDArray[np.bool_]


def with_trained_on(config: Config, trained_on: TrainedOn) -> Config:
    """Return the configuration for a network of support that is trained on other CRMs."""
    support = config.support.model_copy(update={"trained_on": trained_on})
    return config.model_copy(update={"support": support})


def is_trained_on(crm: npt.NDArray[np.int64], config: Config) -> BoolArray:
    """Return whether a model of support is trained on each CRM; `crm` holds rows of the CRM file."""
    is_used = ~is_kept_out(crm, config.support.kept_out, config.training.seed)
    half = HALVES.get(config.support.trained_on)
    return is_used if half is None else is_used & (half_of_crm(crm) == half)


def judges(configs: Sequence[Config], crm: npt.NDArray[np.int64]) -> BoolArray:
    """Return whether each model judges each CRM: not if it is of the half that the CRM is in.

    Parameters
    ----------
    configs
        Of the models of an ensemble.
    crm : int64 (n,)
        Rows of the CRM file.

    Returns
    -------
    bool (models, n)
        All True for models that were not trained on halves.

    """
    half = half_of_crm(crm)
    return np.stack([half != HALVES.get(config.support.trained_on) for config in configs])


def parts_of(config: Config) -> dict[str, Config]:
    """Return the networks that a configuration asks for, by what is added to the name of their folder."""
    if config.training.objective != "support" or config.support.trained_on != "halves":
        return {"": config}
    return {f"{HALF}{number}": with_trained_on(config, half) for half, number in HALVES.items()}


def refuse_both_halves(config: Config) -> None:
    """Raise InputError if a configuration asks for two networks where one is trained."""
    if len(parts_of(config)) > 1:
        raise InputError(
            "support.trained_on: halves asks for two networks, and this trains one; set it to all"
        )


def refuse_one_half(config: Config, name: Location) -> None:
    """Raise InputError for one of two networks; by itself it would judge what it was trained on."""
    if config.support.trained_on in HALVES:
        raise InputError(
            f"{name}: trained on one half of the CRMs, it cannot judge that half; name the folder of both"
        )


def together(folders: Sequence[Location], configs: Sequence[Config]) -> Config:
    """Return the configuration of an ensemble; its models differ in their seed, and in their half.

    Raises
    ------
    InputError
        If they differ in anything else, or one half has no network.

    """
    first = _apart(configs[0])
    for folder, config in zip(folders, configs, strict=True):
        if _apart(config) != first:
            raise InputError(
                f"{folder}: trained with other settings than {folders[0]}; only the seed may differ"
            )
    found = [(config.training.seed, config.support.trained_on) for config in configs]
    for folder, (seed, half) in zip(folders, found, strict=True):
        other = next((one for one in HALVES if one != half), None) if half in HALVES else None
        if other is not None and (seed, other) not in found:
            raise InputError(
                f"{folder}: is trained on one half of the CRMs, and the network of the other is missing; "
                "train it too"
            )
    is_in_halves = configs[0].support.trained_on in HALVES
    return with_trained_on(configs[0], "halves") if is_in_halves else configs[0]


def _apart(config: Config) -> Config:
    """Return a configuration without what the models of an ensemble may differ in."""
    alike = with_seed(config, 0)
    return with_trained_on(alike, "halves") if config.support.trained_on in HALVES else alike
