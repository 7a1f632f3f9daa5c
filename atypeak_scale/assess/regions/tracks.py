"""The peaks of a CRM as tracks, one for each source, and how far each peak is trusted (article, Fig. 5)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from atypeak_scale.assess.regions.module import Module
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.named_scores import NamedScore, score_of_table

FULL = 1000.0  # the final score of full trust: the article's scale ends there
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrackPeak:
    """A peak: start and end, bp; its score; how far it is trusted, 0 to 1; both NaN if it has no score.

    number: its index in the store.
    """

    start: int
    end: int
    score: float
    trust: float
    number: int


@dataclass(frozen=True)
class Track:
    """The peaks of one source, the most trusted first, so that a doubtful one is drawn above the others."""

    source: str
    peaks: tuple[TrackPeak, ...]

    @property
    def lowest(self) -> TrackPeak:
        """The least trusted peak; one without a score if no peak has one."""
        return min(self.peaks, key=_order)


def tracks(found: Module, score: str | None = None) -> tuple[NamedScore, list[Track]]:
    """Return the tracks of a module by a score, the one with the least trusted peak first.

    Parameters
    ----------
    found
        The module, with scores.
    score
        Name of a score that its peaks have. None means doubt, or the final score if there is no doubt.

    Returns
    -------
    NamedScore, list of Track
        The score, and the tracks; those without a scored peak come last.

    Raises
    ------
    InputError
        If the peaks have no such score; the error names the nearest.

    """
    peaks = found.peaks
    if score is None and v.DOUBT.name in peaks:
        score = v.DOUBT.name
    named = score_of_table(peaks.columns, score, found.place.text)
    values = named.of(peaks[named.variable.name].to_numpy()).astype(np.float64)
    trusted = trust_of(named, values)
    views: list[str] = found.windows.attrs["views"]
    of_source: dict[tuple[str, str], list[TrackPeak]] = {}
    columns = (
        peaks[views[0]],
        peaks[views[1]],
        peaks["start"],
        peaks["end"],
        values.tolist(),
        trusted.tolist(),
        peaks.index,
    )
    for first, second, *numbers in zip(*columns, strict=True):
        of_source.setdefault((first, second), []).append(TrackPeak(*numbers))
    listed = [
        Track(source_name(source), tuple(sorted(of_source[source], key=_order, reverse=True)))
        for source in sorted(of_source)
    ]
    return named, sorted(listed, key=lambda one: _order(one.lowest))


def _order(peak: TrackPeak) -> float:
    """Return its trust; more than any for a peak without a score."""
    return 2.0 if np.isnan(peak.trust) else peak.trust


def trust_of(score: NamedScore, values: FloatArray) -> FloatArray:
    """Return how far scores are to be trusted, from 0 to 1, only to shade peaks; NaN stays NaN.

    Doubt, p and q are taken from 1; log-odds become probabilities; of the article's scores, a raw one is cut
    at 1, and a final one is a share of 1000; of a count, it is the share of the largest one.
    """
    if score.variable in (v.DOUBT, v.P_RANDOM, v.Q_RANDOM):
        shares = values if score.is_trusted_if_high else 1 - values
    elif score.variable in (v.SUPPORT, v.NETWORK, v.REGRESSION):
        shares = expit(values)
    elif score.variable is v.OVERLAPPING:
        shares = values / max(1.0, float(values.max(initial=0)))
    else:
        shares = values / (FULL if score.variable is v.FINAL else 1.0)
    clipped: FloatArray = np.clip(shares, 0.0, 1.0)
    return clipped
