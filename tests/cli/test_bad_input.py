"""What goes wrong is one line that says what to do, with exit code 2, and leaves nothing behind."""

import gzip
import json
import logging
import lzma
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml
import zarr
from atypeak_scale.cli import main

from atypeak_scale.catalogue.bed import BGZF_EMPTY_BLOCK
from atypeak_scale.config import Config, dump_config, parse_config
from atypeak_scale.errors import AtypeakError

Catalogue = tuple[Path, Path]
PROGRESS = re.compile(r"[a-z ]+(: done, [\d,]+| \d+/\d+: .*)")
CRMS = "chr1\t0\t5000\tcrm\t120\n"
PEAK = "chr1\t100\t200\ta.x.cell\n"
CELL = ("--cell-line", "cell", "--min-crm-peaks", 0)
DATASETS, TRS = ("d1", "d2", "d3"), ("x", "y", "z")


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    def message(self, code: int = 2) -> str:
        """Return the error; assert that it is one line, and that nothing else but progress was said."""
        assert self.code == code, self
        assert "Traceback" not in self.err
        # splitlines() also breaks at \r and its kin, which must not come from a file to a terminal.
        said = [line for line in self.err.splitlines() if not PROGRESS.fullmatch(line)]
        assert len(said) == 1, self.err
        assert said[0].startswith("Error: ")
        assert self.out == ""
        return said[0].removeprefix("Error: ")


Run = Callable[..., Outcome]


