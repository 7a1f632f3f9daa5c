"""The commands for real: step by step, then `run`; what they write is compared with brute force."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from atypeak_scale.cli.commands import commands
from click.testing import CliRunner
from scipy import stats

from atypeak_scale import q_score, score_run
from atypeak_scale.config import Config, dump_config
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.model.description import describe_model

STAGES = ["build-store", "train", "score", "normalize", "export"]
EXPORTED = {"raw.bed", "final.bed", "peaks.parquet", "weights.tsv", "labels.tsv", "made-from.json"}


def invoke(*arguments: str | Path) -> str:
    """Run a command as main() does, and return what it printed; errors are raised."""
    result = CliRunner().invoke(
        commands, [str(a) for a in arguments], standalone_mode=False, catch_exceptions=False
    )
    return result.stdout


@dataclass(frozen=True)
class Finished:
    """A folder in which every stage was done by its own command, and what each printed."""

    folder: Path
    printed: dict[str, str]

    @property
    def peaks(self) -> Path:
        return self.folder / "peaks.bed"

    @property
    def crms(self) -> Path:
        return self.folder / "crms.bed"

    @property
    def config(self) -> Path:
        return self.folder / "my.yaml"

    @property
    def store(self) -> Path:
        return self.folder / "store.zarr"

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def scores(self) -> Path:
        return self.folder / "scores"

    def table(self) -> pd.DataFrame:
        return pd.read_parquet(self.scores / "peaks.parquet")


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return time of the last change and content of every file."""
    files = (f for f in sorted(folder.rglob("*")) if f.is_file())
    return {str(f.relative_to(folder)): (f.stat().st_mtime_ns, f.read_bytes()) for f in files}


@lru_cache
def step_by_step(folder: Path, peaks: str, crms: str, settings: str) -> Finished:
    """Do every stage by its own command; once for all tests, and again if one is run without the others."""
    folder.mkdir()
    done = Finished(folder, {})
    done.peaks.write_text(peaks)
    done.crms.write_text(crms)
    done.config.write_text(settings)
    store, model = done.store, ("--model", done.model)
    for name, *arguments in (
        ("build plan", "build-store", done.peaks, done.crms, store, "--config", done.config, "--dry-run",
         "--json"),
        ("build-store", "build-store", done.peaks, done.crms, store, "--config", done.config, "--json"),
        ("info", "info", store),
        ("info json", "info", store, "--json"),
        ("train", "train", store, "--config", done.config, *model),
        ("score plan", "score", store, *model, "--dry-run", "--json"),
        ("score plan text", "score", store, *model, "--dry-run"),
        ("info before score", "info", store, "--json"),
        ("score", "score", store, *model),
        ("score plan after", "score", store, *model, "--dry-run", "--json"),
        ("info before normalize", "info", store, "--json"),
        ("normalize", "normalize", store, *model),
        ("info after", "info", store, "--json"),
        ("export", "export", store, "--out", done.scores),
    ):  # fmt: skip
        done.printed[name] = invoke(*arguments)
    return done


@lru_cache
def all_at_once(folder: Path, before: Path) -> tuple[str, dict[str, tuple[int, bytes]]]:
    """`run` with the inputs and settings of `before`; returns what it printed and what it left."""
    printed = invoke("run", before / "my.yaml", "--workdir", folder, "--peaks", before / "peaks.bed",
                     "--crms", before / "crms.bed")  # fmt: skip
    return printed, tree(folder)


