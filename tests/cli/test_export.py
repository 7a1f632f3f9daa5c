"""`export`: its options reach the library, what it writes equals brute force, and what it refuses."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import call

import click
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from scipy import stats

from atypeak_scale.config import Config, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.scoring.export import DEFAULT_FORMATS, Exported
from tests.cli.helpers import (
    HERE,
    MODEL_OPTIONS,
    Finished,
    Refuse,
    Replace,
    Resolved,
    Run,
    Truth,
    cell_line_of,
    invoke,
    scores_of,
)

EXPORTED = {
    "raw.bed", "final.bed", "peaks.parquet", "weights.tsv", "labels.tsv", "columns.tsv", "made-from.json",
}  # fmt: skip


def test_export__only_results_of_the_store(
    replace: Replace, resolve: Resolved, model: Path, tmp_path: Path
) -> None:
    only = replace("scoring.open_scores.all_complete_scores", [scores_of(model)])
    export = replace("scoring.export.export", Exported(tmp_path / "out", 5))
    result = invoke("export", "s.zarr", "--out", "out")
    assert resolve.cell_line.call_args_list == [call("s.zarr", None)]
    assert only.call_args_list == [call(cell_line_of(), None)]
    assert export.call_args_list == [
        call([scores_of(model)], "out", DEFAULT_FORMATS, None, None, executor=HERE)
    ]
    invoke("export", "s.zarr", "--out", "out", "--cell-line", "k562", "--results", "elsewhere")
    assert resolve.cell_line.call_args == call("s.zarr", "k562")
    assert only.call_args == call(cell_line_of(), "elsewhere")
    assert export.call_args == call([scores_of(model)], "out", DEFAULT_FORMATS, None, None, executor=HERE)
    assert resolve.scores.call_args_list == []
    files = [line.split("  ")[0] for line in result.stdout.splitlines()]
    assert files[:3] == [str(tmp_path / "out" / name) for name in ("final.bed", "raw.bed", "peaks.parquet")]


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_export__results_of_a_model(
    replace: Replace, resolve: Resolved, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    export = replace("scoring.export.export", Exported(Path("out"), 5))
    invoke("export", "s.zarr", "--out", "out", "--model", model, *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]
    assert export.call_args_list == [
        call([scores_of(model)], "out", DEFAULT_FORMATS, None, None, executor=HERE)
    ]


@pytest.mark.parametrize("options", [["--crumbs", "0.1"], ["--precision", "bfloat16"]])
def test_export__options_of_a_model_are_not_dropped_without_it(replace: Replace, options: list[str]) -> None:
    replace("scoring.export.export", Exported(Path("out"), 5))
    with pytest.raises((InputError, click.UsageError), match=r"--model"):
        invoke("export", "s.zarr", "--out", "out", *options)


@pytest.mark.parametrize(
    "options, found",
    [
        (["--formats", "hub"], (("hub",), None, None)),
        (["--formats", "bigbed, bed,", "--track-line"], (("bigbed", "track"), None, None)),
        (["--chrom-sizes", "hg38", "--score", "final"], (DEFAULT_FORMATS, "hg38", "final")),
        (["--formats", ""], ((), None, None)),
    ],
)
def test_export__formats_and_what_they_need(
    replace: Replace, resolve: Resolved, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    export = replace("scoring.export.export", Exported(Path("out"), 5))
    invoke("export", "s.zarr", "--out", "out", "--model", model, *options)
    assert export.call_args_list == [call([scores_of(model)], "out", *found, executor=HERE)]


def test_export__track_lines_are_for_bed(replace: Replace) -> None:
    replace("scoring.export.export", Exported(Path("out"), 5))
    with pytest.raises(click.UsageError, match=r"--track-line is about BED files; name bed among"):
        invoke("export", "s.zarr", "--out", "out", "--formats", "tsv", "--track-line")


# For real


def test_export__browser_files(steps: Finished, atypeak: Run, tmp_path: Path) -> None:
    command = ("export", steps.store, "--model", steps.model, "--formats", "hub,igv", "--out")
    made = atypeak(*command, tmp_path / "made", "--chrom-sizes", "mm39")
    assert made.code == 0
    named = {line.split("  ")[0] for line in made.out.splitlines()}
    expected = {
        "hub.txt", "genomes.txt", "trackDb.txt", "peaks.html", "mean-score.html", "peaks.bb",
        "mean-score.bw", "igv-session.xml", "genome.chrom.sizes", "columns.tsv",
    }  # fmt: skip
    assert named == {str(tmp_path / "made" / name) for name in expected}
    assert {file.name for file in (tmp_path / "made").iterdir()} == expected | {"made-from.json"}
    message = atypeak(*command, tmp_path / "no").message()
    assert re.search(r"\(hg38, hg19, mm10, mm39\) or a file of sizes with --chrom-sizes$", message)
    (tmp_path / "cell.chrom.sizes").write_text("chr1\t1\nchr2\t1\n")
    message = atypeak(*command, tmp_path / "no", "--chrom-sizes", tmp_path / "cell.chrom.sizes").message()
    assert re.search(r"peak '.*', chr1 from \d+ to \d+: ends after chr1, which has 1 bp in cell; ", message)
    assert not (tmp_path / "no").exists()


def test_export__names_its_files(steps: Finished) -> None:
    named = {line.split("  ")[0] for line in steps.printed["export"].splitlines()}
    assert named == {str(steps.scores / name) for name in EXPORTED - {"made-from.json"}}
    assert {file.name for file in steps.scores.iterdir()} == EXPORTED


def read_bed(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, sep="\t", names=["contig", "start", "end", "name", "score", "strand"])


@pytest.mark.parametrize("name, title", [("raw.bed", "cell raw"), ("final.bed", "cell final")])
def test_exported__bed_is_a_browser_track_if_asked(
    steps: Finished, atypeak: Run, tmp_path: Path, name: str, title: str
) -> None:
    data = (steps.scores / name).read_bytes()
    asked = atypeak(
        "export", steps.store, "--model", steps.model, "--track-line", "--out", tmp_path / "tracks"
    )
    assert asked.code == 0
    track, rest = (tmp_path / "tracks" / name).read_bytes().split(b"\n", 1)
    assert rest == data
    track, *body = track.decode(), *data.decode().split("\n")
    assert body.pop() == ""
    assert track.startswith(f'track name="{title}" description="cell peaks, ')
    assert track.endswith('" useScore=1')
    assert track.count('"') == 4
    for line in body:
        assert len(line.split("\t")) == 6
        assert line.endswith("\t.")
        score = line.split("\t")[4]
        assert score == str(int(score))
        assert 0 <= int(score) <= 1000
    keys = [(line.split("\t")[0].encode(), int(line.split("\t")[1])) for line in body]
    assert keys == sorted(keys)


@pytest.mark.parametrize("name", ["raw.bed", "final.bed"])
def test_exported__bed_holds_the_peaks_in_crms(steps: Finished, truth: Truth, name: str) -> None:
    bed = read_bed(steps.scores / name)
    rows = sorted(zip(bed["contig"], bed["start"], bed["end"], bed["name"], strict=True))
    assert rows == truth.lines


def test_exported__bed_scores_are_those_of_the_table(steps: Finished) -> None:
    table = steps.table()
    for name, values in (("raw.bed", table["raw"] * 1000), ("final.bed", table["final"])):
        bed = read_bed(steps.scores / name)
        assert bed["name"].tolist() == table["name"].tolist()
        assert bed["start"].tolist() == table["start"].tolist()
        assert bed["score"].tolist() == np.clip(np.rint(values), 0, 1000).astype(int).tolist()
    assert read_bed(steps.scores / "final.bed")["score"].nunique() > 20


@pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not installed")
def test_exported__bedtools_reads_it(steps: Finished, tmp_path: Path) -> None:
    lines = (steps.scores / "final.bed").read_text().splitlines(keepends=True)
    body = tmp_path / "body.bed"
    body.write_text("".join(lines))
    ordered = subprocess.run(["bedtools", "sort", "-i", body], capture_output=True, text=True, check=True)
    found = ordered.stdout.splitlines(keepends=True)
    assert sorted(found) == sorted(lines)
    assert [line.split("\t")[:2] for line in found] == [line.split("\t")[:2] for line in lines]
    within = subprocess.run(
        ["bedtools", "intersect", "-u", "-a", steps.scores / "final.bed", "-b", steps.crms],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert within.stdout.splitlines(keepends=True) == lines
    assert within.stderr == ""


COLUMNS = {
    "contig": "string", "start": "int64", "end": "int64", "name": "string", "dataset": "string",
    "tr": "string", "crm": "int64", "crm_start": "int64", "crm_end": "int64", "other_sources": "int32",
    "raw": "float", "k_normalized": "float", "final": "float", "percentile": "float",
}  # fmt: skip


def test_exported__columns_of_the_table(steps: Finished) -> None:
    schema = pq.read_schema(steps.scores / "peaks.parquet")
    assert {field.name: str(field.type) for field in schema} == COLUMNS
    assert all(field.metadata[b"description"] for field in schema)
    table = steps.table()
    assert not table.isna().any(axis=None)
    assert (table["name"] == table["dataset"] + "." + table["tr"] + ".cell").all()


def test_exported__crm_and_other_sources_equal_brute_force(steps: Finished, truth: Truth) -> None:
    table = steps.table()
    crms = [line.split("\t") for line in steps.crms.read_text().splitlines()]
    rows = zip(table["contig"], table["start"], table["end"], table["name"], table["crm"],
               table["other_sources"], strict=True)  # fmt: skip
    expected = [(*line, crm, n) for line, crm, n in zip(truth.lines, truth.crm, truth.others, strict=True)]
    assert sorted(rows) == sorted(expected)
    assert table["other_sources"].nunique() > 2
    for _, peak in table.iterrows():
        assert crms[peak["crm"]][:3] == [peak["contig"], str(peak["crm_start"]), str(peak["crm_end"])]


def test_exported__percentile_equals_scipy(steps: Finished) -> None:
    table = steps.table()
    for _, peak in table.iterrows():
        of_tr = table["final"][table["tr"] == peak["tr"]]
        expected = stats.percentileofscore(of_tr, peak["final"], kind="mean")
        assert peak["percentile"] == pytest.approx(expected, abs=1e-4)


def test_exported__weights_have_a_row_a_source(steps: Finished, truth: Truth) -> None:
    weights = pd.read_csv(steps.scores / "weights.tsv", sep="\t", keep_default_na=False)
    assert weights.columns.tolist() == [
        "dataset", "tr", "k1", "k2", "k3", "weight", "weight_flag", "sampled_windows", "theta_mean",
        "theta_error", "eta_mean", "eta_error",
    ]  # fmt: skip
    found = sorted(weights["dataset"] + "." + weights["tr"] + ".cell")
    assert found == sorted({line[3] for line in truth.lines})
    product = weights["k1"] * weights["k2"] * weights["k3"]
    np.testing.assert_allclose(weights["weight"], product.clip(0.1, 10), rtol=1e-9)
    expected = np.select([product < 0.1, product > 10], ["clipped to 0.1", "clipped to 10"], "")
    assert weights["weight_flag"].tolist() == expected.tolist()


def test_exported__scores_follow_from_the_weights(steps: Finished) -> None:
    """k_normalized = raw * weight; final is centred and reduced within each TR."""
    table = steps.table()
    weights = pd.read_csv(steps.scores / "weights.tsv", sep="\t")
    labels = pd.read_csv(steps.scores / "labels.tsv", sep="\t").set_index("tr")
    joined = table.merge(weights[["dataset", "tr", "weight"]], on=["dataset", "tr"], validate="many_to_one")
    assert len(joined) == len(table)
    np.testing.assert_allclose(joined["k_normalized"], joined["raw"] * joined["weight"], rtol=1e-6)
    assert set(labels.index) == {"x", "y", "z"}
    for tr, peaks in table.groupby("tr"):
        scores = peaks["k_normalized"].astype(float)
        mean, sd = scores.mean(), scores.std(ddof=1)
        assert labels.loc[tr, "peaks"] == len(peaks)
        assert labels.loc[tr, "mean"] == pytest.approx(mean, rel=1e-6)
        assert labels.loc[tr, "sd"] == pytest.approx(sd, rel=1e-5)
        np.testing.assert_allclose(peaks["final"], 750 * (1 + (scores - mean) / (2 * sd)), rtol=1e-3)
    assert (table["raw"] >= 0.99e-5).all()  # the floor of every score


def test_exported__says_what_it_is_made_from(steps: Finished, tmp_path: Path) -> None:
    text = (steps.scores / "made-from.json").read_text()
    made_from = json.loads(text)
    assert made_from["store"]["peaks"]["sha256"] == hashlib.sha256(steps.peaks.read_bytes()).hexdigest()
    assert made_from["store"]["cell_line"] == "cell"
    model = json.loads((steps.model / "model.json").read_text())
    assert made_from["scores"]["model_fingerprint"] == model["fingerprint"]
    assert made_from["scores"]["normalization"] == {"sample": "all", "seed": 1}
    settings = yaml.safe_load((steps.model / "config.yaml").read_text())
    assert made_from["scores"]["trained"] == {
        "model": settings["model"],
        "training": settings["training"],
        "versions": model["versions"],
    }
    assert {"atypeak-scale", "tensorflow", "keras", "numpy"} <= model["versions"].keys()
    assert made_from["versions"]["export"]["atypeak-scale"] == version("atypeak-scale")
    assert made_from["versions"]["store"].keys() >= {"atypeak-scale", "zarr"}
    assert str(tmp_path.parent) not in text


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["export", "s.zarr"], "Missing option '--out'"),
    ],
)  # fmt: skip
def test_export__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["export", "{store}", "--out", "o", "--model", "{folder}"], r"folder: not a trained model"),
        (["export", "{store}", "--out", "o"], r"s\.zarr: not scored; run 'atypeak-scale score' and"),
        (["export", "{store}", "--out", "{folder}"], r"folder: exists; remove it or name another folder$"),
        (["export", "no.zarr", "--out", "o"], r"^no\.zarr: not a store; make one with"),
    ],
)  # fmt: skip
def test_export__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_export__needs_to_know_which_model(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], config: Config, tmp_path: Path
) -> None:
    models = [save_untrained("one"), save_untrained("two", settings=with_seed(config, 2))]
    assert atypeak("score", built, "--model", models[0]).code == 0
    out = ("--out", tmp_path / "out")
    message = atypeak("export", built, *out).message()
    assert re.search(r"s.zarr: not normalized; run 'atypeak-scale normalize' first$", message)
    named = [f"{built} --model {model}" for model in models]
    message = atypeak("export", built, *out, "--model", models[0]).message()
    assert re.search(
        rf"one-\w{{8}} is not normalized; run 'atypeak-scale normalize {named[0]}' first$", message
    )
    message = atypeak("export", built, *out, "--model", models[1]).message()
    assert re.search(
        rf"not scored by this model \(two-\w{{8}}\); run 'atypeak-scale score {named[1]}' first$", message
    )
    assert atypeak("normalize", built, "--model", models[0]).code == 0
    assert atypeak("score", built, "--model", models[1]).code == 0
    # Results that are not complete yet are no choice.
    assert atypeak("export", built, "--out", tmp_path / "first").code == 0
    assert atypeak("normalize", built, "--model", models[1]).code == 0
    message = atypeak("export", built, *out).message()
    names = r"\(one-\w{8}, two-\w{8}\)"
    assert re.search(f"scored by 2 models, or with other settings {names}; name one with --model$", message)
    assert not list(tmp_path.glob("*out*"))
    assert atypeak("export", built, *out, "--model", models[1]).code == 0
    made_from = json.loads((tmp_path / "out" / "made-from.json").read_text())
    fingerprint = json.loads((models[1] / "model.json").read_text())["fingerprint"]
    assert made_from["scores"]["model_fingerprint"] == fingerprint
