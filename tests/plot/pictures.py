"""Pictures made by hand, with names from strangers."""

import math

from atypeak_scale.assess.regions.tracks import Track, TrackPeak
from atypeak_scale.plot.picture import Absent, Picture

HOSTILE = ('d<1>.<script>alert("1")</script>', "d&amp;.x'\"/>", "d.\x1b[31mred\x07\u202e", "d.ümläut-日本語")


def by_hand(sources: int = 6, **changes: object) -> Picture:
    """Return a CRM of 1,000 bp: the peak of source n begins at 100 n and has 150 bp; doubt falls with n."""
    tracks = [
        Track(
            HOSTILE[n] if n < len(HOSTILE) else f"dataset{n:02}.tr{n:02}",
            (TrackPeak(5000 + 100 * n, 5150 + 100 * n, 1 - n / sources, n / sources, n),),
        )
        for n in range(sources)
    ]
    tracks.append(Track("lone.x", (TrackPeak(4900, 6100, math.nan, math.nan, sources),)))
    values = {
        "title": "chr1:5,001-6,000  CRM 7", "facts": ("1,000 bp", "also there: <b>"),
        "start": 5000, "end": 6000,
        "score": "doubt", "tracks": tuple(tracks), "expected": "probability, by the network of support",
        "absent": (Absent("absent.<y>", 5500, 5700, 0.5),), "why": ("least trusted: <i>", "because & so"),
    }  # fmt: skip
    return Picture(**{**values, **changes})  # type: ignore[arg-type]
