"""The commands one after the other on a small catalogue, against `run` and independent computations."""

import csv
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from atypeak_scale.cli.commands import commands
from click.testing import CliRunner
from scipy.stats import percentileofscore

from atypeak_scale.config import dump_config, parse_config

STAGES = ["build-store", "train", "score", "normalize", "export"]


def call(*arguments: str | Path) -> str:
    result = CliRunner().invoke(commands, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def outcomes(printed: str) -> dict[str, bool]:
    """Return stage -> whether it was up to date, from what `run` prints."""
    lines = [line for line in printed.splitlines() if line.split(" ")[0] in STAGES]
    return {line.split(" ")[0]: "up to date" in line for line in lines}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every command by itself."""
    from conftest import random_catalogue

    folder = tmp_path_factory.mktemp("commands")
    peaks, crms = random_catalogue(folder / "catalogue", crms=120)
    config = parse_config(
        {
            "cell_line": "cell",
            "store": {"min_crm_peaks": 0, "windows_per_chunk": 7, "rows_per_block": 16},
            "model": {"filters": 4, "deep_dimension": 8},
            "training": {"batch_windows": 8, "batches_per_epoch": 4, "max_epochs": 3, "learning_rate": 0.01},
            "normalization": {"sample": 0.9},
        },
        "test",
    )
    (folder / "c.yaml").write_text(dump_config(config))
    call("build-store", peaks, crms, folder / "s.zarr", "--config", folder / "c.yaml")
    call("train", folder / "s.zarr", "--config", folder / "c.yaml", "--model", folder / "model")
    call("score", folder / "s.zarr", "--model", folder / "model")
    call("normalize", folder / "s.zarr", "--model", folder / "model")
    call("export", folder / "s.zarr", "--out", folder / "scores")
    return folder


def run(folder: Path, workdir: Path, *more: str) -> str:
    files = "--peaks", folder / "catalogue/peaks.bed", "--crms", folder / "catalogue/crms.bed"
    return call("run", folder / "c.yaml", "--workdir", workdir, *files, *more)


def input_peaks(folder: Path) -> list[tuple[str, int, int, str]]:
    """Return the peaks of the input that overlap a CRM, all against all."""
    crms = [line.split("\t")[:3] for line in (folder / "catalogue/crms.bed").read_text().splitlines()]
    found = []
    for line in (folder / "catalogue/peaks.bed").read_text().splitlines()[1:]:
        contig, start, end, name = line.split("\t")[:4]
        if any(c == contig and int(s) < int(end) and int(start) < int(e) for c, s, e in crms):
            found.append((contig, int(start), int(end), name))
    return sorted(found)


def test_info__text_and_json(folder: Path) -> None:
    assert "cell line" in call("info", folder / "s.zarr")
    (facts,) = json.loads(call("info", folder / "s.zarr", "--json"))
    assert facts["peaks"] == len(input_peaks(folder))
    assert list(facts["scores"].values()) == ["normalized"]


@pytest.mark.parametrize("name, column", [("raw", "raw"), ("final", "final")])
def test_bed__holds_every_peak_sorted_with_whole_scores(folder: Path, name: str, column: str) -> None:
    header, *lines = (folder / f"scores/{name}.bed").read_text().splitlines()
    assert header.startswith(f'track name="cell {name}"')
    assert header.endswith("useScore=1")
    rows = [line.split("\t") for line in lines]
    assert all(len(row) == 6 and row[5] == "." for row in rows)
    assert sorted((row[0], int(row[1]), int(row[2]), row[3]) for row in rows) == input_peaks(folder)
    order = [(row[0].encode(), int(row[1])) for row in rows]
    assert order == sorted(order)
    table = pd.read_parquet(folder / "scores/peaks.parquet")
    scale = 1000 if column == "raw" else 1
    expected = np.clip(np.rint(table[column] * scale), 0, 1000)
    assert [int(row[4]) for row in rows] == expected.astype(int).tolist()


def test_bed__bedtools_reads_it(folder: Path) -> None:
    if shutil.which("bedtools") is None:
        pytest.skip("bedtools is not installed")
    file = folder / "scores/final.bed"
    done = subprocess.run(["bedtools", "sort", "-i", file], capture_output=True, text=True, check=True)
    ours = [line.split("\t")[:2] for line in file.read_text().splitlines()[1:]]
    assert [line.split("\t")[:2] for line in done.stdout.splitlines()] == ours


def test_table__columns_against_brute_force(folder: Path) -> None:
    table = pd.read_parquet(folder / "scores/peaks.parquet")
    crms = [line.split("\t") for line in (folder / "catalogue/crms.bed").read_text().splitlines()]
    sources: dict[int, set[str]] = defaultdict(set)
    for contig, start, end, name in input_peaks(folder):
        for number, (c, s, e, *_) in enumerate(crms):
            if c == contig and int(s) < end and start < int(e):
                sources[number].add(name)
    weights = pd.read_csv(folder / "scores/weights.tsv", sep="\t").set_index(["dataset", "tr"])["weight"]
    labels = pd.read_csv(folder / "scores/labels.tsv", sep="\t").set_index("tr")
    for row in table.to_dict("records"):
        assert row["name"] == f"{row['dataset']}.{row['tr']}.cell"
        crm = crms[row["crm"]]
        assert [row["contig"], row["crm_start"], row["crm_end"]] == [crm[0], int(crm[1]), int(crm[2])]
        assert row["start"] < row["crm_end"]
        assert row["crm_start"] < row["end"]
        assert row["other_sources"] == len(sources[row["crm"]] - {row["name"]})
        assert row["k_normalized"] == pytest.approx(row["raw"] * weights[row["dataset"], row["tr"]], rel=1e-5)
        same = table["tr"] == row["tr"]
        expected = percentileofscore(table["final"][same], row["final"], kind="mean")
        assert row["percentile"] == pytest.approx(expected, abs=1e-3)
        scores = table["k_normalized"][same].astype(float)
        assert labels.loc[row["tr"], "peaks"] == same.sum()
        final = 750 * (1 + (row["k_normalized"] - scores.mean()) / (2 * scores.std(ddof=1)))
        assert row["final"] == pytest.approx(final, abs=0.01)


def test_weights__one_row_a_source_with_errors(folder: Path) -> None:
    with (folder / "scores/weights.tsv").open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    names = {name.rsplit(".", 1)[0] for *_, name in input_peaks(folder)}
    assert {f"{row['dataset']}.{row['tr']}" for row in rows} == names
    assert all(0.1 <= float(row["weight"]) <= 10 for row in rows)
    assert all(float(row["theta_error"]) >= 0 for row in rows)


def test_run__gives_the_same_and_keeps_what_is_up_to_date(folder: Path, tmp_path: Path) -> None:
    first = run(folder, tmp_path / "work")
    assert not any(outcomes(first).values())
    assert "peak memory" in first
    # TensorFlow may sum in another order from run to run, in the last digits only.
    ours = pd.read_parquet(tmp_path / "work/scores/peaks.parquet")
    pd.testing.assert_frame_equal(ours, pd.read_parquet(folder / "scores/peaks.parquet"), atol=1e-2)
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "work").rglob("*") if f.is_file()}
    assert outcomes(run(folder, tmp_path / "work")) == dict.fromkeys(STAGES, True)
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "work").rglob("*") if f.is_file()} == before
    text = (folder / "c.yaml").read_text()
    try:
        (folder / "c.yaml").write_text(text.replace("sample: 0.9", "sample: all"))
        changed = outcomes(run(folder, tmp_path / "work"))
    finally:
        (folder / "c.yaml").write_text(text)
    assert changed == {"build-store": True, "train": True, "score": True, "normalize": False, "export": False}


def test_dry_run__writes_nothing(folder: Path, tmp_path: Path) -> None:
    plans = json.loads(run(folder, tmp_path / "work", "--dry-run", "--json"))
    assert [plan["name"] for plan in plans] == STAGES
    assert plans[0]["plan"]["selected_peaks"] >= len(input_peaks(folder))
    assert list(tmp_path.iterdir()) == []
    files = folder / "catalogue/peaks.bed", folder / "catalogue/crms.bed", tmp_path / "s.zarr"
    plan = json.loads(call("build-store", *files, "--config", folder / "c.yaml", "--dry-run", "--json"))
    assert plan == plans[0]["plan"]
    assert list(tmp_path.iterdir()) == []
    plan = json.loads(call("score", folder / "s.zarr", "--model", folder / "model", "--dry-run", "--json"))
    assert plan["blocks_done"] == plan["blocks"] > 1


def test_help__does_not_wait_for_tensorflow() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from atypeak_scale.cli.commands import commands\n"
        "for name in [None, *commands.commands]:\n"
        "    result = CliRunner().invoke(commands, ([name] if name else []) + ['--help'])\n"
        "    assert result.exit_code == 0, result.output\n"
        "import atypeak_scale\n"
        "assert not {'tensorflow', 'keras', 'pandas', 'zarr', 'distributed'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
