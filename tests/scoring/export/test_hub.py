import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from scoring.export.conftest import HOSTILE
from scoring.export.test_bigbed import fields_of

from atypeak_scale.scoring.export import BIGBED_FILE, export
from atypeak_scale.scoring.export.hub import one_line, track_name
from atypeak_scale.scoring.scores import Scores

FILES = {"genomesFile", "trackDb", "bigDataUrl", "html", "descriptionUrl"}
# The UCSC browser opens no hub that lacks one of these.
REQUIRED = {"hub", "email", "shortLabel", "longLabel", "genomesFile"}
SETTINGS = {
    "track", "bigDataUrl", "shortLabel", "longLabel", "type", "visibility", "itemRgb", "html", "mouseOver",
    "viewLimits", "autoScale", "color", "filter", "filterByRange", "filterLimits", "filterLabel",
    "filterValues", "filterText", "filterType",
}  # fmt: skip


def stanzas(file: Path) -> list[dict[str, str]]:
    """Return the settings of each stanza; a line is a setting, and each is there once."""
    found = []
    for text in file.read_text().strip().split("\n\n"):
        pairs = [line.split(" ", 1) for line in text.split("\n")]
        assert all(len(pair) == 2 and pair[1].strip() and not pair[1].endswith("\\") for pair in pairs)
        assert len({name for name, _ in pairs}) == len(pairs)
        found.append(dict(pairs))
    return found


def checked(folder: Path) -> list[dict[str, str]]:
    """Return the tracks of a hub, after what must hold for all."""
    (hub,), (genome,) = stanzas(folder / "hub.txt"), stanzas(folder / "genomes.txt")
    tracks = stanzas(folder / "trackDb.txt")
    for stanza in (hub, genome, *tracks):
        for name in FILES & set(stanza):
            assert (folder / stanza[name]).is_file(), name
    assert set(hub) == {*REQUIRED, "descriptionUrl"}
    assert set(genome) == {"genome", "trackDb"}
    assert len({track["track"] for track in tracks}) == len(tracks) == 2
    for track in tracks:
        assert re.fullmatch(r"[A-Za-z]\w*", track["track"], re.ASCII)
        assert {name.split(".")[0] for name in track} <= SETTINGS
    fields = {name for _, name in fields_of(folder / BIGBED_FILE)}
    peaks = tracks[0]
    filtered = {name.split(".", 1)[1] for name in peaks if name.startswith("filter")}
    assert filtered and filtered <= fields
    # A whole range filters nothing; any less would hide the peaks without the number.
    limits = {name: value for name, value in peaks.items() if name.startswith("filterLimits.")}
    assert limits and all(peaks[name.replace("Limits", "")] == value for name, value in limits.items())
    assert {name for name in peaks if name.startswith("filter.")} == {
        name.replace("Limits", "") for name in limits
    }
    assert set(re.findall(r"\$(\w+)", peaks["mouseOver"])) <= fields
    assert (peaks["type"], peaks["itemRgb"]) == ("bigBed 9 +", "on")
    return tracks


@pytest.mark.parametrize("which", [[0], [1], [0, 1]])
def test_hub__files_and_fields_that_it_names_exist(
    both: list[Scores], tmp_path: Path, which: list[int]
) -> None:
    export([both[number] for number in which], tmp_path / "out", ("hub",), "hg38")
    peaks, _ = checked(tmp_path / "out")
    assert peaks["filterValues.dataset"] == "d1,d2,d3" and peaks["filterValues.tr"] == "x,y,z"
    assert ("filter.percentile" in peaks, "filter.doubt" in peaks) == (0 in which, 1 in which)
    assert peaks["filterLimits.score"] == "0:1000" and peaks["filterByRange.score"] == "on"
    assert "genome hg38\n" in (tmp_path / "out/genomes.txt").read_text()
    page = (tmp_path / "out/peaks.html").read_text()
    assert "cannot be judged" in page or which == [0]
    assert "(method" not in page and "until" not in page


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_hub__hostile_names_stay_text(hostile: Scores, tmp_path: Path) -> None:
    export(hostile, tmp_path / "out", ("hub",), "hg38")
    peaks, _ = checked(tmp_path / "out")
    # Labels that a list cannot hold are searched as text instead.
    for view in ("dataset", "tr"):
        assert peaks[f"filterText.{view}"] == "*" and f"filterValues.{view}" not in peaks
    assert all("<" not in value and '"' not in value for value in peaks.values())
    for name in ("peaks.html", "mean-score.html"):
        page = Page((tmp_path / "out" / name).read_text())
        assert not page.tags & {"b", "script"}
        assert hostile.cell_line.name in " ".join("".join(page.texts).split())


def test_hub__assembly_is_the_name_of_the_file(both: list[Scores], tmp_path: Path) -> None:
    (tmp_path / "dm6.chrom.sizes").write_text("chr1\t10000000\nchr2\t10000000\n")
    export(both, tmp_path / "out", ("hub",), tmp_path / "dm6.chrom.sizes", "final")
    checked(tmp_path / "out")
    assert "genome dm6\n" in (tmp_path / "out/genomes.txt").read_text()


@pytest.mark.parametrize("text", ["a\nb c", "a\\", "a\u2028b\x85c\x0bd", "<i>\t", *HOSTILE.values()])
def test_one_line__is_one(text: str) -> None:
    found = one_line(text)
    assert len(found.splitlines()) == 1 and not set(found) & set('\\<>"&\t') and found == found.strip()


@pytest.mark.parametrize("name", ["HeLa-S3", "é <b>", "1", "a\nb"])
def test_track_name__is_plain(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", track_name(name))
