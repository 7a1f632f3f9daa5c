"""One CRM in the terminal: a line for each source, blocks for its peaks, on one screen."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from atypeak_scale.plot.labels import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from atypeak_scale.assess.regions.tracks import Track
    from atypeak_scale.plot.picture import Picture

# From doubtful to trusted, not judged, and expected; the second row is for terminals without Unicode.
BLOCKS = {False: ("░▒▓█", "─", "┄"), True: ("-+*#", ".", ":")}
LONGEST_LABEL, FEWEST_TRACKS = 26, 5
LOW = 0.5  # trust of a peak that more likely lies at random than not
FULL_HEIGHT, FEWEST_ABSENT = 30, 3  # lines of a terminal, and what is left of `absent` on a smaller one
TICKS = (10, 20, 50, 100, 200, 500)  # times a power of ten, bp


def module_lines(picture: "Picture", console: "Console") -> "list[Text]":
    """Return the lines of a picture for a console: as wide as it is, and on a terminal no more than it shows.

    If there are more tracks than lines, those with the least trusted peaks stay.
    """
    from rich.text import Text

    width = console.width
    layout = _Layout(picture, console)
    why = [line for text in picture.why for line in Text(clean(text)).wrap(console, width)]
    head = [Text(clean(picture.title), "bold")]
    head += [line for text in picture.facts for line in Text(clean(text)).wrap(console, width)]
    absent = layout.absent()
    if console.is_terminal and console.height < FULL_HEIGHT:
        absent = absent[:FEWEST_ABSENT]
    lines = [*head, *layout.axis()]
    rest = ([Text(), *absent] if absent else []) + ([Text(), *why] if why else [])
    tracks = list(picture.tracks)
    if console.is_terminal:  # its last line is for the prompt
        room = max(FEWEST_TRACKS, console.height - 1 - len(lines) - len(rest))
        if len(tracks) > room:
            tracks = tracks[: room - 1]
    lines += [layout.track(one) for one in tracks]
    if left := len(picture.tracks) - len(tracks):
        told = f"... and {left} more sources, whose peaks are trusted more; all in a pipe: ... | less"
        lines.append(Text(told[: width - 1], "dim"))
    lines += rest
    for line in lines:
        line.truncate(width)
    return lines


class _Layout:
    """Where labels, tracks and scores stand on a line."""

    def __init__(self, picture: "Picture", console: "Console") -> None:
        from rich.cells import cell_len

        self.picture, self.ascii, self.width = picture, console.options.ascii_only, console.width
        names = [*(one.source for one in picture.tracks), *(one.source for one in picture.absent)]
        longest = max((cell_len(clean(name)) for name in names), default=0)
        self.label = min(longest, LONGEST_LABEL, console.width // 3)
        self.value = max(len(picture.score), 7)
        self.columns = max(10, console.width - self.label - self.value - 2)

    def axis(self) -> "list[Text]":
        """Return the legend, the ends of the CRM and its ticks."""
        from rich.text import Text

        levels, unjudged, _ = BLOCKS[self.ascii]
        start, end = self.picture.start, self.picture.end
        step, first = _tick(start, end)
        legend = Text("more ")
        for level in reversed(range(len(levels))):
            legend.append(levels[level], _style((level + 0.5) / len(levels)))
            legend.append(" ")
        legend.append("less trusted   ")
        legend.append(unjudged, _style(float("nan")))
        legend.append(f" not judged   ticks every {step:,} bp")
        legend.pad_left(min(max(0, self.label - 4), max(0, self.width - legend.cell_len)))
        places, value = f"{start + 1:,}", f"{self.picture.score:>{self.value}}"
        ends = f"{places}{f'{end:,}':>{max(0, self.columns - len(places))}}"
        line = ["-" if self.ascii else "─"] * self.columns
        for tick in range(first, end, step):
            line[self._column(tick)] = "+" if self.ascii else "┴"
        return [
            legend,
            Text(f"{'':{self.label}} {ends} {value}"),
            Text(f"{'':{self.label}} {''.join(line)}", "dim"),
        ]

    def _column(self, place: int) -> int:
        """Return the column of a place, bp."""
        share = (place - self.picture.start) / (self.picture.end - self.picture.start)
        return min(self.columns - 1, max(0, int(share * self.columns)))

    def _columns(self, start: int, end: int) -> range:
        return range(self._column(start), self._column(end - 1) + 1)

    def track(self, track: "Track") -> "Text":
        """Return the line of a source: label, peaks, the score of its least trusted peak."""
        from atypeak_scale.plot.picture import lowest_text

        levels, unjudged, _ = BLOCKS[self.ascii]
        cells: list[tuple[str, str]] = [(" ", "")] * self.columns
        for peak in track.peaks:
            is_judged = peak.trust == peak.trust
            block = levels[min(len(levels) - 1, int(peak.trust * len(levels)))] if is_judged else unjudged
            for column in self._columns(peak.start, peak.end):
                cells[column] = (block, _style(peak.trust))
        # Only low numbers are coloured, since blue text is hard to read on black.
        lowest = track.lowest.trust
        style = _style(lowest) if lowest < LOW else ""
        return self._line(track.source, cells, lowest_text(self.picture.score, track), style)

    def absent(self) -> "list[Text]":
        """Return what is expected but absent; no line if no network was asked."""
        from rich.text import Text

        from atypeak_scale.plot.picture import number_text

        if not self.picture.expected:
            return []
        if not self.picture.absent:
            return [Text("no other source is expected here")]
        lines = [Text(f"expected here, but absent: {self.picture.expected}")]
        for one in self.picture.absent:
            cells: list[tuple[str, str]] = [(" ", "")] * self.columns
            for column in self._columns(one.start, one.end):
                cells[column] = (BLOCKS[self.ascii][2], "dim")
            lines.append(self._line(one.source, cells, number_text("", one.value), "dim"))
        return lines

    def _line(self, label: str, cells: Iterable[tuple[str, str]], value: str, style: str) -> "Text":
        from rich.text import Text

        line = Text(_fitted(clean(label), self.label, self.ascii))
        line.append(" ")
        for of_block, run in groupby(cells, key=itemgetter(1)):
            line.append("".join(block for block, _ in run), of_block)
        line.append(f" {value:>{self.value}}", style)
        return line


def _style(trust: float) -> str:
    from atypeak_scale.plot.colours import shade

    return shade(trust)


def _tick(start: int, end: int) -> tuple[int, int]:
    """Return the distance of ticks, so that there are at most 12, and the first one, bp."""
    power = 1
    while True:
        for tick in TICKS:
            if (end - start) <= 12 * tick * power:
                return tick * power, -(-start // (tick * power)) * tick * power
        power *= 100


def _fitted(label: str, width: int, is_ascii: bool) -> str:
    """Return a label of exactly that width; a long one loses its beginning, because its TR stands last."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(label) <= width:
        return set_cell_size(label, width)
    while cell_len(label) > width - 1:
        label = label[1:]
    return set_cell_size(("~" if is_ascii else "…") + label, width)
