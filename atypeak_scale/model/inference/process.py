"""The engine of a process: consecutive tasks in a process share one engine, loaded once."""

from functools import lru_cache
from typing import TYPE_CHECKING

from atypeak_scale.config import Precision
from atypeak_scale.storage.locations import Location

if TYPE_CHECKING:
    from atypeak_scale.model.inference.engine import Engine
    from atypeak_scale.model.inference.leave_one_out import LeaveOneOut


@lru_cache(maxsize=1)
def process_engine(
    folder: Location,
    fingerprint: str,
    labels: tuple[tuple[str, ...], tuple[str, ...]],
    sources: tuple[tuple[str, str], ...],
    crumbs: float,
    precision: Precision,
) -> "Engine":
    """Return the engine of a model for a store's sources; each process keeps the last one that it made.

    Parameters
    ----------
    folder : str or Path
        The model.
    fingerprint : str
        Fingerprint of the model when it was first read.
    labels, sources, crumbs, precision
        As `Engine` takes them, as tuples.

    Returns
    -------
    Engine
        The model as a function of the store's windows.

    Raises
    ------
    InputError
        If the model changed, or `folder` is not a model.

    """
    from atypeak_scale.model.files import load_model
    from atypeak_scale.model.inference.engine import Engine

    return Engine(load_model(folder, fingerprint), labels, sources, crumbs, precision)


@lru_cache(maxsize=8)  # models of support are small, and an explanation asks all those of an ensemble
def process_leave_one_out(
    folder: Location,
    fingerprint: str,
    labels: tuple[tuple[str, ...], tuple[str, ...]],
    sources: tuple[tuple[str, str], ...],
    precision: Precision,
) -> "LeaveOneOut":
    """Return a model as a function of windows without one source; each process keeps the last eight.

    Parameters
    ----------
    folder, fingerprint, labels, sources, precision
        As `process_engine` takes them.

    Returns
    -------
    LeaveOneOut
        The model; windows have no crumbs.

    Raises
    ------
    InputError
        As `process_engine`.

    """
    from atypeak_scale.model.inference.leave_one_out import LeaveOneOut

    return LeaveOneOut(process_engine(folder, fingerprint, labels, sources, 0.0, precision))
