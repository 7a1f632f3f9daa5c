import json
import re
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pyBigWig
import pytest
from scoring.by_hand import state

from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.provenance import MADE_FROM
from atypeak_scale.registry.table import Column
from atypeak_scale.scoring import export as export_room
from atypeak_scale.scoring.export import (
    DEFAULT_FORMATS,
    FINAL_BED_FILE,
    FORMATS,
    LABELS_FILE,
    PEAKS_FILE,
    RAW_BED_FILE,
    WEIGHTS_FILE,
    Exported,
    export,
)
from atypeak_scale.scoring.open_scores import normalized_scores
from atypeak_scale.scoring.peak_table import Columns, PeakTable
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block
from atypeak_scale.store.result_groups import NORMALIZATION
from atypeak_scale.tables import COLUMNS_FILE

ALWAYS = {MADE_FROM, COLUMNS_FILE}
ALL_FILES = {FINAL_BED_FILE, RAW_BED_FILE, PEAKS_FILE, WEIGHTS_FILE, LABELS_FILE}


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_export__writes_the_files_that_it_names(normalized: Scores, tmp_path: Path) -> None:
    heard: list[Event] = []
    before = state(normalized.cell_line.store)
    found = export(normalized, tmp_path / "out", executor=InProcess(heard.append))
    assert found == Exported(tmp_path / "out", normalized.cell_line.peak_count, DEFAULT_FORMATS)
    assert names(tmp_path / "out") == found.names() == ALL_FILES | ALWAYS
    assert {Path(str(file)).name for file, _ in found.files()} == ALL_FILES | {COLUMNS_FILE}
    assert all(Path(str(file)).is_file() and what for file, what in found.files())
    assert (heard[-1].stage, heard[-1].done) == ("export", heard[-1].total) == ("export", found.peaks)
    assert state(normalized.cell_line.store) == before


def test_file_names() -> None:
    """Users and other programs know them."""
    assert (RAW_BED_FILE, FINAL_BED_FILE) == ("raw.bed", "final.bed")
    assert (PEAKS_FILE, WEIGHTS_FILE, LABELS_FILE) == ("peaks.parquet", "weights.tsv", "labels.tsv")
    assert MADE_FROM == "made-from.json"
    assert Exported("out").names() == ALL_FILES | ALWAYS


@pytest.mark.parametrize(
    "formats, files",
    [
        (("bed",), {FINAL_BED_FILE, RAW_BED_FILE}),
        (("parquet", "parquet"), {PEAKS_FILE}),
        (("tsv", "parquet"), {WEIGHTS_FILE, LABELS_FILE, PEAKS_FILE}),
        ("tsv", {WEIGHTS_FILE, LABELS_FILE}),
    ],
)
def test_export__only_the_formats_that_were_asked_for(
    normalized: Scores, tmp_path: Path, formats: tuple[str, ...] | str, files: set[str]
) -> None:
    found = export(normalized, tmp_path / "out", formats)
    assert names(tmp_path / "out") == found.names() == files | ALWAYS
    export(normalized, tmp_path / "all")
    for name in files:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "all" / name).read_bytes()


@pytest.mark.parametrize(
    "formats, message",
    [
        (("bed", "parket"), r"^no format 'parket'; the nearest known are parquet$"),
        (("BED",), r"^no format 'BED'; the nearest known are bed, .*$"),
        (("xml",), rf"^no format 'xml'; known are {', '.join(sorted(FORMATS))}$"),
        (("bed", "tsv", "track"), r"^formats bed and track write the same files; name one of them$"),
        ((), rf"^no format was named; known are {', '.join(sorted(FORMATS))}$"),
    ],
)
def test_export__unknown_formats_are_refused_before_anything_is_written(
    normalized: Scores, tmp_path: Path, formats: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message) as told:
        export(normalized, tmp_path / "out", formats)
    assert told.value.argument == "formats"
    assert not (tmp_path / "out").exists()


def test_export__refuses_an_existing_folder(scores: Scores, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"out: exists; remove it or name another folder$"):
        export(scores, tmp_path / "out")


def test_export__refuses_scores_that_are_not_normalized(scores: Scores, tmp_path: Path) -> None:
    with pytest.raises(StageMissingError, match=r"not scored by this model") as told:
        export(scores, tmp_path / "out")
    assert told.value.stage == "score"
    complete(scores)
    with pytest.raises(StageMissingError, match=r"s\.zarr: .* is not normalized") as told:
        export(scores, tmp_path / "out")
    assert told.value.stage == "normalize"
    assert not (tmp_path / "out").exists()


