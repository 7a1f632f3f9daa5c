"""Tracks against the table of the peaks, and how far each score is to be trusted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from assess.supported import normalized_of

from atypeak_scale.assess.regions.module import Module, module
from atypeak_scale.assess.regions.tracks import Track, TrackPeak, tracks, trust_of
from atypeak_scale.errors import InputError
from atypeak_scale.scoring.named_scores import NAMED_SCORES
from atypeak_scale.scoring.scores import Scores


@pytest.fixture(scope="module")
def found(supported: Scores, tmp_path_factory: pytest.TempPathFactory) -> Module:
    article = normalized_of(supported, tmp_path_factory.mktemp("article"))
    crm = supported.peaks["crm"].to_series().mode()[0]
    return module(supported.cell_line, int(crm), article, supported)


@pytest.mark.parametrize("score", [*NAMED_SCORES, None])
def test_tracks__hold_every_peak_once(found: Module, score: str | None) -> None:
    named, listed = tracks(found, score)
    assert named.name == (score or "doubt")
    columns = {"trust": 1 - found.peaks["doubt"], "doubt": found.peaks["doubt"]}
    values = columns.get(named.name, found.peaks.get(named.name))
    assert values is not None
    assert sorted(peak.number for one in listed for peak in one.peaks) == found.peaks.index.tolist()
    for one in listed:
        dataset, tr = one.source.split(".")
        for peak in one.peaks:
            row = found.peaks.loc[peak.number]
            assert (row["dataset"], row["tr"], row["start"], row["end"]) == (
                dataset,
                tr,
                peak.start,
                peak.end,
            )
            np.testing.assert_allclose(peak.score, values[peak.number])
        trust = [peak.trust for peak in one.peaks if not np.isnan(peak.trust)]
        assert trust == sorted(trust, reverse=True)
    lowest = [one.lowest.trust for one in listed]
    judged = [trust for trust in lowest if not np.isnan(trust)]
    assert judged == sorted(judged) == lowest[: len(judged)]


def test_tracks__without_doubt_are_of_final_scores(found: Module) -> None:
    without = replace(found, peaks=found.peaks.drop(columns="doubt"))
    assert tracks(without)[0].name == "final"
    with pytest.raises(InputError, match="has no score 'doubt'; "):
        tracks(without, "doubt")


def test_track__lowest_of_peaks_without_score() -> None:
    nan = float("nan")
    peaks = [TrackPeak(1, 2, nan, nan, 0), TrackPeak(1, 2, 0.2, 0.8, 1), TrackPeak(3, 4, 0.9, 0.1, 2)]
    assert Track("a.x", tuple(peaks)).lowest is peaks[2]
    assert Track("a.x", (peaks[0],)).lowest is peaks[0]


@pytest.mark.parametrize(
    "score, values, expected",
    [
        ("doubt", [0, 0.25, 1, np.nan], [1, 0.75, 0, np.nan]),
        ("trust", [0, 0.25, 1], [0, 0.25, 1]),
        ("q_random", [0.1], [0.9]),
        ("p_random", [0.1], [0.9]),
        ("support", [0.0, -100.0, np.log(3)], [0.5, 0.0, 0.75]),
        ("final", [750.0, 1200.0, -30.0, 0.0], [0.75, 1, 0, 0]),
        ("raw", [0.3, 1.7], [0.3, 1]),
        ("overlapping_sources", [0.0, 3.0, 6.0], [0, 0.5, 1]),
        ("overlapping_sources", [0.0, 0.0], [0, 0]),
        ("overlapping_sources", [], []),
    ],
)
def test_trust__of_every_kind_of_score(score: str, values: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(trust_of(NAMED_SCORES[score], np.array(values, float)), expected, atol=1e-12)


def test_trust__is_monotone(found: Module) -> None:
    """A peak that a score trusts more is never shaded less."""
    for name, named in NAMED_SCORES.items():
        column = found.peaks[named.variable.name].dropna().astype(float)
        values = named.of(column.to_numpy()).astype(float)
        order = pd.Series(values if named.is_trusted_if_high else -values).argsort()
        assert (np.diff(trust_of(named, values)[order]) >= 0).all(), name
