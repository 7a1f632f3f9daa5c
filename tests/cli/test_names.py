"""Names that were made to do harm stay names, from build to the last table."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from atypeak_scale.config import Config, dump_config, parse_config
from tests.cli.helpers import (
    invoke,
)

EVIL_CELL = '../../evil" useScore=0 url="http://x\\'
EVIL_SOURCES = [
    ("a/b", "__/x"),
    ('"q"', "<script>"),
    ("$(touch p)", "x y"),
    ("%2e%2e", "é\u2028z"),
    # What YAML, pandas and spreadsheets take for something else.
    ("NA", "None"),
    ("1e5", "TRUE"),
    ("697", "2020-01-01"),
    ("nan", "null"),
]


@pytest.fixture(scope="session")
def evil(
    untrained: Callable[..., Path], config: Config, tmp_path_factory: pytest.TempPathFactory
) -> Path:  # fmt: skip
    """Build, score, normalize and export a catalogue of harmful names in a folder `in` of its own."""
    folder = tmp_path_factory.mktemp("harmful") / "in"
    folder.mkdir()
    lines = [
        f"../../c\t{100 * number}\t{100 * number + 50 + 9 * number}\t{dataset}.{tr}.{EVIL_CELL}\n"
        for number in range(8)
        for dataset, tr in EVIL_SOURCES
    ]
    peaks, crms = folder / "p.bed", folder / "c.bed"
    peaks.write_text("".join(lines))
    crms.write_text("../../c\t0\t3000\n")
    settings = parse_config({**config.model_dump(), "cell_line": EVIL_CELL}, "test")
    datasets, trs = (tuple(sorted(names)) for names in zip(*EVIL_SOURCES, strict=True))
    model = shutil.copytree(untrained(datasets, trs, dump_config(settings)), folder / 'mo del"..')
    store, cell = folder / "s.zarr", ("--cell-line", EVIL_CELL)
    for arguments in (
        ("build-store", peaks, crms, store, *cell, "--min-crm-peaks", 0),
        ("score", store, "--model", model),
        ("normalize", store, "--model", model, *cell),
        ("export", store, "--out", folder / "out"),
        ("export", store, "--out", folder / "tracks", "--track-line"),
        ("qscore", store, "--model", model, "--out", folder / "q"),
        ("crms", store, "--model", model, "--out", folder / "crms"),
        ("compare-releases", folder / "out", peaks, crms, "--out", folder / "compared"),
        ("statistics", store, "--model", model, "--out", folder / "tables"),
        ("pairs", store, "--model", model, "--out", folder / "pairs"),
        ("info", store),
    ):
        invoke(*arguments)
    return folder


def test_names__stay_in_their_folder(evil: Path) -> None:
    assert {path.name for path in evil.parent.iterdir()} == {"in"}
    written = {"out", "tracks", "q", "crms", "compared", "tables", "pairs"}
    assert {path.name for path in evil.iterdir()} == {"p.bed", "c.bed", "s.zarr", 'mo del"..'} | written
    (group,) = (path for path in (evil / "s.zarr").iterdir() if path.is_dir())
    assert "evil" in group.name
    assert not list(evil.parent.parent.glob("*evil*"))


@pytest.mark.parametrize("name", ["final.bed", "raw.bed"])
def test_names__cannot_break_out_of_the_track_line(evil: Path, name: str) -> None:
    track, *body = (evil / "tracks" / name).read_bytes().decode().split("\n")
    assert re.fullmatch(r'track name="[^"]*" description="[^"]*" useScore=1', track)
    assert "evil" in track
    assert body.pop() == ""
    assert len(body) == 8 * len(EVIL_SOURCES)
    # Blanks would end the column for some readers.
    spelled = [[label.replace(" ", "%20") for label in source] for source in EVIL_SOURCES]
    wanted = {f"{dataset}.{tr}.{EVIL_CELL}" for dataset, tr in spelled}
    assert {line.split("\t")[3] for line in body} == wanted
    assert all(line.count("\t") == 5 for line in body)


def as_text(file: Path) -> pd.DataFrame:
    """Return a TSV file as the text that stands in it."""
    return pd.read_csv(file, sep="\t", dtype=str, keep_default_na=False)


def test_names__come_back_from_the_tables(evil: Path) -> None:
    table = pd.read_parquet(evil / "out" / "peaks.parquet")
    assert set(zip(table["dataset"], table["tr"], strict=True)) == set(EVIL_SOURCES)
    assert set(table["contig"]) == {"../../c"}
    pairs = pd.read_parquet(evil / "compared" / "pairs.parquet")
    assert set(pairs["tr"]) == {tr for _, tr in EVIL_SOURCES}
    summary = as_text(evil / "compared" / "summary.tsv")
    assert set(summary["label"]) == {"", *pairs["tr"]}
    body = (evil / "crms" / "crms.bed").read_text().split("\n")
    assert body == ["../../c\t0\t3000\trank-1\t1000\t.", ""]
    for file in ("out/weights.tsv", "tables/mean-crm.tsv"):
        weights = as_text(evil / file)
        assert set(zip(weights["dataset"], weights["tr"], strict=True)) == set(EVIL_SOURCES)
    pairs = as_text(evil / "q" / "pairs.tsv")
    assert set(pairs["dimension"]) == set(pairs["other"]) == {name for both in EVIL_SOURCES for name in both}
    compared = as_text(evil / "pairs" / "pairs.tsv")
    trs = {tr for _, tr in EVIL_SOURCES}
    assert set(zip(compared["tr"], compared["other_tr"], strict=True)) == {
        (a, b) for a in trs for b in trs - {a}
    }
