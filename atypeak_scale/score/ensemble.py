"""Scores of several models of the same settings and other seeds, averaged (SPEC 3.4)."""

from itertools import combinations
from typing import Any

import numpy as np
import zarr
from scipy.stats import spearmanr

from atypeak_scale.execution.cluster import Progress, run_blocks
from atypeak_scale.storage.locations import Location
from atypeak_scale.store import schema

SPREAD = "spread"
MOST_COMPARED = 1_000_000  # peaks, evenly over the catalogue, when models are compared
Home = tuple[Location, str]  # a place of results and the path of a group in it


def average(members: list[Home], home: Home, name: str, client: Any | None, progress: Progress) -> None:
    """Write the mean over models of an array with a value a row or a peak."""
    _reduce(_mean_block, members, home, name, client, progress)


def write_spread(members: list[Home], home: Home, client: Any | None, progress: Progress) -> None:
    """Write the standard deviation (n - 1) over models of every peak's final score; NaN of one model."""
    _reduce(_spread_block, members, home, SPREAD, client, progress)


def _reduce(
    block: Any, members: list[Home], home: Home, name: str, client: Any | None, progress: Progress
) -> None:
    array = schema.array(schema.open_group(*home), name)
    length = array.chunks[0]
    blocks = [(members, home, name, start, start + length) for start in range(0, array.shape[0], length)]
    for _ in run_blocks(block, blocks, client, stage="average", progress=progress):
        pass


def _mean_block(members: list[Home], home: Home, name: str, start: int, stop: int) -> int:
    values = _stacked(members, name, start, stop).mean(axis=0)
    schema.write_chunks(schema.open_group(*home, "r+"), name, start, values.astype(np.float32))
    return len(values)


def _spread_block(members: list[Home], home: Home, name: str, start: int, stop: int) -> int:
    final = _stacked(members, "final", start, stop)
    spread = final.std(axis=0, ddof=1) if len(members) > 1 else np.full(final.shape[1], np.nan)
    schema.write_chunks(schema.open_group(*home, "r+"), name, start, spread.astype(np.float32))
    return len(spread)


def _stacked(members: list[Home], name: str, start: int, stop: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Read an array of every model: float64 (models, elements)."""
    parts = [schema.read_array(schema.open_group(*member), name, start, stop) for member in members]
    return np.stack(parts).astype(np.float64)


def agreement(members: list[Home]) -> list[float]:
    """Return Spearman's correlation of final scores between each two models, in order of `combinations`.

    Of at most `MOST_COMPARED` peaks, which are taken at equal distances.
    """
    finals = [_some(schema.open_group(*member)) for member in members]
    return [float(spearmanr(one, other).statistic) for one, other in combinations(finals, 2)]


def _some(scores: zarr.Group) -> np.ndarray[Any, np.dtype[np.float32]]:
    final = schema.array(scores, "final")
    step, length = -(-final.shape[0] // MOST_COMPARED), final.chunks[0]
    return np.concatenate(
        [
            schema.read_array(scores, "final", start, start + length)[-start % step :: step]
            for start in range(0, final.shape[0], length)
        ]
    )
