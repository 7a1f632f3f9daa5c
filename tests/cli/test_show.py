"""`show`: what it prints of a module by place and by number, as text and SVG, and what it refuses."""

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from assess.supported import normalized_of, supported

from atypeak_scale.assess import find_modules, module
from atypeak_scale.plot.module_svg import module_svg
from atypeak_scale.plot.picture import picture
from atypeak_scale.scoring.scores import Scores
from tests.cli.helpers import Refuse, Run, printed


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Complete scores of support; tests only read them."""
    return supported(tmp_path_factory.mktemp("supported"))


@pytest.fixture(scope="module")
def article(scores: Scores, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return normalized_of(scores, tmp_path_factory.mktemp("article"))


@pytest.fixture
def arguments(scores: Scores) -> list[str]:
    return ["show", str(scores.cell_line.store), "--model", str(scores.model)]


def test_show__by_number_by_region_and_by_position(scores: Scores, arguments: list[str]) -> None:
    (place,) = find_modules(scores.cell_line, "13")
    text = printed(*arguments, "13")
    lines = text.splitlines()
    assert lines[0] == f"{place.text}  CRM 13"
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in text
    assert text == printed(*arguments, place.text)
    assert text == printed(*arguments, place.text.replace(",", ""))
    assert text == printed(*arguments, f"{place.contig}:{place.start + 1:,}")
    assert text == printed(*arguments[:1], "--workdir", _workdir(scores, Path(arguments[1])), "13")
    drawn = picture(module(scores.cell_line, 13, support=scores), support=scores)
    for track in drawn.tracks:
        assert re.search(rf"^{re.escape(track.source)} .* -$", text, re.MULTILINE)  # not judged
    for one in drawn.absent:
        assert re.search(rf"^{re.escape(one.source)} .* {one.value:.2f}$", text, re.MULTILINE)
    words = text.split()
    assert all(word in words for line in drawn.why for word in line.split())


def _workdir(scores: Scores, store: Path) -> Path:
    """Return a folder as `run` leaves it."""
    folder = Path(store).with_name("workdir")
    if not folder.exists():
        folder.mkdir()
        (folder / "store.zarr").symlink_to(store)
        (folder / "support-model").symlink_to(scores.model)
    return folder


def test_show__a_region_of_several_crms(scores: Scores, arguments: list[str]) -> None:
    first, second = (find_modules(scores.cell_line, number)[0] for number in ("13", "14"))
    assert first.contig == second.contig
    region = f"{first.contig}:{first.start + 1:,}-{second.start + 100:,}"
    lines = printed(*arguments, region).splitlines()
    assert lines[0].startswith(first.text)
    assert lines[2] == f"also there: CRM 14 ({second.text})"


def test_show__of_both_models_by_a_score(scores: Scores, article: Scores, arguments: list[str]) -> None:
    shutil.rmtree(Path(arguments[1]).with_name("workdir"), ignore_errors=True)
    text = printed(*arguments, "13", "--score", "support")
    values = {line.split()[0]: line.split()[-1] for line in text.splitlines() if line.startswith("dataset")}
    peaks = module(scores.cell_line, 13, support=scores).peaks
    for (dataset, tr), part in peaks.groupby(["dataset", "tr"]):
        assert values[f"{dataset}.{tr}"] == f"{part['support'].min():+.1f}"
    store = arguments[1]
    text = printed("show", store, "13", "--model", article.model, "--results", article.location)
    assert re.search(r"final$", text.splitlines()[3])
    assert "expected here, but absent: rebuilt by the article's network" in text or "no other source" in text


def test_show__without_models_shows_what_is_stored(scores: Scores, arguments: list[str]) -> None:
    text = printed("show", arguments[1], "13")
    assert "expected" not in text
    assert text.splitlines()[5:-2] == printed(*arguments, "13").splitlines()[5 : len(text.splitlines()) - 2]
    assert "no peak can be judged; least supported: " in text


def test_show__svg(scores: Scores, arguments: list[str], tmp_path: Path, atypeak: Run) -> None:
    file = tmp_path / "module.svg"
    text = printed(*arguments, "13", "--svg", file)
    assert text.splitlines()[-1] == f"{file}  the same as a picture"
    drawn = picture(module(scores.cell_line, 13, support=scores), support=scores)
    assert file.read_text() == module_svg(drawn)
    assert ET.parse(file).getroot().tag.endswith("svg")
    assert atypeak(*arguments, "13", "--svg", file).message().startswith(f"{file}: exists; remove it or name")
    assert [path.name for path in tmp_path.iterdir()] == ["module.svg"]


# Bad input


@pytest.mark.parametrize(
    "options, message",
    [
        (["chr1"], r"place 'chr1': expected a region such as chr1:778,327-779,298, a position such as"),
        (["chr1:9-5"], r"place 'chr1:9-5': positions count from 1, and the first is not after the last"),
        (["chr17:5-9"], r"has no contig 'chr17'; the nearest known are chr1"),
        (["chr1:1-5"], r"has no CRM with a peak at chr1:1-5; the nearest is chr1:[\d,]+-[\d,]+, \d+"),
        (["99999"], r"has no CRM 99999; the number of a CRM is its row in the CRM file, from 0; the last"),
        (["13", "--score", "duobt"], r"has no score 'duobt'; the nearest known are doubt"),
        (["13", "--score", "final"], r"has no score 'final'; known are "),
    ],
)  # fmt: skip
def test_show__refuses(arguments: list[str], atypeak: Run, options: list[str], message: str) -> None:
    assert re.search(message, atypeak(*arguments, *options).message())


def test_show__refuses_results_that_are_not_there(scores: Scores, atypeak: Run, tmp_path: Path) -> None:
    copy = shutil.copytree(scores.cell_line.store, tmp_path / "s.zarr")
    shutil.rmtree(copy / "artificial" / "scores")
    message = atypeak("show", copy, "13", "--model", scores.model).message()
    assert message.endswith(f"; run 'atypeak-scale score {copy} --model {scores.model}' first")
    assert (
        atypeak("show", copy, "13")
        .message()
        .endswith("run 'atypeak-scale score' and 'atypeak-scale normalize' first")
    )


def test_show__missing_is_named_and_nothing_left(refuse_missing: Refuse) -> None:
    refuse_missing(["show", "no.zarr", "12"], r"^no\.zarr: not a store; make one with")


def test_show__usage(refuse_usage: Refuse) -> None:
    refuse_usage(["show", "no.zarr"], "Missing argument 'REGION'.")
