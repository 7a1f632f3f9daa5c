"""What a picture of one CRM says, whatever draws it: its tracks, what is missing, why a peak is low."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from atypeak_scale.assess.regions.module import By, Module, absent_sources
from atypeak_scale.assess.regions.places import CrmPlace
from atypeak_scale.assess.regions.tracks import Track, TrackPeak, tracks
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores

MOST_ABSENT, LEAST_EXPECTED = 4, 0.05
MOST_NAMED, LEAST_EFFECT = 2, 0.05  # sources that explain a peak, and their effect in log-odds
LOG_ODDS = (v.SUPPORT.name, v.NETWORK.name, v.REGRESSION.name)


@dataclass(frozen=True)
class Absent:
    """A source without a peak that a network expects: where, bp, and how much of it, at most."""

    source: str
    start: int
    end: int
    value: float


@dataclass(frozen=True)
class Picture:
    """One CRM, or the part of it that is shown: start and end, bp, 0-based and half-open.

    score: name of the score of the tracks; expected: what the numbers of `absent` are, "" if no network was
    asked; facts, why: lines of text.
    """

    title: str
    facts: tuple[str, ...]
    start: int
    end: int
    score: str
    tracks: tuple[Track, ...]
    expected: str
    absent: tuple[Absent, ...]
    why: tuple[str, ...]


def picture(
    found: Module, score: str | None = None, support: Scores | None = None, others: Sequence[CrmPlace] = ()
) -> Picture:
    """Return what to draw of a module.

    Parameters
    ----------
    found
        The module.
    score
        Name of the score of its peaks; None means doubt, or the final score.
    support
        Complete scores of a model of support that is there; it explains the least trusted peak.
    others
        Other CRMs to name.

    Raises
    ------
    InputError
        If the peaks have no such score.

    """
    named, listed = tracks(found, score)
    starts = found.windows["bin_start"].to_numpy()
    last = int(starts[-1, -1] + starts[0, 1] - starts[0, 0])
    by: By | None = next((one for one in ("expected", "rebuilt") if one in found.windows), None)
    what = {
        "expected": "probability, by the network of support",
        "rebuilt": "rebuilt by the article's network",
    }
    return Picture(
        f"{found.place.text}  CRM {found.place.crm}",
        _facts(found, listed, others),
        found.place.start,
        found.place.end if found.is_whole else last,
        named.name,
        tuple(listed),
        what[by] if by else "",
        _absent(found, by) if by else (),
        _why(found, named.name, listed, support),
    )


def _facts(found: Module, listed: Sequence[Track], others: Sequence[CrmPlace]) -> tuple[str, ...]:
    length = found.place.end - found.place.start
    facts = [f"{length:,} bp, {_counted(len(found.peaks), 'peak')} of {_counted(len(listed), 'source')}"]
    if v.DOUBT.name in found.peaks:
        doubt = found.peaks[v.DOUBT.name]
        facts[0] += f"; doubt above 0.5: {int((doubt > 0.5).sum())}; not judged: {int(doubt.isna().sum())}"
    if not found.is_whole:
        shown = found.windows.sizes["window"]
        facts.append(
            f"it is long: these are the first {shown} of its {np.diff(found.place.windows)[0]} windows"
        )
    if others:
        named = ", ".join(f"CRM {one.crm} ({one.text})" for one in others[:MOST_NAMED])
        facts.append(
            f"also there: {named}{f' and {len(others) - MOST_NAMED} more' if others[MOST_NAMED:] else ''}"
        )
    return tuple(facts)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _absent(found: Module, by: By) -> tuple[Absent, ...]:
    table = absent_sources(found, by).head(MOST_ABSENT)
    views = found.windows.attrs["views"]
    return tuple(
        Absent(source_name((row[views[0]], row[views[1]])), row["start"], row["end"], row["value"])
        for row in table.to_dict("records")
        if row["value"] >= LEAST_EXPECTED
    )


def _why(found: Module, score: str, listed: Sequence[Track], support: Scores | None) -> tuple[str, ...]:
    """Return why the least trusted peak is low; of peaks that cannot be judged, the least supported one."""
    track = listed[0]
    peak, word = track.lowest, "least trusted"
    if np.isnan(peak.trust) and v.SUPPORT.name in found.peaks:
        least = int(found.peaks[v.SUPPORT.name].argmin())
        number, word = int(found.peaks.index[least]), "no peak can be judged; least supported"
        track, peak = next((one, p) for one in listed for p in one.peaks if p.number == number)
    of_peak = found.peaks.loc[[peak.number]]
    columns = [name for name in (v.DOUBT.name, v.SUPPORT.name, v.FINAL.name) if name in of_peak]
    told = ", ".join(f"{name} {number_text(name, float(of_peak[name].iloc[0]))}" for name in columns)
    place = f"{found.place.contig}:{peak.start + 1:,}-{peak.end:,}"
    first = f"{word}: {track.source} at {place}: {told}"
    if support is None:
        return (first,)
    from atypeak_scale.assess.interpretation.explain import explain_peaks

    return (first, *_effects(explain_peaks(support, [peak.number]), found.windows.attrs["views"]))


def _effects(table: pd.DataFrame, views: Sequence[str]) -> list[str]:
    """Return what other sources say for and against a peak, from its explanation."""
    names = [
        source_name(pair) for pair in zip(table[f"other_{views[0]}"], table[f"other_{views[1]}"], strict=True)
    ]
    effects = list(zip(names, table["effect"].tolist(), table["present"].astype(bool), strict=True))
    there = [(name, effect) for name, effect, present in effects if present]
    groups = (
        ("for it", [one for one in there if one[1] >= LEAST_EFFECT]),
        ("against it", [one for one in reversed(there) if one[1] <= -LEAST_EFFECT]),
        (
            "absent, would speak for it",
            [(n, e) for n, e, is_in in effects if not is_in and e >= LEAST_EFFECT],
        ),
    )
    overlapping = int(table["overlaps"].sum())
    lines = [
        f"{_counted(overlapping, 'other source')} {'overlaps' if overlapping == 1 else 'overlap'} it; "
        "what others say, in log-odds:"
    ]
    for what, group in groups:
        told = ", ".join(f"{name} {effect:+.1f}" for name, effect in group[:MOST_NAMED])
        more = f" and {len(group) - MOST_NAMED} more" if group[MOST_NAMED:] else ""
        lines.append(f"  {what}: {told}{more}" if group else f"  {what}: none")
    return lines


def number_text(score: str, value: float) -> str:
    """Return a score as people read it; `-` if there is none."""
    if np.isnan(value):
        return "-"
    if score in LOG_ODDS:
        return f"{value:+.1f}"
    if score in (v.FINAL.name, v.OVERLAPPING.name):
        return f"{value:.0f}"
    if 0 < value < 0.0005:
        return "<0.001"
    return f"{value:.3f}" if 0 < value < 0.095 else f"{value:.2f}"


def lowest_text(score: str, track: Track) -> str:
    """Return the score of the least trusted peak of a track."""
    peak: TrackPeak = track.lowest
    return number_text(score, peak.score)