@pytest.fixture
def atypeak(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run main() in this process, as the script does."""

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["atypeak-scale", *map(str, arguments)])
        monkeypatch.setattr(logging.getLogger("atypeak_scale"), "handlers", [])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(str(end.code))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file with its content, and every folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def unchanged(tmp_path: Path) -> Callable[[], bool]:
    """Return a function that says whether the test's folder is as it was when this was first called."""
    before: list[dict[str, bytes | None]] = []

    def is_unchanged() -> bool:
        before.append(tree(tmp_path))
        return before[-1] == before[0]

    return is_unchanged


@pytest.fixture
def built(atypeak: Run, catalogue: Catalogue, tmp_path: Path) -> Path:
    """Return a store of the random catalogue."""
    done = atypeak("build-store", *catalogue, tmp_path / "s.zarr", *CELL)
    assert done.code == 0, done.err
    return tmp_path / "s.zarr"


@pytest.fixture
def save_untrained(config: Config, tmp_path: Path) -> Callable[..., Path]:
    """Save an untrained model with the given labels."""

    def save(
        name: str = "model",
        datasets: tuple[str, ...] = DATASETS,
        trs: tuple[str, ...] = TRS,
        settings: Config = config,
    ) -> Path:
        from atypeak_scale.model.files import TrainedModel, save_model
        from atypeak_scale.model.network import build_autoencoder

        network = build_autoencoder(settings.store.bins, len(datasets), len(trs), settings.model, seed=1)
        return save_model(TrainedModel(network, (datasets, trs), settings), tmp_path / name)

    return save


# Peaks and CRMs


@pytest.mark.parametrize(
    "peaks, crms, message",
    [
        ("chr1\tx\t200\ta.x.cell\n", CRMS, r"p\.bed, line 1: start 'x'; expected a whole number of bp"),
        ("chr1\t1.5\t200\ta.x.cell\n", CRMS, r"p\.bed, line 1: start '1\.5'; expected"),
        (f"{PEAK}chr1\t-5\t200\ta.x.cell\n", CRMS, r"p\.bed, line 2: start '-5'; expected .* 0 or more"),
        (f"# c\n\n{PEAK}chr1\t9\t5\ta.x.cell\n", CRMS, r"p\.bed, line 4: start 9, end 5; expected an end"),
        ("chr1\t9\t9\ta.x.cell\n", CRMS, r"p\.bed, line 1: start 9, end 9; expected an end greater"),
        (f"chr1\t5\t{'9' * 19}\ta.x.cell\n", CRMS, r"p\.bed, line 1: end '9{19}'; expected"),
        ("chr1\t100\t200\n", CRMS, r"p\.bed, line 1: 3 tab-separated columns; expected at least 4"),
        ("chr1 100 200 a.x.cell\n", CRMS, r"p\.bed, line 1: 1 tab-separated columns; expected at least 4"),
        ("chr1\t100\t200\ta.x\n", CRMS, r"p\.bed, line 1: name 'a\.x'; expected dataset\.TR\.cell_line"),
        ("chr1\t100\t200\ta..cell\n", CRMS, r"p\.bed, line 1: name 'a\.\.cell'; expected dataset\.TR"),
        ("", CRMS, r"p\.bed: holds no intervals"),
        ("track name=x\n# nothing\n", CRMS, r"p\.bed: holds no intervals"),
        (PEAK, "", r"c\.bed: holds no intervals"),
        (PEAK, "chr1\t0\t-1\tc\t120\n", r"c\.bed, line 1: end '-1'"),
        (PEAK, "chr1\t0\t100\n", r"c\.bed, line 1: 3 tab-separated columns; expected at least 5"),
        (PEAK, "chr1\t0\t100\tc\tmany\n", r"c\.bed, line 1: column 5 is 'many'; .*--min-crm-peaks 0"),
        (PEAK, "chr1\t0\t100\tc\t99\n", r"c\.bed: no CRM has 100 peaks or more .* lower --min-crm-peaks"),
        ("chr1\t9000\t9100\ta.x.cell\n", CRMS, r"no selected peak overlaps a CRM; .* one genome assembly"),
        ("1\t100\t200\ta.x.cell\n", CRMS, r"\(peaks: 1, \.\.\.; CRMs: chr1, \.\.\.\); they differ by 'chr'"),
        ("chrX\t100\t200\ta.x.cell\n", "X\t0\t900\tc\t100\n", r"they differ by 'chr': rename the contigs"),
        ("NC_1\t100\t200\ta.x.cell\n", CRMS, r"no contig is in both files \(peaks: NC_1, .*\)$"),
    ],
)  # fmt: skip
def test_build_store__bad_catalogue(
    atypeak: Run, write: Callable[[str, str], Path], unchanged: Callable[[], bool], tmp_path: Path,
    peaks: str, crms: str, message: str,
) -> None:  # fmt: skip
    files = write("p.bed", peaks), write("c.bed", crms)
    unchanged()
    done = atypeak("build-store", *files, tmp_path / "s.zarr", "--cell-line", "cell")
    assert re.search(message, done.message())
    assert unchanged()


def test_build_store__names_that_are_not_text(
    atypeak: Run, write: Callable[[str, str], Path], unchanged: Callable[[], bool], tmp_path: Path
) -> None:
    crms = write("c.bed", CRMS)
    (tmp_path / "p.bed").write_bytes(PEAK.encode() + b"chr1\t1\t2\ta.\xff.cell\n")
    unchanged()
    done = atypeak("build-store", tmp_path / "p.bed", crms, tmp_path / "s.zarr", "--cell-line", "cell")
    assert re.search(r"p\.bed, line 2: .* is not UTF-8 text", done.message())
    assert unchanged()


def truncations(text: str) -> dict[str, bytes]:
    data = text.encode()
    extra = b"\x42\x43\x02\x00"
    member = gzip.compress(data)
    # A bgzip block is a gzip member with an extra field BC that holds its length less one.
    length = (len(member) + 8 - 1).to_bytes(2, "little")
    block = member[:3] + b"\x04" + member[4:10] + b"\x06\x00" + extra + length + member[10:]
    assert gzip.decompress(block + BGZF_EMPTY_BLOCK) == data
    return {
        "gzip": member[: len(member) * 2 // 3],
        "gzip without its checksum": member[:-8],
        "gzip, damaged": member[:-30] + bytes(10) + member[-20:],
        "bgzip without its last block": block,
        "xz": (packed := lzma.compress(data))[: len(packed) // 2],
    }


@pytest.mark.parametrize("how", truncations(PEAK))
def test_build_store__truncated_file(
    atypeak: Run, catalogue: Catalogue, unchanged: Callable[[], bool], tmp_path: Path, how: str
) -> None:
    (tmp_path / "p.bed.gz").write_bytes(truncations(catalogue[0].read_text())[how])
    unchanged()
    done = atypeak("build-store", tmp_path / "p.bed.gz", catalogue[1], tmp_path / "s.zarr", *CELL)
    assert re.search(r"p\.bed\.gz, after line \d+: the .* is truncated .*; fetch it again$", done.message())
    assert unchanged()


def test_build_store__unknown_cell_line_names_the_nearest(
    atypeak: Run, write: Callable[[str, str], Path], unchanged: Callable[[], bool], tmp_path: Path
) -> None:
    names = ["hela", "hela-s3", "jurkat", "mcf-7"]
    peaks = write("p.bed", "".join(f"chr1\t1\t9\ta.x.{name}\n" for name in names))
    crms = write("c.bed", CRMS)
    unchanged()
    message = atypeak("build-store", peaks, crms, tmp_path / "s.zarr", "--cell-line", "HeLa-S3").message()
    assert message == f"{peaks}: no peak of cell line 'HeLa-S3'; the nearest known are hela-s3"
    assert unchanged()


def test_build_store__selection_of_nothing(atypeak: Run, catalogue: Catalogue, tmp_path: Path) -> None:
    done = atypeak("build-store", *catalogue, tmp_path / "s.zarr", "--cell-line", "cell", "--trs", "ctcf",
                   "--min-crm-peaks", 0)  # fmt: skip
    assert re.search(r"the selection leaves no peak of cell line 'cell'; check --trs", done.message())
    assert not list(tmp_path.glob("*s.zarr*"))


def test_build_store__absent_selection_is_a_warning(
    atypeak: Run, catalogue: Catalogue, tmp_path: Path
) -> None:
    done = atypeak("build-store", *catalogue, tmp_path / "s.zarr", "--cell-line", "cell", "--trs", "x,ctcf",
                   "--min-crm-peaks", 0)  # fmt: skip
    assert done.code == 0
    said = [line for line in done.err.splitlines() if not PROGRESS.fullmatch(line)]
    assert said == ["Warning: selected TRs without a peak in the catalogue: ctcf"]


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
@pytest.mark.parametrize("options", [["--frame", "3000"], ["--bin", "16"]])
def test_build_store__frame_that_no_kernel_fits(
    atypeak: Run, catalogue: Catalogue, unchanged: Callable[[], bool],
    tmp_path: Path, options: list[str], dry_run: list[str],
) -> None:  # fmt: skip
    unchanged()
    done = atypeak("build-store", *catalogue, tmp_path / "s.zarr", *CELL, *options, *dry_run)
    assert re.search(r"bins does not fit a kernel of 20 bins: .*multiple of 4 times", done.message())
    assert unchanged()


def test_build_store__cell_line_that_is_there(
    atypeak: Run, catalogue: Catalogue, built: Path, unchanged: Callable[[], bool]
) -> None:
    unchanged()
    done = atypeak("build-store", *catalogue, built, *CELL)
    assert done.message() == (f"{built}: already holds cell line 'cell'; remove it or name another store")
    assert unchanged()


def test_build_store__both_kinds_of_cluster(atypeak: Run, catalogue: Catalogue, tmp_path: Path) -> None:
    done = atypeak("build-store", *catalogue, tmp_path / "s.zarr", *CELL, "--workers", 2, "--scheduler",
                   "tcp://127.0.0.1:1")  # fmt: skip
    assert re.search(r"give only one of them", done.message())
    assert not list(tmp_path.glob("*s.zarr*"))


def test_build_store__store_inside_a_file(atypeak: Run, catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = atypeak("build-store", *catalogue, tmp_path / "file" / "s.zarr", "--cell-line", "cell",
                   "--min-crm-peaks", 0)  # fmt: skip
    assert "file" in done.message()


# Missing files, and folders that are something else


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["build-store", "no.bed", "{crms}", "n.zarr", "--cell-line", "cell", "--min-crm-peaks", "0"],
         r"^no\.bed: cannot be read: No such file or directory$"),
        (["build-store", "{peaks}", "no.bed", "n.zarr", "--cell-line", "cell"],
         r"^no\.bed: cannot be read: No such file or directory$"),
        (["build-store", ".", "{crms}", "n.zarr", "--cell-line", "cell", "--min-crm-peaks", "0"],
         r"^\.: cannot be read: Is a directory$"),
        (["build-store", "{peaks}", "{crms}", "n.zarr", "--config", "no.yaml"],
         r"^no\.yaml: no such config file, nor a bundled configuration; known are artificial"),
        (["build-store", "{peaks}", "{crms}", "{folder}", "--cell-line", "cell"], r"folder: not a store"),
        (["build-store", "{peaks}", "{crms}", "{peaks}", "--cell-line", "cell"], r"peaks\.bed: not a store"),
        (["info", "no.zarr"], r"^no\.zarr: not a store; make one with 'atypeak-scale build-store'$"),
        (["info", "{folder}"], r"folder: not a store; make one with"),
        (["info", "{peaks}"], r"peaks\.bed: not a store; make one with"),
        (["train", "no.zarr", "--config", "{config}", "--model", "m"], r"^no\.zarr: not a store; make"),
        (["train", "{store}", "--config", "hela", "--model", "m"], r"no cell line 'hela'; .*known are cell$"),
        (["train", "{store}", "--config", "{config}", "--model", "{folder}"], r"folder: exists; remove"),
        (["score", "no.zarr", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["score", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with 'atypeak"),
        (["score", "{store}", "--model", "{folder}", "--cell-line", "cel"], r"no cell line 'cel'; the near"),
        (["normalize", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
        (["qscore", "no.zarr", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["qscore", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
        (["export", "{store}", "--out", "o", "--model", "{folder}"], r"folder: not a trained model"),
        (["export", "{store}", "--out", "o"], r"s\.zarr: not scored; run 'atypeak-scale score' and"),
        (["export", "{store}", "--out", "{folder}"], r"folder: exists; remove it or name another folder$"),
        (["crms", "no.zarr", "--out", "o", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["crms", "{store}", "--out", "o", "--model", "{folder}"], r"folder: not a trained model; make one"),
        (["compare-releases", "no", "{peaks}", "{crms}", "--out", "o"], r"^no: not a folder of scores; exp"),
        (["compare-releases", "{folder}", "{peaks}", "{crms}", "--out", "o"], r"folder: not a folder of sco"),
        (["compare-releases", "no", "{peaks}", "{crms}", "--out", "{folder}"], r"folder: exists; remove it"),
        (["export", "no.zarr", "--out", "o"], r"^no\.zarr: not a store; make one with"),
        (["statistics", "no.zarr"], r"^no\.zarr: not a store; make one with"),
        (["statistics", "{store}", "--cell-line", "cel"], r"no cell line 'cel'; the nearest known are cell$"),
        (["statistics", "{store}", "--out", "{folder}"], r"folder: exists; remove it or name another"),
        (["statistics", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
        (["pairs", "no.zarr", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["pairs", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
        (["run", "k56", "--workdir", "w"], r"^k56: no such config file, .* the nearest known are k562$"),
        (["run", "{config}", "--workdir", "w"], r"^no peaks file; give --peaks FILE, or inputs\.peaks in"),
        (["run", "{config}", "--workdir", "w", "--peaks", "{peaks}"], r"^no crms file; give --crms FILE, or"),
        (["run", "{config}", "--workdir", "w", "--peaks", "no.bed", "--crms", "{crms}"],
         r"^no\.bed: no such file \(--peaks\)$"),
        (["run", "{config}", "--workdir", "w", "--peaks", "{peaks}", "--crms", "{folder}"],
         r"folder: no such file \(--crms\)$"),
    ],
)  # fmt: skip
def test_missing__names_it_and_leaves_nothing(
    atypeak: Run, catalogue: Catalogue, built: Path, config: Config, unchanged: Callable[[], bool],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str,
) -> None:  # fmt: skip
    (tmp_path / "my.yaml").write_text(dump_config(config))
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    unchanged()
    places = {"peaks": catalogue[0], "crms": catalogue[1], "store": built, "config": tmp_path / "my.yaml",
              "folder": tmp_path / "folder"}  # fmt: skip
    done = atypeak(*(argument.format(**places) for argument in arguments))
    assert re.search(message, done.message())
    assert unchanged()


@pytest.mark.parametrize("extra", [[], ["--dry-run"]])
def test_run__bad_peaks_leave_nothing_but_an_empty_workdir(
    atypeak: Run, catalogue: Catalogue, config: Config, tmp_path: Path, extra: list[str]
) -> None:
    (tmp_path / "my.yaml").write_text(dump_config(config))
    with catalogue[0].open("a") as out:
        out.write("chr1\t5\n")
    inputs = ("--peaks", catalogue[0], "--crms", catalogue[1])
    done = atypeak("run", tmp_path / "my.yaml", "--workdir", tmp_path / "w", *inputs, *extra)
    assert re.search(r"peaks\.bed, line \d+: 2 tab-separated columns", done.message())
    assert list((tmp_path / "w").rglob("*")) == []


# Stores and models that do not fit


def test_schema__another_version_is_refused_by_every_command(
    atypeak: Run, catalogue: Catalogue, built: Path, config: Config, save_untrained: Callable[..., Path],
    unchanged: Callable[[], bool], tmp_path: Path,
) -> None:  # fmt: skip
    zarr.open_group(built, use_consolidated=False).attrs["schema_version"] = 99
    model = ("--model", save_untrained())
    (tmp_path / "my.yaml").write_text(dump_config(config))
    unchanged()
    for arguments in (
        ("info", built),
        ("build-store", *catalogue, built, "--cell-line", "other"),
        ("train", built, "--config", tmp_path / "my.yaml", "--model", tmp_path / "new"),
        ("score", built, *model),
        ("score", built, *model, "--dry-run"),
        ("normalize", built, *model),
        ("qscore", built, *model),
        ("export", built, "--out", tmp_path / "out"),
        ("crms", built, *model, "--out", tmp_path / "out"),
        ("statistics", built),
        ("pairs", built, *model),
    ):
        message = atypeak(*arguments).message()
        assert re.search(
            r"s\.zarr: schema version 99, this program reads version \d+; build the store again", message
        ), arguments
    assert unchanged()


@pytest.mark.parametrize(
    "labels, message",
    [
        ({"datasets": ("d1", "d2", "G")}, r"view 'dataset' .*only in the store: d3; only in the model: G"),
        ({"trs": ("x", "y", "ctcf")}, r"view 'tr' .*\(only in the store: z; only in the model: ctcf\)"),
        ({"trs": ("x", "y")}, r"view 'tr' .*\(only in the store: z\); train a model on this store"),
    ],
)  # fmt: skip
def test_model__of_other_labels(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path, labels: dict[str, tuple[str, ...]], message: str,
) -> None:  # fmt: skip
    model = ("--model", save_untrained(**labels))
    unchanged()
    for arguments in (("score", built, *model), ("normalize", built, *model), ("qscore", built, *model),
                      ("export", built, *model, "--out", tmp_path / "out"),
                      ("crms", built, *model, "--out", tmp_path / "out"),
                      ("statistics", built, *model), ("pairs", built, *model)):  # fmt: skip
        assert re.search(message, atypeak(*arguments).message())
    assert unchanged()


def test_model__of_another_frame(
    atypeak: Run, built: Path, config: Config, save_untrained: Callable[..., Path],
    unchanged: Callable[[], bool],
) -> None:  # fmt: skip
    for other in ({"frame": 800}, {"frame": 6400, "bin": 20}):  # the second has as many bins
        settings = parse_config({**config.model_dump(), "store": other}, "test")
        message = atypeak(
            "score", built, "--model", save_untrained(str(other["frame"]), settings=settings)
        ).message()
        assert f"the model was trained on {other['frame']} bp in bins of {other.get('bin', 10)} bp" in message
    small = parse_config({**config.model_dump(), "store": {"frame": 800}}, "test")
    model = save_untrained(settings=small)
    unchanged()
    message = atypeak("score", built, "--model", model).message()
    assert message.endswith(
        "has frames of 3200 bp in bins of 10 bp; the model was trained on 800 bp in bins of 10 bp"
    )
    assert unchanged()


def test_train__store_of_another_frame_than_the_config(
    atypeak: Run, catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    """Else the model would say of itself a frame that it does not have, and scoring would refuse it."""
    store = tmp_path / "small.zarr"
    built = atypeak("build-store", *catalogue, store, *CELL, "--frame",
                    1600)  # fmt: skip
    assert built.code == 0
    (tmp_path / "my.yaml").write_text(dump_config(config))
    done = atypeak("train", store, "--config", tmp_path / "my.yaml", "--model", tmp_path / "model")
    assert "has frames of 1600 bp in bins of 10 bp; the configuration has 3200 and 10" in done.message()
    assert not list(tmp_path.glob("*model*"))


@pytest.mark.parametrize(
    "description",
    [
        "",
        "{",
        *(text for text in ("[1]", "{}", '{"fingerprint": 1, "views": {}}')),
    ],
)
def test_model__with_a_damaged_description(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], description: str
) -> None:
    model = save_untrained()
    (model / "model.json").write_text(description)
    assert re.search(r"model.*; make one with 'atypeak-scale train'$",
                     atypeak("score", built, "--model", model).message())  # fmt: skip


def test_model__without_its_network_leaves_no_scores(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool]
) -> None:
    model = save_untrained()
    (model / "model.keras").unlink()
    unchanged()
    assert "model.keras: cannot be loaded" in atypeak("score", built, "--model", model).message()
    assert unchanged()


def test_normalize__unscored_leaves_nothing(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool]
) -> None:
    model = save_untrained()
    unchanged()
    message = atypeak("normalize", built, "--model", model).message(code=1)
    assert message == (
        f"{built}: not every peak is scored by this model; "
        f"run 'atypeak-scale score {built} --model {model}' first"
    )
    assert unchanged()


def test_qscore__refuses_an_existing_folder_and_leaves_nothing(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path,
) -> None:  # fmt: skip
    model = save_untrained()
    (tmp_path / "out").mkdir()
    unchanged()
    message = atypeak("qscore", built, "--model", model, "--out", tmp_path / "out").message()
    assert message == f"{tmp_path / 'out'}: exists; remove it or name another folder"
    assert unchanged()


def test_export__needs_to_know_which_model(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], tmp_path: Path
) -> None:
    models = [save_untrained(name) for name in ("one", "two")]
    assert atypeak("score", built, "--model", models[0]).code == 0
    out = ("--out", tmp_path / "out")
    message = atypeak("export", built, *out).message()
    assert re.search(r"s.zarr: not normalized; run 'atypeak-scale normalize' first$", message)
    message = atypeak("export", built, *out, "--model", models[0]).message()
    assert re.search(r"one-\w{8} is not normalized; run 'atypeak-scale normalize' first$", message)
    message = atypeak("export", built, *out, "--model", models[1]).message()
    assert re.search(r"not scored by this model \(two-\w{8}\); run 'atypeak-scale score' first$", message)
    assert atypeak("normalize", built, "--model", models[0]).code == 0
    assert atypeak("score", built, "--model", models[1]).code == 0
    # Results that are not complete yet are no choice.
    assert atypeak("export", built, "--out", tmp_path / "first").code == 0
    assert atypeak("normalize", built, "--model", models[1]).code == 0
    message = atypeak("export", built, *out).message()
    assert re.search(r"scored by 2 models \(one-\w{8}, two-\w{8}\); name one with --model$", message)
    assert not list(tmp_path.glob("*out*"))
    assert atypeak("export", built, *out, "--model", models[1]).code == 0
    made_from = json.loads((tmp_path / "out" / "made-from.json").read_text())
    fingerprint = json.loads((models[1] / "model.json").read_text())["fingerprint"]
    assert made_from["scores"]["model_fingerprint"] == fingerprint


@pytest.mark.parametrize("command", ["statistics", "pairs"])
def test_assess__existing_output_is_refused_first(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path, command: str,
) -> None:  # fmt: skip
    model = save_untrained()
    (tmp_path / "mine").write_text("precious")
    unchanged()
    out = ("--out", tmp_path / "mine")
    message = atypeak(command, built, "--model", model, *out).message()
    assert message.startswith(f"{tmp_path / 'mine'}: exists; ")
    assert unchanged()


@pytest.mark.parametrize("command", ["statistics", "pairs"])
def test_assess__needs_final_scores(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path, command: str,
) -> None:  # fmt: skip
    model = save_untrained()
    unchanged()
    out = ("--out", tmp_path / "out")
    message = atypeak(command, built, "--model", model, *out).message()
    assert re.search(r"not scored by this model \(model-\w{8}\); run 'atypeak-scale score' first$", message)
    assert unchanged()
    assert atypeak("score", built, "--model", model).code == 0
    message = atypeak(command, built, "--model", model, *out).message()
    assert re.search(r": model-\w{8} is not normalized; run 'atypeak-scale normalize' first$", message)
    assert not (tmp_path / "out").exists()


def test_pairs__unknown_tr_names_the_nearest(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path]
) -> None:
    message = atypeak("pairs", built, "--model", save_untrained(), "--pair", "x", "Z").message()
    assert message == f"{built}: has no tr 'Z'; the nearest known are z"


# Configurations


@pytest.mark.parametrize(
    "text, message",
    [
        ("cell_line: cell\nstoer: {}\n", r"my\.yaml: unknown setting 'stoer'; the nearest known are store"),
        ("cell_line: cell\nmodel: {filter: 3}\n", r"unknown setting 'model\.filter'; .*nearest .* filters"),
        ("store: {}\n", r"my\.yaml: the setting 'cell_line' is missing; add it$"),
        ("cell_line: [\n", r"my\.yaml: not a YAML file: "),
        ("- cell\n", r"my\.yaml: expected a mapping of settings, found list"),
        ("cell_line: cell\nstore: {frame: 3201}\n", r"frame \(3201 bp\) must be a multiple of bin"),
        ("cell_line: cell\nstore: {frame: 3000}\n", r"300 bins does not fit a kernel of 20 bins"),
        ("cell_line: cell\nmodel: {kernel_width: 24}\n", r"320 bins does not fit a kernel of 24 bins"),
        ("cell_line: cell\nmodel: {kernel_width: 10}\n", r"kernel of 10 bins: the kernel width must be"),
    ],
)  # fmt: skip
def test_config__refused(
    atypeak: Run, catalogue: Catalogue, write: Callable[[str, str], Path], unchanged: Callable[[], bool],
    tmp_path: Path, text: str, message: str,
) -> None:  # fmt: skip
    config = write("my.yaml", text)
    unchanged()
    done = atypeak("build-store", *catalogue, tmp_path / "s.zarr", "--config", config, "--min-crm-peaks", 0)
    assert re.search(message, done.message())
    assert unchanged()


@pytest.mark.parametrize("command", ["train", "run", "run --dry-run"])
def test_config__refused_by_every_command(
    atypeak: Run, catalogue: Catalogue, built: Path, write: Callable[[str, str], Path],
    unchanged: Callable[[], bool], tmp_path: Path, command: str,
) -> None:  # fmt: skip
    config = write("my.yaml", "cell_line: cell\ntraining: {epochs: 3}\n")
    rest = (
        (built, "--config", config, "--model", tmp_path / "m")
        if command == "train"
        else (config, "--workdir", tmp_path / "w", "--peaks", catalogue[0], "--crms", catalogue[1])
    )
    unchanged()
    assert "unknown setting 'training.epochs'" in atypeak(*command.split(), *rest).message()
    assert unchanged()


def test_train__weight_of_an_unknown_label(
    atypeak: Run, built: Path, config: Config, tmp_path: Path, unchanged: Callable[[], bool]
) -> None:
    values = yaml.safe_load(dump_config(config))
    for weights, message in (
        ({"view_weights": {"tr": {"X": 2}}}, "training.view_weights: no tr 'X' in the store; the nearest"),
        ({"source_weights": {"d1.q": 2}}, "training.source_weights: no source 'd1.q' in the store"),
    ):  # fmt: skip
        config_file = tmp_path / "my.yaml"
        config_file.write_text(yaml.safe_dump({**values, "training": {**values["training"], **weights}}))
        unchanged()
        done = atypeak("train", built, "--config", config_file, "--model", tmp_path / "model")
        assert done.message().startswith(message)
    assert not list(tmp_path.glob("*model*"))


# Usage


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--no-such-option"], "No such option"),
        (["scroe"], "No such command 'scroe'"),
        (["info"], "Missing argument 'STORE'"),
        (["info", "s.zarr", "--jsno"], "No such option"),
        (["info", "s.zarr", "more"], "unexpected extra argument"),
        (["build-store", "p", "c", "s", "--cell-line", "x", "--workers", "0"], "0 is not in the range"),
        (["build-store", "p", "c", "s", "--cell-line", "x", "--bin", "ten"], "'ten' is not a valid integer"),
        (["train", "s.zarr", "--config", "hela"], "Missing option '--model'"),
        (["train", "s.zarr", "--config", "hela", "--model", "m", "--seed", "-1"], "-1 is not in the range"),
        (["score", "s.zarr"], "Missing option '--model'"),
        (["score", "s.zarr", "--model", "no"], "'no' does not exist"),
        (["score", "s.zarr", "--model", ".", "--crumbs", "-1"], "-1.0 is not in the range"),
        (["score", "s.zarr", "--model", ".", "--precision", "float16"], "'float16' is not one of"),
        (["export", "s.zarr"], "Missing option '--out'"),
        (["run", "hela"], "Missing option '--workdir'"),
        (["demo", "here"], "unexpected extra argument"),
    ],
)  # fmt: skip
def test_usage__is_exit_code_2(
    atypeak: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = atypeak(*arguments)
    assert done.code == 2
    last = done.err.splitlines()[-1]
    assert last.startswith("Error: ")
    assert message in last
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_no_arguments__show_the_help(atypeak: Run) -> None:
    done = atypeak()
    assert "Commands:" in done.out + done.err
    assert "Traceback" not in done.err


# Other ends


@pytest.mark.parametrize(
    "failure, code, line",
    [
        (AtypeakError("block 3 failed"), 1, "Error: block 3 failed"),
        (KeyboardInterrupt(), 1,
         "Interrupted; nothing is half written. Give the same command again."),
        (MemoryError("Unable to allocate 29.8 GiB"), 1,
         "Error: out of memory: Unable to allocate 29.8 GiB; use a machine with more, or smaller settings"),
        (MemoryError(), 1, "Error: out of memory; use a machine with more, or smaller settings"),
    ],
)  # fmt: skip
def test_main__failures_while_running(
    atypeak: Run, monkeypatch: pytest.MonkeyPatch, failure: BaseException, code: int, line: str
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr("atypeak_scale.store.summary.summarize", fail)
    done = atypeak("info", "s.zarr")
    assert (done.code, done.out) == (code, "")
    assert done.err.strip().splitlines() == [line]


def test_main__faults_of_the_program_are_not_hidden(atypeak: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("atypeak_scale.store.summary.summarize", fail)
    with pytest.raises(ZeroDivisionError):
        atypeak("info", "s.zarr")


SCRIPT = [sys.executable, "-m", "atypeak_scale.cli"]


def test_script__truncated_gzip(catalogue: Catalogue, tmp_path: Path) -> None:
    packed = gzip.compress(catalogue[0].read_bytes())
    (tmp_path / "p.bed.gz").write_bytes(packed[: len(packed) // 2])
    before = tree(tmp_path)
    done = subprocess.run(
        [*SCRIPT, "build-store", "p.bed.gz", catalogue[1], "s.zarr", "--cell-line", "cell",
         "--min-crm-peaks", "0"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    message = Outcome(done.returncode, done.stdout, done.stderr).message()
    assert re.search(r"^p\.bed\.gz, after line \d+: the compressed file is truncated or damaged", message)
    assert tree(tmp_path) == before


def test_script__bad_standard_input(catalogue: Catalogue, tmp_path: Path) -> None:
    before = tree(tmp_path)
    done = subprocess.run(
        [*SCRIPT, "build-store", "-", catalogue[1], "s.zarr", "--cell-line", "cell", "--min-crm-peaks", "0"],
        capture_output=True, text=True, input=PEAK + "chr1\t7\t3\ta.x.cell\n", cwd=tmp_path, check=False,
    )  # fmt: skip
    message = Outcome(done.returncode, done.stdout, done.stderr).message()
    assert message == "standard input, line 2: start 7, end 3; expected an end greater than the start"
    assert tree(tmp_path) == before


# Names that were made to do harm

EVIL_CELL = '../../evil" useScore=0 url="http://x\\'
EVIL_SOURCES = [
    ("a/b", "__/x"),
    ('"q"', "<script>"),
    ("$(touch p)", "x y"),
    ("%2e%2e", "é\u2028z"),
]


@pytest.fixture
def evil(
    atypeak: Run, write: Callable[[str, str], Path], tmp_path: Path, save_untrained: Callable[..., Path],
    config: Config,
) -> Path:  # fmt: skip
    """Build, score, normalize and export a catalogue of harmful names in `tmp_path / "in"`."""
    (tmp_path / "in").mkdir()
    lines = [
        f"../../c\t{100 * number}\t{100 * number + 50 + 9 * number}\t{dataset}.{tr}.{EVIL_CELL}\n"
        for number in range(8)
        for dataset, tr in EVIL_SOURCES
    ]
    peaks, crms = write("in/p.bed", "".join(lines)), write("in/c.bed", "../../c\t0\t3000\n")
    settings = {**config.model_dump(), "cell_line": EVIL_CELL}
    datasets, trs = (tuple(sorted(names)) for names in zip(*EVIL_SOURCES, strict=True))
    model = save_untrained('in/mo del"..', datasets, trs, parse_config(settings, "test"))
    store, cell = tmp_path / "in" / "s.zarr", ("--cell-line", EVIL_CELL)
    for arguments in (
        ("build-store", peaks, crms, store, *cell, "--min-crm-peaks", 0),
        ("score", store, "--model", model),
        ("normalize", store, "--model", model, *cell),
        ("export", store, "--out", tmp_path / "in" / "out"),
        ("qscore", store, "--model", model, "--out", tmp_path / "in" / "q"),
        ("crms", store, "--model", model, "--out", tmp_path / "in" / "crms"),
        ("compare-releases", tmp_path / "in" / "out", peaks, crms, "--out", tmp_path / "in" / "compared"),
        ("statistics", store, "--model", model, "--out", tmp_path / "in" / "tables"),
        ("pairs", store, "--model", model, "--out", tmp_path / "in" / "pairs.tsv"),
        ("info", store),
    ):
        done = atypeak(*arguments)
        assert done.code == 0, done.err
    return tmp_path / "in"


def test_names__stay_in_their_folder(evil: Path, tmp_path: Path) -> None:
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    written = {"out", "q", "crms", "compared", "tables", "pairs.tsv"}
    assert {path.name for path in evil.iterdir()} == {"p.bed", "c.bed", "s.zarr", 'mo del"..'} | written
    (group,) = (path for path in (evil / "s.zarr").iterdir() if path.is_dir())
    assert "evil" in group.name
    assert not list(tmp_path.parent.glob("*evil*"))


@pytest.mark.parametrize("name", ["final.bed", "raw.bed"])
def test_names__cannot_break_out_of_the_track_line(evil: Path, name: str) -> None:
    track, *body = (evil / "out" / name).read_bytes().decode().split("\n")
    assert re.fullmatch(r'track name="[^"]*" description="[^"]*" useScore=1', track)
    assert "evil" in track
    assert body.pop() == ""
    assert len(body) == 8 * len(EVIL_SOURCES)
    wanted = {f"{dataset}.{tr}.{EVIL_CELL}" for dataset, tr in EVIL_SOURCES}
    assert {line.split("\t")[3] for line in body} == wanted
    assert all(line.count("\t") == 5 for line in body)


def test_names__come_back_from_the_tables(evil: Path) -> None:
    table = pd.read_parquet(evil / "out" / "peaks.parquet")
    assert set(zip(table["dataset"], table["tr"], strict=True)) == set(EVIL_SOURCES)
    assert set(table["contig"]) == {"../../c"}
    pairs = pd.read_parquet(evil / "compared" / "pairs.parquet")
    assert set(pairs["tr"]) == {tr for _, tr in EVIL_SOURCES}
    summary = pd.read_csv(evil / "compared" / "summary.tsv", sep="\t", keep_default_na=False)
    assert set(summary["label"]) == {"", *pairs["tr"]}
    track, *body = (evil / "crms" / "crms.bed").read_text().split("\n")
    assert re.fullmatch(r'track name="[^"]*" description="[^"]*" useScore=1', track)
    assert body == ["../../c\t0\t3000\trank-1\t1000\t.", ""]
    for file in ("out/weights.tsv", "tables/mean-crm.tsv"):
        weights = pd.read_csv(evil / file, sep="\t")
        assert set(zip(weights["dataset"], weights["tr"], strict=True)) == set(EVIL_SOURCES)
    pairs = pd.read_csv(evil / "q" / "pairs.tsv", sep="\t")
    assert set(pairs["dimension"]) == set(pairs["other"]) == {name for both in EVIL_SOURCES for name in both}
    compared = pd.read_csv(evil / "pairs.tsv", sep="\t")
    trs = {tr for _, tr in EVIL_SOURCES}
    assert set(zip(compared["tr"], compared["other_tr"], strict=True)) == {
        (a, b) for a in trs for b in trs - {a}
    }


@pytest.mark.parametrize("character", ["\r", "\x0b", "\x1b", "\x00"])
def test_names__control_characters_are_refused(
    atypeak: Run, write: Callable[[str, str], Path], tmp_path: Path, character: str
) -> None:
    """A carriage return splits a line for most readers of BED; an escape talks to the terminal."""
    peaks = write("p.bed", f"chr1\t1\t9\ta.x.ce{character}ll\n")
    crms = write("c.bed", CRMS)
    done = atypeak("build-store", peaks, crms, tmp_path / "s.zarr", "--cell-line", "cell")
    assert re.search(r"p\.bed, line 1: ", done.message())
    assert character not in done.err
