"""One CRM as an SVG file, without any other library: text is text, and names are escaped."""

import math
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from atypeak_scale.plot.colours import UNJUDGED, shade
from atypeak_scale.plot.labels import clean, cut
from atypeak_scale.plot.picture import Picture, lowest_text, number_text

WIDTH, LABEL, VALUE, LANE, MARGIN = 1000, 230, 70, 16, 12
TICK_PIXELS, LETTER = 130, 6.6  # least distance of ticks, and width of a letter, roughly
FONT = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
TEXT, FAINT = "#222222", "#707070"


def module_svg(picture: Picture) -> str:
    """Return the SVG document, UTF-8 text; the same picture gives the same text."""
    drawing = _Drawing(picture)
    drawing.head()
    drawing.axis()
    for track in picture.tracks:
        drawing.line(track.source, lowest_text(picture.score, track))
        for peak in track.peaks:
            drawing.peak(
                peak.start, peak.end, peak.trust, f"{picture.score} {number_text(picture.score, peak.score)}"
            )
    if picture.expected:
        words = "expected here, but absent" if picture.absent else "no other source is expected here"
        drawing.text(f"{words}: {picture.expected}" if picture.absent else words, gap=True)
    for one in picture.absent:
        drawing.line(one.source, number_text("", one.value), FAINT)
        drawing.expected(one.start, one.end)
    drawing.paragraphs(picture.why)
    return drawing.document()


class _Drawing:
    """An SVG that grows downwards; `y` is the top of the next line."""

    def __init__(self, picture: Picture) -> None:
        self.picture, self.y = picture, float(MARGIN)
        self.svg = ET.Element(
            "svg",
            {"xmlns": "http://www.w3.org/2000/svg", "font-family": FONT, "font-size": "11", "fill": TEXT},
        )
        self.svg.append(ET.Element("rect", {"width": "100%", "height": "100%", "fill": "#ffffff"}))

    def document(self) -> str:
        """Return the text of the whole SVG."""
        height = f"{self.y + MARGIN:g}"
        self.svg.attrib |= {"width": str(WIDTH), "height": height, "viewBox": f"0 0 {WIDTH} {height}"}
        return ET.tostring(self.svg, encoding="unicode") + "\n"

    def head(self) -> None:
        """Draw the title, the facts and the legend."""
        self._text(MARGIN, self.picture.title, {"font-size": "15", "font-weight": "bold"})
        self.y += 8
        self.paragraphs(self.picture.facts, gap=False)
        x = float(MARGIN)
        for words, trust in (("doubtful", 0.0), ("", 0.25), ("", 0.5), ("", 0.75), ("trusted", 1.0),
                             ("not judged", math.nan)):  # fmt: skip
            is_last = trust == 1 or math.isnan(trust)
            if words and not is_last:
                self._text(x, words)
                x += LETTER * len(words) + 8
                self.y -= LANE
            self._rect(x, 16, shade(trust))
            x += 18
            if words and is_last:
                self._text(x + 4, words)
                x += LETTER * len(words) + 28
                self.y -= LANE
        self.y += LANE

    def axis(self) -> None:
        """Draw the places, bp, along the CRM, and what the numbers are."""
        start, end = self.picture.start, self.picture.end
        step = _tick((end - start) * TICK_PIXELS / (WIDTH - LABEL - VALUE))
        self.y += 6
        for tick in range(-(-start // step) * step, end + 1, step):
            place = {"text-anchor": "middle", "fill": FAINT}
            self._text(self._x(tick), f"{tick:,}", place)
            self.y -= LANE
            self._add(
                "line",
                x1=self._x(tick),
                x2=self._x(tick),
                y1=self.y + LANE,
                y2=self.y + LANE + 4,
                stroke=FAINT,
            )
        self._text(WIDTH - MARGIN, self.picture.score, {"text-anchor": "end", "fill": FAINT})
        self._add("line", x1=LABEL, x2=WIDTH - VALUE, y1=self.y + 4, y2=self.y + 4, stroke=FAINT)
        self.y += 8

    def line(self, label: str, value: str, colour: str = TEXT) -> None:
        """Begin a line with a label and a value; peaks are then drawn into it."""
        most = int((LABEL - MARGIN - 8) / LETTER)
        self._text(LABEL - 8, cut(label, most), {"text-anchor": "end", "fill": colour}, title=label)
        self.y -= LANE
        self._text(WIDTH - MARGIN, value, {"text-anchor": "end", "fill": colour})
        self._add("line", x1=LABEL, x2=WIDTH - VALUE, y1=self.y - 2, y2=self.y - 2, stroke="#eeeeee")

    def peak(self, start: int, end: int, trust: float, words: str) -> None:
        """Draw a peak into the line that was begun last."""
        left, right = self._x(start), self._x(end)
        self.y -= LANE
        shape = self._rect(left, max(1.5, right - left), shade(trust))
        shape.set("stroke", "#ffffff")
        shape.set("stroke-width", "0.5")
        ET.SubElement(shape, "title").text = clean(f"{start + 1:,}-{end:,}: {words}")
        self.y += LANE

    def expected(self, start: int, end: int) -> None:
        """Draw where a source is expected, as an empty box."""
        left, right = self._x(start), self._x(end)
        self.y -= LANE
        shape = self._rect(left, max(1.5, right - left), "none")
        shape.attrib |= {"stroke": UNJUDGED, "stroke-dasharray": "3 2"}
        self.y += LANE

    def paragraphs(self, lines: Iterable[str], gap: bool = True) -> None:
        """Draw some lines of text, broken where they are too long."""
        most = int((WIDTH - 2 * MARGIN) / LETTER)
        self.y += 8 if gap else 0
        for line in lines:
            rest = clean(line)
            while rest:
                cut = len(rest) if len(rest) <= most else rest.rfind(" ", 1, most)
                cut = cut if cut > 0 else most
                self._text(MARGIN, rest[:cut])
                rest = rest[cut:].lstrip()

    def text(self, words: str, gap: bool = False) -> None:
        """Draw one line of text."""
        self.paragraphs([words], gap)

    def _x(self, place: int) -> float:
        """Return where a place, bp, lies; what is beyond the CRM lies at its end."""
        share = (place - self.picture.start) / (self.picture.end - self.picture.start)
        return round(LABEL + min(1.0, max(0.0, share)) * (WIDTH - LABEL - VALUE), 2)

    def _text(self, x: float, words: str, style: dict[str, str] | None = None, title: str = "") -> None:
        found = self._add("text", x=x, y=self.y + LANE - 4)
        found.attrib |= style or {}
        found.text = clean(words)
        if title:
            ET.SubElement(found, "title").text = clean(title)
        self.y += LANE

    def _rect(self, x: float, width: float, fill: str) -> ET.Element:
        return self._add("rect", x=x, y=self.y + 2, width=round(width, 2), height=LANE - 4, fill=fill)

    def _add(self, tag: str, **attributes: float | str) -> ET.Element:
        values = {key: one if isinstance(one, str) else f"{one:g}" for key, one in attributes.items()}
        return ET.SubElement(self.svg, tag, values)


def _tick(least: float) -> int:
    """Return the smallest 1, 2 or 5 times a power of ten that is not below `least`."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= least:
                return digit * power
        power *= 10
