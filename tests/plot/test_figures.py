"""Files read back: SVG as XML, PDF by its pages; the same bytes twice; whole or not at all."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from assess.supported import settings, untrained
from plot.test_artificial import truth_of

from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.plot import drawings, figures
from atypeak_scale.plot.drawings import Drawing
from atypeak_scale.plot.figures import save_figures
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import local_path


@pytest.fixture(scope="module")
def saved(
    article: Scores, supported: Scores, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[tuple[str, str]], list[tuple[str, str]]]:
    out = tmp_path_factory.mktemp("figures") / "out"
    files, missing = save_figures(article, supported, out, truth=truth_of(article))
    return out, [(str(file), what) for file, what in files], missing


def test_figures__every_file_is_named_and_nothing_else(saved: tuple) -> None:
    out, files, missing = saved
    names = sorted(local_path(file).name for file, _ in files)
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, "made-from.json"])
    assert {name.rpartition(".")[0] for name in names if name.endswith(".svg")} == {
        name.rpartition(".")[0] for name in names if name.endswith(".pdf")
    }
    assert len(names) > 20
    commands = dict(missing)
    assert commands["Q-score: contribution of every pair (Fig. S5)"] == "atypeak-scale qscore"
    assert commands["the search over budgets (Fig. 3)"] == "atypeak-scale search"
    assert not {what for _, what in files} & set(commands)


def test_figures__are_svg_with_their_labels_as_text(saved: tuple) -> None:
    out, *_ = saved
    for file in out.glob("*.svg"):
        root = ET.parse(file).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert not [one for one in root.iter() if one.tag.endswith("script")]
        assert "date>" not in file.read_text()
    texts = {
        one.text
        for one in ET.parse(out / "correlation-source.svg").getroot().iter()
        if one.tag.endswith("text")
    }
    assert {"dataset00.tr00", "dataset01.tr01"} <= texts


def test_figures__are_pdf_of_one_page_without_a_date(saved: tuple) -> None:
    out, *_ = saved
    for file in out.glob("*.pdf"):
        content = file.read_bytes()
        assert content.startswith(b"%PDF-1.")
        assert content.rstrip().endswith(b"%%EOF")
        assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
        assert b"CreationDate" not in content


def test_figures__what_they_are_made_from(saved: tuple, article: Scores, supported: Scores) -> None:
    made = json.loads((saved[0] / "made-from.json").read_text())
    assert made["scores"]["model_fingerprint"] == article.fingerprint
    assert made["support"]["model_fingerprint"] == supported.fingerprint
    assert made["store"] == article.cell_line.made_from


def test_figures__same_bytes_whatever_the_callers_settings(
    saved: tuple, article: Scores, supported: Scores, tmp_path: Path
) -> None:
    with mpl.rc_context(
        {"font.size": 20, "lines.linewidth": 9, "figure.facecolor": "red", "svg.fonttype": "path"}
    ):
        before = dict(mpl.rcParams)
        save_figures(article, supported, tmp_path / "out", truth=truth_of(article))
        assert dict(mpl.rcParams) == before
    first, second = (
        {path.name: path.read_bytes() for path in out.iterdir()} for out in (saved[0], tmp_path / "out")
    )
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_figures__names_from_strangers(
    saved: tuple, tmp_path: Path, article: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    from atypeak_scale.plot.canvas import axes_for, heatmap

    labels = ['<script>alert("1")</script>', "$\\frac{", "日本 & ü", "a\x1b[0m"]

    def draw(_: object) -> object:
        ax = axes_for(None)
        heatmap(ax, [[1.0] * 4] * 4, labels, labels, "viridis", (0, 1), "<b>")  # type: ignore[arg-type]
        return ax.get_figure()

    monkeypatch.setattr(figures, "all_drawings", lambda _: [Drawing("one", "hostile", draw)])  # type: ignore[arg-type]
    save_figures(article, None, tmp_path / "out")
    texts = [
        one.text
        for one in ET.parse(tmp_path / "out" / "one.svg").getroot().iter()
        if one.tag.endswith("text")
    ]
    for label in (*labels[:3], "a\ufffd[0m", "<b>"):
        assert label in texts


def test_figures__whole_or_not_at_all(
    article: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("half-way")

    known = drawings.all_drawings

    def broken(data: object) -> list[Drawing]:
        return [*known(data)[15:17], Drawing("last", "fails", fail)]  # type: ignore[arg-type]

    monkeypatch.setattr(figures, "all_drawings", broken)
    with pytest.raises(RuntimeError, match="half-way"):
        save_figures(article, None, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_figures__refuses(article: Scores, supported: Scores, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists; remove it or name another folder"):
        save_figures(article, None, tmp_path)
    with pytest.raises(InputError, match="no scores to draw"):
        save_figures(None, None, tmp_path / "out")
    model = untrained(tmp_path / "model", settings(), article.cell_line, seed=9)
    with pytest.raises(StageMissingError, match="not scored by this model"):
        save_figures(open_scores(article.cell_line, model), supported, tmp_path / "out")
    with pytest.raises(InputError, match=r": holds no search\.tsv"):
        save_figures(article, None, tmp_path / "out", search=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