@pytest.fixture
def steps(catalogue: tuple[Path, Path], config: Config, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    peaks, crms = (file.read_text() for file in catalogue)
    return step_by_step(tmp_path_factory.getbasetemp() / "steps", peaks, crms, dump_config(config))


@pytest.fixture
def whole(steps: Finished) -> Path:
    """Return the folder of a finished `run`; tests must leave it as it is."""
    folder = steps.folder.with_name("whole")
    all_at_once(folder, steps.folder)
    return folder


@pytest.fixture
def again(whole: Path, steps: Finished, tmp_path: Path) -> Callable[..., list[tuple[str, bool]]]:
    """Return a function that runs once more in a copy of the folder, with changed settings or inputs.

    It returns each stage with whether it was left out; the copy is `tmp_path / "copy"`.
    """
    shutil.copytree(whole, tmp_path / "copy")

    def run(
        changes: dict[str, Any] | None = None, *options: str, peaks: Path | None = None
    ) -> list[tuple[str, bool]]:
        settings = yaml.safe_load(steps.config.read_text())
        for section, values in (changes or {}).items():
            settings[section].update(values)
        (tmp_path / "changed.yaml").write_text(yaml.safe_dump(settings))
        printed = invoke("run", tmp_path / "changed.yaml", "--workdir", tmp_path / "copy", "--peaks",
                         peaks or steps.peaks, "--crms", steps.crms, *options)  # fmt: skip
        if "--json" in options:
            return [(plan["name"], plan["up_to_date"]) for plan in json.loads(printed)]
        lines = [line for line in printed.splitlines() if not line.startswith("peak memory")]
        return [(line.split()[0], " up to date " in line) for line in lines]

    return run


def read_bed(file: Path) -> pd.DataFrame:
    return pd.read_csv(
        file, sep="\t", skiprows=1, names=["contig", "start", "end", "name", "score", "strand"]
    )


@dataclass(frozen=True)
class Truth:
    """Peaks that overlap a CRM, as the input files say; a peak's CRM is the first that it overlaps."""

    lines: list[tuple[str, int, int, str]]
    crm: list[int]
    others: list[int]


@pytest.fixture
def truth(catalogue: tuple[Path, Path]) -> Truth:
    peak_rows = [line.split("\t") for line in catalogue[0].read_text().splitlines()[1:]]
    crm_rows = [line.split("\t") for line in catalogue[1].read_text().splitlines()]
    crms = [(contig, int(start), int(end)) for contig, start, end, *_ in crm_rows]
    sources: dict[int, set[str]] = defaultdict(set)
    found = []
    for contig, left, right, name, *_ in peak_rows:
        start, end = int(left), int(right)
        overlapped = [i for i, c in enumerate(crms) if c[0] == contig and c[1] < end and start < c[2]]
        for crm in overlapped:
            sources[crm].add(name)
        if overlapped:
            found.append(((contig, start, end, name), min(overlapped, key=lambda i: crms[i][1])))
    found.sort()
    others = [len(sources[crm] - {line[3]}) for line, crm in found]
    return Truth([line for line, _ in found], [crm for _, crm in found], others)


# Each command


def test_build_store__plan_and_result(steps: Finished, truth: Truth) -> None:
    plan, built = json.loads(steps.printed["build plan"]), json.loads(steps.printed["build-store"])
    peaks = steps.peaks.read_text().splitlines()[1:]
    assert plan["cell_line"] == built["cell_line"] == "cell"
    assert plan["selected_peaks"] == plan["cell_line_peaks"] == len(peaks)
    assert plan["sources"] == built["sources"] == 5
    assert built["peaks"] == len(truth.lines)
    assert built["peaks_outside"] == len(peaks) - len(truth.lines) > 0
    assert plan["windows_at_most"] >= built["windows"]
    assert Path(built["store"]) == steps.store


def test_build_store__on_two_workers_gives_the_same_bytes(steps: Finished, tmp_path: Path) -> None:
    invoke("build-store", steps.peaks, steps.crms, tmp_path / "s.zarr", "--config", steps.config, "--workers",
           "2")  # fmt: skip
    parallel = {name: data for name, (_, data) in tree(tmp_path / "s.zarr" / "cell").items()}
    serial = {name: data for name, (_, data) in tree(steps.store / "cell").items()}
    assert len(parallel) > 30
    assert {name: data for name, data in serial.items() if not name.startswith("scores/")} == parallel


def test_info__text(steps: Finished, truth: Truth) -> None:
    lines = dict(line.rsplit("  ", 1) for line in steps.printed["info"].splitlines() if "  " in line.strip())
    facts = {name.strip(): value for name, value in lines.items()}
    assert facts["cell line"] == "cell"
    assert facts["peaks"] == str(len(truth.lines))
    assert facts["bp per bin"] == "10"
    assert facts["bins"] == "320"
    assert facts["d1.x"] == str(sum(line[3] == "d1.x.cell" for line in truth.lines))


def test_info__json(steps: Finished, truth: Truth) -> None:
    (facts,) = json.loads(steps.printed["info json"])
    expected = Counter(line[3].removesuffix(".cell") for line in truth.lines)
    assert facts["peaks_of_source"] == expected
    assert (facts["datasets"], facts["trs"], facts["sources"]) == (3, 3, 5)
    for what, file in (("peaks", steps.peaks), ("crms", steps.crms)):
        data = file.read_bytes()
        assert facts["inputs"][what] == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_info__follows_the_stages(steps: Finished) -> None:
    scores = [
        list(json.loads(steps.printed[when])[0]["scores"].values())
        for when in ("info json", "info before score", "info before normalize", "info after")
    ]
    assert scores == [[], [], ["not normalized yet"], ["normalized"]]


def test_train__says_how_it_ended(steps: Finished) -> None:
    assert steps.printed["train"].startswith("stopped after 3 epochs: training.max_epochs were done; ")
    assert steps.printed["train"].endswith(f"are in {steps.model}\n")
    history = pd.read_csv(steps.model / "history.csv")
    kept = json.loads((steps.model / "model.json").read_text())["training"]
    assert kept["kept_loss"] == pytest.approx(history["loss"][kept["kept_epoch"] - 1])
    assert (
        f"the weights of epoch {kept['kept_epoch']}, loss {kept['kept_loss']:.6f}" in steps.printed["train"]
    )
    assert yaml.safe_load((steps.model / "config.yaml").read_text()) == yaml.safe_load(
        steps.config.read_text()
    )


def test_score__plan_writes_nothing_and_counts(steps: Finished) -> None:
    (facts,) = json.loads(steps.printed["info json"])
    plan, after = (json.loads(steps.printed[name]) for name in ("score plan", "score plan after"))
    assert (plan["rows"], plan["windows"]) == (facts["rows"], facts["windows"])
    assert plan["blocks"] == -(-facts["rows"] // 16)
    assert plan["blocks_done"] == 0
    assert after == {**plan, "blocks_done": plan["blocks"]}
    assert f"blocks                  {plan['blocks']}" in steps.printed["score plan text"].splitlines()


def test_score__counts_peaks_not_rows(steps: Finished, truth: Truth) -> None:
    assert f"{len(truth.lines):,} peaks" in steps.printed["score"]


def test_normalize__counts_sources_and_flags(steps: Finished) -> None:
    weights = pd.read_csv(steps.scores / "weights.tsv", sep="\t", keep_default_na=False)
    flagged = (weights["weight_flag"] != "").sum()
    assert steps.printed["normalize"].startswith(f"weighted 5 sources, {flagged} of them flagged")


def test_export__names_its_files(steps: Finished) -> None:
    named = {line.split("  ")[0] for line in steps.printed["export"].splitlines()}
    assert named == {str(steps.scores / name) for name in EXPORTED - {"made-from.json"}}
    assert {file.name for file in steps.scores.iterdir()} == EXPORTED


def test_qscore__prints_the_total_and_writes_what_the_library_finds(
    steps: Finished, config: Config, tmp_path: Path
) -> None:
    store = shutil.copytree(steps.store, tmp_path / "s.zarr")
    printed = invoke("qscore", store, "--model", steps.model, "--out", tmp_path / "q")
    pairs = pd.read_csv(tmp_path / "q" / "pairs.tsv", sep="\t")
    (facts,) = json.loads(steps.printed["info json"])
    assert printed == f"Q-score {pairs['contribution'].sum():.4f} from {facts['windows']:,} windows\n"
    assert len(pairs) == 12
    found = q_score(score_run(store, steps.model), config.normalization)
    off_diagonal = ~np.eye(3, dtype=bool)
    for name in ("correlation", "pos_p", "neg_p"):
        of_views = found[name].to_numpy()[:3, :3], found[name].to_numpy()[3:, 3:]
        expected = np.concatenate([matrix[off_diagonal] for matrix in of_views])
        np.testing.assert_allclose(pairs[name], expected, rtol=1e-6)


def test_statistics__writes_what_it_prints(steps: Finished, truth: Truth, tmp_path: Path) -> None:
    printed = invoke("statistics", steps.store, "--model", steps.model, "--out", tmp_path / "out")
    tables = {file.stem: pd.read_csv(file, sep="\t") for file in (tmp_path / "out").iterdir()}
    assert set(tables) == {"abundance", "mean-crm", "correlations", "scores", "density", "density-test"}
    of_trs = tables["abundance"].query("of == 'tr'").set_index("label")
    assert of_trs["peaks"].to_dict() == Counter(line[3].split(".")[1] for line in truth.lines)
    for row in of_trs.itertuples():
        assert ["tr", row.Index, str(row.peaks), str(row.bp)] in [
            line.split() for line in printed.splitlines()
        ]
    finals = steps.table().groupby("tr")["final"]
    medians = tables["scores"].query("of == 'tr' and score == 'final'").set_index("label")["median"]
    pd.testing.assert_series_equal(
        medians, finals.median(), check_names=False, check_dtype=False, check_index_type=False
    )
    data_only = invoke("statistics", steps.store)
    assert data_only.endswith("--out DIR writes all tables: abundance, mean-crm, correlations\n")


def test_pairs__writes_what_it_prints(steps: Finished, tmp_path: Path) -> None:
    printed = invoke("pairs", steps.store, "--model", steps.model, "--out", tmp_path / "p.tsv")
    table = pd.read_csv(tmp_path / "p.tsv", sep="\t")
    pairs = set(zip(table["tr"], table["other_tr"], strict=True))
    assert pairs == {(a, b) for a in "xyz" for b in "xyz" if a != b}
    rows = {tuple(line.split()[:4]) for line in printed.splitlines()[1:7]}
    assert rows == set(
        table[["tr", "other_tr", "both_peaks", "alone_peaks"]].astype(str).itertuples(index=False, name=None)
    )
    named = invoke("pairs", steps.store, "--model", steps.model, "--pair", "z", "x")
    assert [tuple(sorted(line.split()[:2])) for line in named.splitlines()[1:]] == [("x", "z")] * 2


# What was exported


@pytest.mark.parametrize("name, title", [("raw.bed", "cell raw"), ("final.bed", "cell final")])
def test_exported__bed_is_a_browser_track(steps: Finished, name: str, title: str) -> None:
    data = (steps.scores / name).read_bytes()
    track, *body = data.decode().split("\n")
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
    lines = (steps.scores / "final.bed").read_text().splitlines(keepends=True)[1:]
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
    """k_normalized = raw * weight (SPEC 5.4); final is centred and reduced within each TR (SPEC 5.6)."""
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
    assert (table["raw"] >= 0.99e-5).all()  # the floor of SPEC 4.1


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


def test_stages__leave_no_host_path_and_no_litter(steps: Finished) -> None:
    base = str(steps.folder).encode()
    assert not [name for name, (_, data) in tree(steps.folder).items() if base in data]
    assert not [file for file in steps.folder.rglob("*") if file.name.startswith(".")]


def test_light_commands__do_not_import_tensorflow(steps: Finished) -> None:
    script = (
        "import sys; from atypeak_scale.cli import main\n"
        "for line in sys.stdin.read().splitlines():\n"
        "    sys.argv = line.split('\\t'); main()\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    model = ("--model", steps.model)
    lines = [
        ("info", steps.store),
        ("score", steps.store, *model, "--dry-run"),
        ("run", steps.config, "--workdir", steps.folder / "no", "--peaks", steps.peaks, "--crms", steps.crms,
         "--dry-run"),
        ("export", steps.store, *model, "--out", steps.folder.with_name("exported-lightly")),
        ("crms", steps.store, *model, "--out", steps.folder.with_name("crms-lightly")),
        ("compare-releases", steps.scores, steps.peaks, steps.crms, "--out",
         steps.folder.with_name("compared-lightly")),
        ("statistics", steps.store, *model),
        ("pairs", steps.store, *model),
    ]  # fmt: skip
    text = "\n".join("\t".join(["atypeak-scale", *map(str, line)]) for line in lines)
    subprocess.run([sys.executable, "-c", script], input=text, text=True, check=True, capture_output=True)
    assert not (steps.folder / "no").exists()


def test_train__standard_error_holds_progress_only(steps: Finished, tmp_path: Path) -> None:
    train = ["train", steps.store, "--config", steps.config, "--model", tmp_path / "model"]
    run = subprocess.run(
        [sys.executable, "-m", "atypeak_scale.cli", *map(str, train)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [line for line in run.stderr.splitlines() if not line.startswith("train ")] == []


# All at once


def test_run__equals_step_by_step(steps: Finished, whole: Path) -> None:
    printed, left = all_at_once(whole, steps.folder)
    assert [line.split()[0] for line in printed.splitlines()] == [*STAGES, "peak"]
    assert "up to date" not in printed
    assert {name.split("/")[0] for name in left} == {"store.zarr", "model", "scores"}
    for name in ("final.bed", "raw.bed", "weights.tsv", "labels.tsv", "made-from.json", "peaks.parquet"):
        assert left[f"scores/{name}"][1] == (steps.scores / name).read_bytes(), name
    stepwise = {name: data for name, (_, data) in tree(steps.store).items()}
    at_once = {name.removeprefix("store.zarr/"): data for name, (_, data) in left.items()}
    assert {name: at_once[name] for name in stepwise} == stepwise


def test_run__again_writes_nothing(again: Callable[..., list[tuple[str, bool]]], tmp_path: Path) -> None:
    before = tree(tmp_path / "copy")
    assert again() == [(stage, True) for stage in STAGES]
    assert tree(tmp_path / "copy") == before


@pytest.mark.parametrize(
    "changes, kept",
    [
        ({}, 5),
        ({"normalization": {"sample": 5}}, 3),
        ({"normalization": {"seed": 2}}, 3),
        ({"scoring": {"crumbs": 0.1}}, 2),
        ({"training": {"seed": 2}}, 1),
        ({"model": {"filters": 5}}, 1),
        ({"selection": {"top_trs": 2}}, 0),
        ({"store": {"rows_per_block": 32}}, 0),
    ],
)
def test_run__dry_run_plans_the_stages_behind_a_change(
    again: Callable[..., list[tuple[str, bool]]], tmp_path: Path, changes: dict[str, Any], kept: int
) -> None:
    before = tree(tmp_path / "copy")
    plan = again(changes, "--dry-run", "--json")
    assert plan == [(stage, number < kept) for number, stage in enumerate(STAGES)]
    assert tree(tmp_path / "copy") == before


def test_run__other_inputs_are_seen(
    again: Callable[..., list[tuple[str, bool]]], steps: Finished, tmp_path: Path
) -> None:
    other = tmp_path / "other.bed"
    shutil.copy(steps.peaks, other)
    assert again({}, "--dry-run", "--json", peaks=other) == [(stage, True) for stage in STAGES]
    with other.open("a") as out:
        out.write("# one more line\n")
    assert again({}, "--dry-run", "--json", peaks=other) == [(stage, False) for stage in STAGES]


def test_run__changed_sample_runs_only_what_follows(
    again: Callable[..., list[tuple[str, bool]]], tmp_path: Path
) -> None:
    before = tree(tmp_path / "copy")
    change = {"normalization": {"sample": 9}}
    assert again(change) == [(stage, number < 3) for number, stage in enumerate(STAGES)]
    after = tree(tmp_path / "copy")
    assert json.loads(after["scores/made-from.json"][1])["scores"]["sampled_windows"] == 9
    unchanged = [name for name in before if name.startswith("model/") or "/rebuilt_score/" in name
                 or "/raw/" in name or "/occupancy/" in name]  # fmt: skip
    assert len(unchanged) > 10
    assert all(after[name] == before[name] for name in unchanged)
    assert after["scores/final.bed"] != before["scores/final.bed"]
    assert again(change) == [(stage, True) for stage in STAGES]
    # And back: the same settings give the same files.
    again()
    assert tree(tmp_path / "copy")["scores/final.bed"][1] == before["scores/final.bed"][1]


def test_run__other_precision_scores_again(
    again: Callable[..., list[tuple[str, bool]]], tmp_path: Path
) -> None:
    before = tree(tmp_path / "copy")
    change = {"scoring": {"precision": "bfloat16"}}
    assert again(change) == [(stage, number < 2) for number, stage in enumerate(STAGES)]
    assert again() == [("build-store", True), ("train", True), ("score", True), ("normalize", True),
                       ("export", False)]  # fmt: skip
    assert tree(tmp_path / "copy")["scores/final.bed"][1] == before["scores/final.bed"][1]


def test_run__interrupted_stage_is_done_again(
    again: Callable[..., list[tuple[str, bool]]], tmp_path: Path
) -> None:
    before = tree(tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "scores")
    assert again() == [(stage, stage != "export") for stage in STAGES]
    score = next((tmp_path / "copy/store.zarr").rglob("rebuilt_score/c/1"))
    score.unlink()
    assert again() == [(stage, stage in ("build-store", "train", "normalize", "export")) for stage in STAGES]
    assert {n: data for n, (_, data) in tree(tmp_path / "copy").items()} == {
        n: data for n, (_, data) in before.items()
    }


def test_run__an_interrupted_training_does_not_replace_a_finished_model(
    again: Callable[..., list[tuple[str, bool]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from atypeak_scale.model.training import train

    changed = {"training": {"seed": 2}}
    before = tree(tmp_path / "copy")
    end_of_epoch = train.EarlyStopping.add

    def interrupted(self: Any, *of_epoch: Any) -> None:
        end_of_epoch(self, *of_epoch)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train.EarlyStopping, "add", interrupted)
        for _ in range(2):
            with pytest.raises(InterruptedStageError, match=r"epoch 1, .* are in .*/model-interrupted: use"):
                again(changed)
    after = tree(tmp_path / "copy")
    assert {name: file for name, file in after.items() if not name.startswith("model-interrupted/")} == before
    part = tmp_path / "copy/model-interrupted"
    assert describe_model(part)["training"]["stopped"] == "interrupted"
    assert again(changed) == [(stage, stage == "build-store") for stage in STAGES]
    assert describe_model(tmp_path / "copy/model")["training"]["stopped"] != "interrupted"


def test_run__dry_run_writes_nothing(steps: Finished, tmp_path: Path) -> None:
    arguments = ("run", steps.config, "--workdir", tmp_path / "new", "--peaks", steps.peaks, "--crms",
                 steps.crms, "--dry-run")  # fmt: skip
    before = tree(tmp_path)
    plans = json.loads(invoke(*arguments, "--json"))
    text = invoke(*arguments)
    assert tree(tmp_path) == before
    assert not (tmp_path / "new").exists()
    assert [plan["name"] for plan in plans] == STAGES
    assert not any(plan["up_to_date"] for plan in plans)
    assert plans[0]["plan"] == json.loads(steps.printed["build plan"])
    assert plans[0]["output"] == str(tmp_path / "new" / "store.zarr")
    assert [line.split()[1] for line in text.splitlines() if line.startswith("name ")] == STAGES


def test_run__inputs_of_the_config(steps: Finished, tmp_path: Path) -> None:
    settings = yaml.safe_load(steps.config.read_text())
    settings["inputs"] = {"peaks": "data/peaks.bed", "crms": str(steps.crms)}
    (tmp_path / "data").mkdir()
    shutil.copy(steps.peaks, tmp_path / "data")
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(settings))
    plans = json.loads(
        invoke("run", tmp_path / "my.yaml", "--workdir", tmp_path / "w", "--dry-run", "--json")
    )
    assert plans[0]["plan"] == json.loads(steps.printed["build plan"])


def test_run__leaves_files_of_others_alone(steps: Finished, tmp_path: Path) -> None:
    """A folder that happens to be called scores is not an output of ours."""
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "mine.txt").write_text("precious")
    shutil.copytree(steps.store, tmp_path / "store.zarr")
    shutil.copytree(steps.model, tmp_path / "model")
    with pytest.raises(InputError, match=r"scores"):
        invoke("run", steps.config, "--workdir", tmp_path, "--peaks", steps.peaks, "--crms", steps.crms)
    assert (tmp_path / "scores" / "mine.txt").read_text() == "precious"


def test_run__leaves_other_cell_lines_of_a_store_alone(steps: Finished, tmp_path: Path) -> None:
    (tmp_path / "p.bed").write_text("chr1\t5\t9\ta.b.other\n")
    (tmp_path / "c.bed").write_text("chr1\t0\t100\n")
    invoke("build-store", tmp_path / "p.bed", tmp_path / "c.bed", tmp_path / "store.zarr", "--cell-line",
           "other", "--min-crm-peaks", "0")  # fmt: skip
    before = tree(tmp_path / "store.zarr" / "other")
    invoke("run", steps.config, "--workdir", tmp_path, "--peaks", steps.peaks, "--crms", steps.crms)
    assert tree(tmp_path / "store.zarr" / "other") == before


def test_run__a_workdir_of_another_cell_line_is_refused(whole: Path, steps: Finished, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    inputs = "--peaks", steps.peaks, "--crms", steps.crms
    shutil.copytree(whole, folder)
    before = tree(folder)
    settings = yaml.safe_load(steps.config.read_text()) | {"cell_line": "another"}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(settings))
    for lost in ("model", "scores"):
        with pytest.raises(InputError, match=r"is of cell line '.*', not 'another'; name another --workdir"):
            invoke("run", tmp_path / "other.yaml", "--workdir", folder, *inputs)
        assert tree(folder) == before
        shutil.rmtree(folder / lost)
        before = tree(folder)


def test_run__a_build_that_fails_costs_nothing(whole: Path, steps: Finished, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    before = tree(folder)
    settings = yaml.safe_load(steps.config.read_text())
    settings["store"]["min_crm_peaks"] = 10**9
    (tmp_path / "mistyped.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(InputError, match="no CRM has 1000000000 peaks or more"):
        invoke(
            "run",
            tmp_path / "mistyped.yaml",
            "--workdir",
            folder,
            "--peaks",
            steps.peaks,
            "--crms",
            steps.crms,
        )
    assert tree(folder) == before


def test_run__a_file_that_was_deleted_is_exported_again(
    again: Callable[..., list[tuple[str, bool]]], tmp_path: Path
) -> None:
    before = tree(tmp_path / "copy/scores")
    (tmp_path / "copy/scores/final.bed").unlink()
    assert again() == [(stage, stage != "export") for stage in STAGES]
    for edited in ("{", "[]", '{"store": ["cell"]}', '{"store": null}'):
        (tmp_path / "copy/scores/made-from.json").write_text(edited)
        assert again() == [(stage, stage != "export") for stage in STAGES]
    assert {n: d for n, (_, d) in tree(tmp_path / "copy/scores").items()} == {
        n: d for n, (_, d) in before.items()
    }
    (tmp_path / "copy/scores/mine.txt").write_text("precious")
    (tmp_path / "copy/scores/final.bed").unlink()
    with pytest.raises(InputError, match=r"did not make \(mine.txt\)"):
        again()
    assert (tmp_path / "copy/scores/mine.txt").read_text() == "precious"


DROPPED = """
import time, weakref
import atypeak_scale.cli as cli
import atypeak_scale.cli.commands as home

class Thing: pass

def interrupted(_):
    raise KeyboardInterrupt

def command(standalone_mode):
    thing = Thing()
    reference = weakref.ref(thing, interrupted)
    del thing  # Python drops what is raised in this callback
    time.sleep(600)
    print("went on")

home.commands = command
cli.main()
"""


def test_main__ctrl_c_that_python_drops_comes_again() -> None:
    """As it does in the callbacks of imports, where commands spend their first seconds."""
    run = subprocess.run(
        [sys.executable, "-c", DROPPED], capture_output=True, text=True, check=False, timeout=60
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "Interrupted; nothing is half written. Give the same command again.\n"
