"""The screen against the picture: which column a peak is in, how wide lines are, and how many there are."""

import io
import re
from itertools import pairwise

import pytest
from atypeak_scale.cli.module_screen import module_lines
from plot.pictures import by_hand
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from atypeak_scale.plot.colours import shade


def console(width: int = 80, height: int = 24, terminal: bool = False, encoding: str = "utf-8") -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    return Console(
        file=file, width=width, height=height, force_terminal=terminal, highlight=False, legacy_windows=False,
        color_system="truecolor" if terminal else None, _environ={},
    )  # fmt: skip


def plain(**options: object) -> list[str]:
    return [line.plain for line in module_lines(by_hand(), console(**options))]  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [40, 80, 133, 300])
@pytest.mark.parametrize("sources", [0, 6, 40])
def test_lines__fit_the_width(width: int, sources: int) -> None:
    lines = module_lines(by_hand(sources), console(width))
    assert max(cell_len(line.plain) for line in lines) <= width
    tracks = [line.plain for line in lines if re.match(r"\S*\.tr\d\d ", line.plain)]
    assert len(tracks) == max(0, sources - 4)
    assert len({cell_len(line) for line in tracks}) <= 1


@pytest.mark.parametrize("width", [80, 133])
def test_lines__peaks_in_their_columns(width: int) -> None:
    lines = plain(width=width)
    axis = next(line for line in lines if "┴" in line)
    first, columns = len(axis) - len(axis.lstrip(" ")), len(axis.strip(" "))
    for n in (4, 5):
        line = next(one for one in lines if one.startswith(f"dataset{n:02}"))
        covered = [at for at in range(columns) if line[first + at] in "░▒▓█"]
        bp = [(at + 0.5) * 1000 / columns for at in covered]
        assert bp[0] == pytest.approx(100 * n, abs=1000 / columns)
        assert bp[-1] == pytest.approx(100 * n + 150, abs=1000 / columns)
        assert {line[first + at] for at in covered} == {"▓" if n == 4 else "█"}
        assert line.split()[-1] == f"{1 - n / 6:.2f}"
    lone = next(line for line in lines if line.startswith("lone.x"))
    assert lone[first : first + columns] == "─" * columns
    assert lone.split()[-1] == "-"
    expected = next(line for line in lines if line.startswith("absent.<y>"))
    assert {at for at in range(len(expected)) if expected[at] == "┄"} == set(
        range(first + columns // 2, first + int(0.699 * columns) + 1)
    )
    ticks = [at for at, one in enumerate(axis) if one == "┴"]
    assert {b - a for a, b in pairwise(ticks)} <= {
        round(columns / 10),
        round(columns / 10) + 1,
        columns // 10,
    }


def test_lines__in_colour() -> None:
    lines = module_lines(by_hand(), console(terminal=True, height=60))
    line = next(one for one in lines if one.plain.startswith("dataset05"))
    assert [str(span.style) for span in line.spans if span.style] == [shade(5 / 6)]
    doubtful = next(one for one in lines if "cript>alert" in one.plain)
    assert [str(span.style) for span in doubtful.spans if span.style] == [shade(0)] * 2  # the number as well


@pytest.mark.parametrize("height, shown", [(24, 5), (34, 14), (100, 41)])
def test_lines__one_screen(height: int, shown: int) -> None:
    picture = by_hand(40)
    lines = module_lines(picture, console(terminal=True, height=height))
    assert len(lines) <= height - 1
    marked = [line for line in lines if set("░▒▓█─") & set(line.plain[27:])]
    left = [line.plain for line in lines if "more sources" in line.plain]
    tracks = len(marked) - 2  # the legend and the axis
    assert tracks >= shown - 1
    if left:
        assert left[0].startswith(f"... and {41 - tracks} more sources")
        assert [line.plain for line in lines if line.plain.startswith("dataset04")] or tracks == 4
    else:
        assert tracks == 41


def test_lines__without_a_terminal_all_are_there() -> None:
    assert (
        len([line for line in module_lines(by_hand(40), console()) if line.plain.startswith("dataset")]) == 36
    )


def test_lines__for_terminals_without_unicode() -> None:
    picture = by_hand(6, tracks=by_hand().tracks[4:])
    lines = [line.plain for line in module_lines(picture, console(encoding="ascii"))]
    "\n".join(lines).encode("ascii")
    assert any("####" in line for line in lines)
    assert any("+-" in line for line in lines)


def test_lines__names_from_strangers_do_nothing() -> None:
    lines = plain(width=200)
    assert not [one for line in lines for one in line if not one.isprintable()]
    assert lines[8].startswith("d.\ufffd[31mred\ufffd\ufffd ")
    assert lines[6].startswith('…cript>alert("1")</script> ')
    assert all(isinstance(line, Text) for line in module_lines(by_hand(), console()))  # no markup is parsed


def test_lines__long_labels_keep_their_end() -> None:
    track = by_hand().tracks[0]
    long = type(track)("a" * 90 + ".ctcf", track.peaks)
    lines = [line.plain for line in module_lines(by_hand(tracks=(long,)), console())]
    assert [line for line in lines if line.startswith("…aaaaaaaaaaaaaaaaaaaa.ctcf ")]


def test_lines__nothing_expected() -> None:
    lines = [line.plain for line in module_lines(by_hand(absent=()), console())]
    assert "no other source is expected here" in lines
    lines = [line.plain for line in module_lines(by_hand(absent=(), expected="", why=()), console())]
    assert lines[-1].startswith("lone.x")