def test_export__says_what_it_was_made_from(normalized: Scores, tmp_path: Path) -> None:
    export(normalized, tmp_path / "out")
    export(normalized_scores(normalized.cell_line), tmp_path / "only")
    told = json.loads((tmp_path / "out" / MADE_FROM).read_text())
    assert told == json.loads(json.dumps(normalized.provenance()))
    assert told["scores"]["normalization"] == {"sample": "all", "seed": 1}
    assert told["store"] == normalized.cell_line.made_from
    assert set(told["versions"]) == {"store", "export"}
    for name in names(tmp_path / "out"):
        assert (tmp_path / "only" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_export__interrupted_leaves_nothing(normalized: Scores, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    before = names(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        export(normalized, tmp_path / "out", executor=InProcess(interrupt))
    assert names(tmp_path) == before


class NamesWriter:
    """A format of one's own: the names of the peaks."""

    files: ClassVar[dict[str, str]] = {"names.txt": "the name of each peak"}
    columns: ClassVar[dict[str, list[Column]]] = {"names.txt": [Column("name", "text", "the name")]}

    def __init__(self, scores: Scores, table: PeakTable, folder: Path) -> None:
        self._out = (folder / "names.txt").open("w")

    def write(self, peaks: Columns) -> None:
        self._out.writelines(f"{name}\n" for name in peaks["name"])

    def close(self) -> None:
        self._out.close()


def test_export__a_new_format_is_one_line_in_the_table(
    normalized: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block is read once, however many formats there are."""
    monkeypatch.setitem(export_room.FORMATS, "names", {"article": NamesWriter})
    read: list[int] = []
    whole = PeakTable.read
    monkeypatch.setattr(PeakTable, "read", lambda self, block: read.append(block.start) or whole(self, block))
    found = export(normalized, tmp_path / "out", (*DEFAULT_FORMATS, "names"))
    assert read == [block.start for block in normalized.cell_line.blocks("peaks")]
    assert names(tmp_path / "out") == found.names() == ALL_FILES | ALWAYS | {"names.txt"}
    lines = (tmp_path / "out/names.txt").read_text().splitlines()
    assert lines == normalized.peaks["name"].to_numpy().tolist()


def test_export__refuses_what_was_normalized_anew_meanwhile(
    normalized: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first block of peaks another normalization has come to its end, or has begun."""
    read = PeakTable.read
    changes = [{"sample": 7, "seed": 3}, None]

    def meanwhile(table: PeakTable, block: Block) -> Columns:
        if changes:
            normalized.set_attribute(NORMALIZATION, changes[0])
        return read(table, block)

    monkeypatch.setattr(PeakTable, "read", meanwhile)
    before = normalized.normalization
    while changes:
        with pytest.raises(InputError, match="its scores changed while they were read; run the"):
            export(normalized, tmp_path / "out")
        assert not list(tmp_path.glob("*out*"))
        normalized.set_attribute(NORMALIZATION, before)
        changes.pop(0)
    assert export(normalized, tmp_path / "out").peaks == normalized.cell_line.peak_count


def test_export__describes_the_columns_that_the_files_have(both: list[Scores], tmp_path: Path) -> None:
    """In their order; and every number lies in the range that is told."""
    export(both, tmp_path / "out", ("bed", "bed.gz", "parquet", "tsv", "bigbed"), "hg38")
    told = pd.read_csv(tmp_path / "out" / COLUMNS_FILE, sep="\t", keep_default_na=False)
    found = {
        "peaks.parquet": pd.read_parquet(tmp_path / "out" / PEAKS_FILE),
        **{
            file.name: pd.read_csv(file, sep="\t")
            for file in (tmp_path / "out").glob("*.tsv")
            if file.name != COLUMNS_FILE
        },
    }
    for file in sorted(set(told["file"])):
        rows = told[told["file"] == file]
        if ".bed" in file:
            assert rows["column"].tolist() == ["contig", "start", "end", "name", "score", "strand"]
            found[file] = pd.read_csv(tmp_path / "out" / file, sep="\t", names=rows["column"].tolist())
        if file.endswith(".bb"):
            with pyBigWig.open(str(tmp_path / "out" / file)) as opened:
                fields = re.findall(r'^ +\S+ (\w+); "', opened.SQL().decode(), re.MULTILINE)
            assert rows["column"].tolist() == fields
            continue
        assert rows["column"].tolist() == list(found[file].columns), file
        for row in rows.itertuples():
            assert row.meaning
            assert_in_range(found[file][row.column], row.range)
    assert set(found) | {"peaks.bb"} == set(told["file"])


def assert_in_range(values: "pd.Series[float]", told: str) -> None:
    if told:
        low, _, high = told.partition(" to ") if " to " in told else (told.split(maxsplit=1)[0], "", "inf")
        present = values.dropna()
        assert ((present >= float(low)) & (present <= float(high))).all(), (values.name, told)
