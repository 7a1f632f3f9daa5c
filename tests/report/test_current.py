"""Whether a report is up to date."""

import json
import shutil
import sys
from pathlib import Path
from subprocess import run

import pytest

from atypeak_scale.assess.interpretation.groups import groups
from atypeak_scale.provenance import MADE_FROM
from atypeak_scale.report.current import folders_beside, is_current, report_provenance
from atypeak_scale.scoring.scores import Scores
from tests.report.conftest import handles


@pytest.fixture
def copied(workdir: Path, report: Path, tmp_path: Path) -> tuple[Path, list[Scores]]:
    shutil.copytree(workdir, tmp_path / "run")
    shutil.copytree(report, tmp_path / "run" / "report")
    return tmp_path / "run", handles(tmp_path / "run")


def test_is_current__until_something_shown_changes(copied: tuple[Path, list[Scores]]) -> None:
    folder, scores = copied
    assert is_current(folder / "report", scores, folder)
    assert not is_current(folder / "report", scores[:1], folder)
    assert not is_current(folder / "report", scores, None)
    groups(scores[0], groups=3)
    assert not is_current(folder / "report", scores, folder)


def test_is_current__sees_folders_beside_the_store(copied: tuple[Path, list[Scores]]) -> None:
    folder, scores = copied
    shutil.rmtree(folder / "evidence")
    assert not is_current(folder / "report", scores, folder)


def test_is_current__needs_the_page(copied: tuple[Path, list[Scores]]) -> None:
    folder, scores = copied
    (folder / "report" / "report.html").unlink()
    assert not is_current(folder / "report", scores, folder)
    assert not is_current(folder / "nothing", scores, folder)


def test_report_provenance__is_what_a_report_records(workdir: Path, report: Path) -> None:
    recorded = json.loads((report / MADE_FROM).read_text())
    assert recorded == json.loads(json.dumps(report_provenance(handles(workdir), workdir)))


def test_folders_beside__are_those_of_the_same_data(copied: tuple[Path, list[Scores]]) -> None:
    folder, scores = copied
    assert sorted(folders_beside(scores, folder)) == ["evidence", "search"]
    assert sorted(folders_beside(scores[:1], folder)) == ["search"]  # evidence is of support
    made = json.loads((folder / "search" / MADE_FROM).read_text())
    made["store"]["cell_line"] = "another"
    (folder / "search" / MADE_FROM).write_text(json.dumps(made))
    assert sorted(folders_beside(scores, folder)) == ["evidence"]
    # Releases were compared with an export of these scores.
    (folder / "releases").mkdir()
    exported = {"scores": scores[0].provenance()}
    (folder / "releases" / MADE_FROM).write_text(json.dumps(exported))
    assert sorted(folders_beside(scores, folder)) == ["evidence", "releases"]


def test_current__waits_for_no_large_library() -> None:
    code = "import sys, atypeak_scale.report.current; print(*sys.modules)"
    loaded = run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"bokeh", "pandas", "xarray", "tensorflow", "jinja2"} & set(loaded)
