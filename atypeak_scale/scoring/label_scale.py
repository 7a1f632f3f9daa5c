"""The scale of the final scores, one for each label of the second view (method, section 5.6)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

CENTRE = 750.0  # what an average peak of a label gets
NO_SPREAD = "fewer than two peaks or no spread: all 750"
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LabelScale:
    """Number, mean and standard deviation (n - 1) of the weighted scores of each label, (labels,) each."""

    peaks: npt.NDArray[np.int64]
    mean: FloatArray
    sd: FloatArray

    @property
    def has_spread(self) -> npt.NDArray[np.bool_]:
        """Return whether scores can be standardized, (labels,)."""
        # Because of rounding, equal scores may differ from their mean.
        return (self.peaks >= 2) & (self.sd > 1e-9 * np.abs(self.mean))

    @property
    def flag(self) -> npt.NDArray[np.object_]:
        """Return why the final scores of a label are all 750, if they are; text (labels,)."""
        return np.where(self.has_spread, "", NO_SPREAD).astype(object)

    def __add__(self, other: "LabelScale") -> "LabelScale":
        """Combine the scales of two sets of peaks exactly, by counts, means and squared deviations."""
        peaks = self.peaks + other.peaks
        means = [np.where(part.peaks > 0, part.mean, 0.0) for part in (self, other)]
        squares = [
            np.where(part.peaks > 1, np.square(part.sd) * (part.peaks - 1), 0.0) for part in (self, other)
        ]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (self.peaks * means[0] + other.peaks * means[1]) / peaks
            between = np.square(means[1] - means[0]) * self.peaks * other.peaks / peaks
            return LabelScale(peaks, mean, np.sqrt((squares[0] + squares[1] + between) / (peaks - 1)))


def label_scale(label: npt.NDArray[np.integer[Any]], score: FloatArray, labels: int) -> LabelScale:
    """Return the scale of each label from the label and the weighted score of every peak, (peaks,) each.

    Peaks whose score is NaN do not count.
    """
    has_score = ~np.isnan(score)
    label, score = label[has_score], score[has_score]
    peaks = np.bincount(label, minlength=labels)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(label, score, labels) / peaks
        deviation = np.bincount(label, np.square(score - mean[label]), labels)
        return LabelScale(peaks, mean, np.sqrt(deviation / (peaks - 1)))


def final_scores(label: npt.NDArray[np.integer[Any]], score: FloatArray, scale: LabelScale) -> FloatArray:
    """Return the final score of each peak, not clipped; 750 if its label has no spread; NaN stays NaN."""
    spread = scale.has_spread[label]
    mean, sd = scale.mean[label], np.where(spread, scale.sd[label], 1.0)
    found = np.where(spread, CENTRE * (1 + (score - np.where(spread, mean, 0)) / (2 * sd)), CENTRE)
    return np.where(np.isnan(score), np.nan, found)
