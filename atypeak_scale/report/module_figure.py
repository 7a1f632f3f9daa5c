"""The figure of one module: its peaks as tracks (article, Fig. 5), and as the model sees it (Fig. 4)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from atypeak_scale.assess.regions.module import Module
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    Drawn,
    colour_scale,
    hover,
    new_figure,
    plain,
)
from atypeak_scale.report.page import Choice

MOST_TRACKS, MOST_EXPECTED, MOST_PHANTOMS = 40, 6, 10
FEW = 20  # sources that a panel has room for in any case
BEYOND = 1000  # bp around the module
FAINT = 0.1  # of what is expected; below it, an absent source is not drawn
HEIGHT, OF_MATRIX = 440, 350
CLEAR = "#00000000"
PANELS = ("original", "rebuilt", "score", "average")
TITLES = {
    "original": "what is there", "rebuilt": "rebuilt by the model", "score": "final scores",
    "average": "the average module",
}  # fmt: skip
TYPICAL, MOST_SCORE = 750, 1500  # final scores in the middle and at the end of the colours
# What stands along the colours, 0 to 1, as `_shade` makes them.
OF_SCORE = {0.0: "0", TYPICAL / MOST_SCORE: f"{TYPICAL} (typical)", 1.0: f"{MOST_SCORE:,}"}
OF_MOST = {0.0: "0", 0.5: "a quarter", 1.0: "most"}
SCALES = {name: OF_SCORE if name == "score" else OF_MOST for name in PANELS}
Columns = dict[str, list[Any]]
FloatArray = npt.NDArray[np.floating[Any]]
Labels = tuple[tuple[str, ...], tuple[str, ...]]


def empty_figure(of_article: bool, views: tuple[str, str]) -> Drawn:
    """Return the figure without any data; `choice_of` says what fills it."""
    from bokeh.layouts import Row, column

    tracks = _tracks()
    if not of_article:
        return tracks
    panels = [_panel(name, views) for name in PANELS]
    for panel in panels[1:]:
        panel.x_range, panel.y_range = panels[0].x_range, panels[0].y_range
    below = Row(children=panels, sizing_mode="stretch_width", styles={"flex-wrap": "wrap"})
    return column(tracks, below, sizing_mode="stretch_width")


def _tracks() -> Drawn:
    from bokeh.models import ColumnDataSource, FactorRange, NumeralTickFormatter, Range1d

    drawn = new_figure(
        HEIGHT, "position, bp", "", x_range=Range1d(0, 1, name="place"), y_range=FactorRange(name="tracks")
    )
    expected = ColumnDataSource({name: [] for name in ("source", "left", "right", "value")}, name="expected")
    drawn.hbar(y="source", left="left", right="right", height=0.6, source=expected, fill_color=None,
               line_color=GREEN, line_width=1.5)  # fmt: skip
    peaks = ColumnDataSource({name: [] for name in PEAK_COLUMNS}, name="peaks")
    bars = drawn.hbar(y="source", left="left", right="right", height=0.7, source=peaks, color="colour",
                      alpha="alpha", line_color="colour", line_alpha=1)  # fmt: skip
    hover(drawn, [("", "@source"), ("place", "@place"), ("final score", "@final"), ("doubt", "@doubt"),
                  ("other sources in the module", "@others")], [bars])  # fmt: skip
    hover(drawn, [("expected here", "@source"), ("how surely", "@value{0.00}")], [drawn.renderers[0]])
    drawn.xaxis.formatter = NumeralTickFormatter(format="0,0")
    drawn.xaxis.ticker.desired_num_ticks = 4
    drawn.xaxis.major_label_orientation = 0.4  # side by side, they overlap on a narrow screen
    drawn.ygrid.grid_line_dash = [2, 4]
    return drawn


PEAK_COLUMNS = ("source", "left", "right", "colour", "alpha", "place", "final", "doubt", "others")


def _panel(name: str, views: tuple[str, str]) -> Drawn:
    from bokeh.models import ColumnDataSource, FactorRange
    from bokeh.transform import linear_cmap

    from atypeak_scale.report.matrices import shades, two_sided

    drawn = new_figure(
        OF_MATRIX, views[1], views[0], x_range=FactorRange(name="columns"), y_range=FactorRange(name="rows"),
        title=TITLES[name], min_width=290, toolbar_location=None, styles={"flex": "1 1 45%"},
    )  # fmt: skip
    cells = ColumnDataSource({key: [] for key in ("row", "column", "value", "shade", "edge")}, name=name)
    palette = two_sided() if name == "score" else shades(GREEN if name == "rebuilt" else BLUE)
    drawn.rect(x="column", y="row", width=0.92, height=0.92, source=cells, line_color="edge", line_width=1.5,
               fill_color=linear_cmap("shade", palette, 0, 1))  # fmt: skip
    what = "mean of its peaks" if name == "score" else "mean along the module"
    colour_scale(drawn, palette, (0, 1), what, SCALES[name], width=150)
    hover(drawn, [("", "@row.@column"), (what, "@value{0.[000]}")], drawn.renderers)
    drawn.grid.visible = False
    drawn.xaxis.major_label_orientation = "vertical"
    drawn.axis.major_label_text_font_size = "9px"
    drawn.title.text_font_style = "normal"
    return drawn


def choice_of(
    found: Module, reason: str, absent: pd.DataFrame, average: FloatArray, labels: Labels
) -> Choice:
    """Return what the figure shows of one module.

    Parameters
    ----------
    found
        The module.
    reason
        Why it was chosen.
    absent
        What `absent_sources` returned for it.
    average : (first view, second view) float
        Mean occupancy over all modules and bins.
    labels
        Of both views.

    """
    place, views = found.place, [str(view) for view in found.windows.attrs["views"]]
    expected = absent[absent["value"] >= FAINT].head(MOST_EXPECTED)
    peaks = _peaks(found.peaks, views)
    tracks = list(dict.fromkeys(peaks["source"]))[:MOST_TRACKS]
    data: dict[str, Columns] = {"peaks": _kept(peaks, tracks), "expected": _expected(expected, views)}
    ranges: dict[str, Sequence[Any]] = {
        "place": _shown(found),
        "tracks": list(dict.fromkeys([*tracks, *data["expected"]["source"]]))[::-1],
    }
    if "rebuilt" in found.windows:
        data |= _matrices(found, average, labels)
        ranges |= {"rows": _of(data, "row")[::-1], "columns": _of(data, "column")}
    return Choice(
        f"{place.text} ({reason})", _note(found, len(tracks)), data, ranges,
        (place.contig, place.start, place.end, place.crm),
    )  # fmt: skip


def _shown(found: Module) -> tuple[int, int]:
    """Return the ends of what is drawn: the module, and what its peaks reach beyond, up to a margin."""
    place = found.place
    start = max(place.start - BEYOND, min(place.start, int(found.peaks["start"].min())))
    return start, min(place.end + BEYOND, max(place.end, int(found.peaks["end"].max())))


def _peaks(peaks: pd.DataFrame, views: Sequence[str]) -> Columns:
    """Return the columns of the tracks, by start."""
    doubt, final = (
        peaks[name].to_numpy(np.float64) if name in peaks else np.full(len(peaks), np.nan)
        for name in ("doubt", "final")
    )
    trust = 1 - doubt if "doubt" in peaks else np.clip(final / 1000, 0, 1)
    known = ~np.isnan(trust)
    colour = np.where(~known, GREY, np.where(trust < 0.5, ORANGE, BLUE))
    alpha = np.where(known, 0.15 + 0.85 * np.abs(2 * np.nan_to_num(trust, nan=0.5) - 1), 0.3)
    start, end = peaks["start"].to_numpy(), peaks["end"].to_numpy()
    return {
        "source": [
            plain(source_name((str(a), str(b))))
            for a, b in zip(peaks[views[0]], peaks[views[1]], strict=True)
        ],
        "left": start.tolist(),
        "right": end.tolist(),
        "colour": colour.tolist(),
        "alpha": np.round(alpha, 3).tolist(),
        "place": [f"{a + 1:,}-{b:,}" for a, b in zip(start.tolist(), end.tolist(), strict=True)],
        "final": ["-" if np.isnan(one) else f"{one:.0f}" for one in final],
        "doubt": ["not judged" if np.isnan(one) else f"{one:.3f}" for one in doubt],
        "others": peaks["other_sources"].tolist(),
    }


def _kept(columns: Columns, tracks: Sequence[str]) -> Columns:
    shown = set(tracks)
    kept = [at for at, source in enumerate(columns["source"]) if source in shown]
    return {name: [values[at] for at in kept] for name, values in columns.items()}


def _expected(absent: pd.DataFrame, views: Sequence[str]) -> Columns:
    return {
        "source": [
            plain(source_name((str(a), str(b))))
            for a, b in zip(absent[views[0]], absent[views[1]], strict=True)
        ],
        "left": absent["start"].tolist(),
        "right": absent["end"].tolist(),
        "value": [round(float(value), 3) for value in absent["value"]],
    }


def _matrices(found: Module, average: FloatArray, labels: Labels) -> dict[str, Columns]:
    """Return the cells of the panels: means along the module, at the sources that matter in it."""
    windows = found.windows
    inside = windows["inside"]
    first, second = (windows[f"source_{view}"].to_numpy() for view in windows.attrs["views"])
    means = {
        name: windows[name].astype(np.float64).where(inside).mean(["window", "bin"]).to_numpy()
        for name in ("original", "rebuilt")
    }
    row, column = (
        np.array([of_view.index(str(label)) for label in view])
        for of_view, view in zip(labels, (first, second), strict=True)
    )
    means["average"] = average[row, column]
    means["score"] = _scores(found, first, second)
    absent = means["original"] == 0
    strength = np.maximum(means["original"], means["rebuilt"])
    is_phantom = absent & (windows["rebuilt"].max(["window", "bin"]).to_numpy() >= FAINT)
    # Present ones first, then the strongest: a matrix of all sources would not be legible.
    shown = min(int((~absent).sum()), MOST_TRACKS) + min(int(is_phantom.sum()), MOST_PHANTOMS)
    order = np.lexsort((-strength, absent))[: max(shown, FEW)]
    order = order[np.lexsort((column[order], row[order]))]
    largest = float(strength.max())
    edges = np.where(is_phantom, ORANGE, CLEAR)
    return {
        name: _cells(
            first, second, values, _shade(name, values, largest), edges if name == "rebuilt" else None, order
        )
        for name, values in means.items()
    }


def _cells(
    first: npt.NDArray[Any], second: npt.NDArray[Any], values: FloatArray, shade: FloatArray,
    edges: npt.NDArray[Any] | None, order: npt.NDArray[np.integer[Any]],
) -> Columns:  # fmt: skip
    """Return the cells of a panel, those without a value left out."""
    kept = order[~np.isnan(values[order])]
    return {
        "row": [plain(str(one)) for one in first[kept]],
        "column": [plain(str(one)) for one in second[kept]],
        "value": np.round(values[kept], 4).tolist(),
        "shade": np.round(shade[kept], 3).tolist(),
        "edge": [CLEAR] * len(kept) if edges is None else edges[kept].tolist(),
    }


def _scores(found: Module, first: npt.NDArray[Any], second: npt.NDArray[Any]) -> FloatArray:
    """Return the mean final score of the peaks of each source, NaN without a peak, (sources,)."""
    views = found.windows.attrs["views"]
    means = found.peaks.groupby(list(views))["final"].mean()
    return means.reindex(pd.MultiIndex.from_arrays([first, second])).to_numpy(np.float64)


def _shade(name: str, values: FloatArray, largest: float) -> FloatArray:
    """Return where values stand in the colours of a panel, 0 to 1; short peaks would be too pale."""
    if name == "score":
        return np.clip(values / MOST_SCORE, 0, 1)
    most = float(values.max()) if name == "average" else largest
    shade: FloatArray = np.sqrt(np.clip(values / max(most, 1e-9), 0, 1))
    return shade


def _of(data: dict[str, Columns], name: str) -> list[Any]:
    return sorted(set(data["original"][name]))


def _note(found: Module, tracks: int) -> str:
    sources = found.peaks[found.windows.attrs["views"]].drop_duplicates()
    parts = [f"CRM {found.place.crm}: {len(found.peaks):,} peaks of {len(sources):,} experiments"]
    if "final" in found.peaks:
        parts.append(f"mean final score {found.peaks['final'].mean():.0f}")
    if "doubt" in found.peaks and found.peaks["doubt"].notna().any():
        parts.append(f"mean trust {1 - found.peaks['doubt'].mean():.2f}")
    if tracks < len(sources):
        parts.append(f"the first {tracks} experiments are drawn")
    if not found.is_whole:
        parts.append("only the beginning of this long module is shown")
    return "; ".join(parts) + "."
