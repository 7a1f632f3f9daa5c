"""The SVG read back as XML: every peak at its place, every name as text."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from plot.pictures import HOSTILE, by_hand

from atypeak_scale.plot.colours import UNJUDGED, shade
from atypeak_scale.plot.module_svg import LABEL, LANE, VALUE, WIDTH, module_svg

SVG = "{http://www.w3.org/2000/svg}"


def parsed(**changes: object) -> ET.Element:
    return ET.fromstring(module_svg(by_hand(**changes)))  # type: ignore[arg-type]


def texts(root: ET.Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def place(share: float) -> float:
    return LABEL + share * (WIDTH - LABEL - VALUE)


def test_svg__every_peak_at_its_place() -> None:
    root = parsed()
    boxes = [one for one in root.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
    assert len(boxes) == 7
    for n, box in enumerate(boxes[:6]):
        assert float(box.get("x", 0)) == pytest.approx(place(n / 10), abs=0.02)
        assert float(box.get("width", 0)) == pytest.approx(place(0.15) - LABEL, abs=0.02)
        assert box.get("fill") == shade(n / 6)
        title = box.find(f"{SVG}title")
        assert title is not None
        assert title.text == f"{5001 + 100 * n:,}-{5150 + 100 * n:,}: doubt {1 - n / 6:.2f}"
    # A peak that reaches beyond the CRM is cut at its ends.
    assert float(boxes[6].get("x", 0)) == LABEL
    assert float(boxes[6].get("width", 0)) == WIDTH - LABEL - VALUE
    assert boxes[6].get("fill") == UNJUDGED
    tops = [float(box.get("y", 0)) for box in boxes]
    assert [b - a for a, b in pairwise(tops)] == [LANE] * 6
    (expected,) = [one for one in root.iter(f"{SVG}rect") if one.get("stroke-dasharray")]
    assert float(expected.get("x", 0)) == pytest.approx(place(0.5))
    assert float(expected.get("width", 0)) == pytest.approx(place(0.2) - LABEL)


def test_svg__labels_and_scores_stand_on_the_lines_of_their_peaks() -> None:
    root = parsed()
    at = {one.text: float(one.get("y", 0)) for one in root.iter(f"{SVG}text")}
    boxes = [one for one in root.iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
    for label, box in zip(["dataset04.tr04", "dataset05.tr05", "lone.x"], boxes[4:], strict=True):
        top = float(box.get("y", 0))
        assert top < at[label] < top + LANE
    assert texts(root).count("0.33") == texts(root).count("0.17") == 1


def test_svg__names_from_strangers_are_text() -> None:
    text = module_svg(by_hand())
    assert "<script" not in text
    assert "\x1b" not in text
    root = ET.fromstring(text)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {"svg", "rect", "line", "text", "title"}
    found = {one.text for one in root.iter(f"{SVG}title")} | set(texts(root))
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[3], "absent.<y>", "least trusted: <i>", "because & so"):
        assert name in found
    assert "d.\ufffd[31mred\ufffd\ufffd" in found
    assert not [key for one in root.iter() for key in one.attrib if key.startswith("on") or "href" in key]


def test_svg__long_labels_keep_their_end_and_lines_are_broken() -> None:
    label = "a" * 90 + ".ctcf"
    tracks = by_hand().tracks
    long = (type(tracks[0])(label, tracks[0].peaks),)
    root = parsed(tracks=long, why=("word " * 100,))
    shown = next(text for text in texts(root) if text.endswith("a.ctcf"))
    assert shown.startswith("…")
    assert len(shown) < 40
    assert label in [one.text for one in root.iter(f"{SVG}title")]
    assert sum(text.startswith("word word") for text in texts(root)) == 4
    assert max(map(len, texts(root))) < 150
    assert parsed(why=("x" * 400,)) is not None  # without a blank


def test_svg__nothing_lies_outside() -> None:
    root = parsed(sources=60)
    height = float(root.get("height", 0))
    for one in root.iter():
        y, x = float(one.get("y", one.get("y2", 0))), float(one.get("x", one.get("x2", 0)))
        assert 0 <= y + float((one.get("height") or "0").removesuffix("%")) <= height
        assert 0 <= x <= WIDTH


def test_svg__ticks_are_round_and_not_crowded() -> None:
    for length in (37, 200, 1000, 12_345, 10_000_000):
        root = parsed(end=5000 + length)
        ticks = [int(text.replace(",", "")) for text in texts(root) if re.fullmatch(r"[\d,]+", text)]
        step = ticks[1] - ticks[0]
        assert math.log10(step) % 1 in (
            pytest.approx(0),
            pytest.approx(math.log10(2)),
            pytest.approx(math.log10(5)),
        )
        assert all(tick % step == 0 and 5000 <= tick <= 5000 + length for tick in ticks)
        assert 2 <= len(ticks) <= 7


def test_svg__nothing_expected() -> None:
    assert "no other source is expected here" in texts(parsed(absent=()))
    assert not [text for text in texts(parsed(absent=(), expected="")) if "expected" in text]


def test_svg__is_the_same_twice() -> None:
    assert module_svg(by_hand()) == module_svg(by_hand())
