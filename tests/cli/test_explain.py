"""`explain`: what it prints and writes of one peak and of the least supported, and what it refuses."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from assess.supported import article_of, supported
from atypeak_scale.cli import explain as command

from atypeak_scale import assess
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from tests.cli.helpers import Refuse, Run, printed


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Complete scores of support; tests only read them."""
    return supported(tmp_path_factory.mktemp("supported"))


def arguments(scores: Scores) -> list[str | Path]:
    return ["explain", scores.cell_line.store, "--model", scores.model]  # type: ignore[list-item]


def test_explain__one_peak(scores: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = scores.cell_line.peaks(20, 21)
    contig, source = scores.cell_line.contigs[peaks.contig[0]], scores.cell_line.sources[peaks.source[0]]
    start, end = int(peaks.start_bp[0]), int(peaks.end_bp[0])
    named = ("--peak", f"{contig}:{start:,}-{end}", "--source", ".".join(source))
    table = assess.explain(scores, contig, start, end, ".".join(source))
    text = printed(*arguments(scores), *named, "--out", tmp_path / "out")
    assert text.startswith(
        f"{contig}:{start}-{end} of {'.'.join(source)}: support {scores.read(v.SUPPORT)[20]:.2f}, "
        f"{table['overlaps'].sum()} other sources overlap, {table['present'].sum()} of 5 are in the window\n"
    )
    doubt = scores.read(v.DOUBT)[20]
    assert ("no doubt is known" if np.isnan(doubt) else f"doubt {doubt:.2g}: ") in text.splitlines()[1]
    baseline, added = (float(one) for one in re.findall(r"[+-]\d+\.\d\d", text.splitlines()[2]))
    assert added == pytest.approx(table.loc[table["present"] == 1, "effect"].sum(), abs=0.006)
    assert baseline + added == pytest.approx(table["support"].iloc[0], abs=0.011)
    from_1 = ("--peak", f"{contig}:{start + 1:,}-{end:,}", "--source", ".".join(source))
    assert printed(*arguments(scores), *from_1) == printed(*arguments(scores), *named)
    for row in table.itertuples():
        assert re.search(rf"{row.other_dataset}\.{row.other_tr} +{row.overlaps} +{row.effect:.4g} ", text)
    adds, would = text.index("adds to the support"), text.index("would add, with a peak there")
    first_absent = table[table["present"] == 0].iloc[0]
    assert adds < would < text.index(f"{first_absent['other_dataset']}.{first_absent['other_tr']} ")
    written = pd.read_csv(tmp_path / "out" / "explanation.tsv", sep="\t")
    pd.testing.assert_frame_equal(written, table, rtol=1e-4, check_dtype=False)
    monkeypatch.setattr(command, "SHOWN", 1)
    assert len(printed(*arguments(scores), *named).splitlines()) == 3 + 2 * 4
    assert ", the 1 most of " in printed(*arguments(scores), *named)


def test_explain__prints_names_that_source_takes() -> None:
    labels = {"dataset": ["a b"], "tr": ["H2A.Z"], "other_dataset": ["d"], "other_tr": ["x"]}
    table = pd.DataFrame(labels)
    assert command._named(table, ("dataset", "tr"), "") == ["a%20b.H2A%2EZ"]
    assert command._named(table, ("dataset", "tr")) == ["d.x"]


def test_explain__the_least_supported(scores: Scores, tmp_path: Path) -> None:
    text = printed(*arguments(scores), "--least", "2", "--out", tmp_path / "out")
    peaks = assess.least_supported(scores, 2)
    table = assess.explain_peaks(scores, peaks)
    lines = text.splitlines()[1:13]
    assert len(table) == 12 * 5
    for at, line in enumerate(lines):
        of_peak = table.iloc[at * 5 : at * 5 + 5]
        one = of_peak.iloc[0]
        place = f"{one['contig']}:{one['start']}-{one['end']}"
        doubt = scores.read(v.DOUBT)[peaks[at]]
        assert line.split()[:5] == [
            place, f"{one['dataset']}.{one['tr']}", f"{one['support']:.4g}",
            "-" if np.isnan(doubt) else f"{doubt:.4g}", str(of_peak["overlaps"].sum()),
        ]  # fmt: skip
        for is_present in (0, 1):
            part = of_peak[of_peak["present"] == is_present].head(1)
            assert ", ".join(
                f"{row.other_dataset}.{row.other_tr} {row.effect:+.2f}" for row in part.itertuples()
            ) in line  # fmt: skip
    written = pd.read_csv(tmp_path / "out" / "explanation.tsv", sep="\t")
    pd.testing.assert_frame_equal(written, table, rtol=1e-4, check_dtype=False)


# Bad input


@pytest.mark.parametrize(
    "options, message",
    [
        ([], "name a peak with --peak and --source, or the least supported ones with --least"),
        (["--peak", "chr1:1-2"], "name a peak with --peak and --source"),
        (["--source", "a.x"], "name a peak with --peak and --source"),
        (["--peak", "chr1:1-2", "--source", "a.x", "--least", "2"], "name a peak with --peak and --source"),
        (["--peak", "chr1-5", "--source", "a.x"], "--peak 'chr1-5': expected contig, start and end, such as"),
        (["--peak", "chr1:,-5", "--source", "a.x"], "--peak 'chr1:,-5': expected contig, start and end"),
        (["--peak", "chr1:1-" + "9" * 40, "--source", "a.x"], "expected contig, start and end"),
        (["--peak", "chr1:1-2", "--source", "dataset01.tr09"],
         r"has no source 'dataset01\.tr09'; the nearest known are dataset01\.tr0"),
        (["--peak", "chr9:1-2", "--source", "dataset01.tr00"],
         "has no contig 'chr9'; the nearest known are chr1"),
        (["--peak", "chr1:1-2", "--source", "dataset01.tr00"],
         r"has no peak chr1:1-2 of dataset01\.tr00 in a CRM; the nearest is chr1:\d+-\d+"),
    ],
)  # fmt: skip
def test_explain__refuses(scores: Scores, atypeak: Run, options: list[str], message: str) -> None:
    assert re.search(message, atypeak(*arguments(scores), *options).message())


def test_explain__refuses_other_results(scores: Scores, atypeak: Run, tmp_path: Path) -> None:
    article = article_of(scores, tmp_path / "article")
    store = scores.cell_line.store
    message = atypeak("explain", store, "--model", article.model, "--least", "1").message()
    assert message.endswith("article: is no model of support; name one with --model")
    copy = shutil.copytree(store, tmp_path / "s.zarr")
    shutil.rmtree(copy / "artificial" / "scores")
    message = atypeak("explain", copy, "--model", scores.model, "--least", "1").message()
    assert message.endswith(f"; run 'atypeak-scale score {copy} --model {scores.model}' first")


def test_explain__missing_is_named_and_nothing_left(refuse_missing: Refuse) -> None:
    refuse_missing(
        ["explain", "no.zarr", "--model", "{folder}", "--least", "1"],
        r"^no\.zarr: not a store; make one with",
    )


def test_explain__refuses_an_existing_folder(scores: Scores, atypeak: Run, tmp_path: Path) -> None:
    message = atypeak(*arguments(scores), "--least", "1", "--out", tmp_path).message()
    assert message == f"{tmp_path}: exists; remove it or name another folder"
