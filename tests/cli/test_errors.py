"""Bad input: one line, exit code 2, nothing left (and never a traceback)."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zarr
from atypeak_scale.cli import main

from atypeak_scale.config import Config, dump_config
from atypeak_scale.model.autoencoder import build_autoencoder
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.store.build import build_store

Fails = Callable[..., str]
GOOD = "chr1\t5\t900\ta.b.cell\n"
CRM = "chr1\t0\t1000\n"


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Fails:
    """Run a command that must fail as bad input does; return its one line."""

    def run(*arguments: str | Path) -> str:
        before = sorted(tmp_path.rglob("*"))
        monkeypatch.setattr(sys, "argv", ["atypeak-scale", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr().err
        assert stop.value.code == 2
        assert "Traceback" not in printed
        lines = [line for line in printed.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, printed
        assert printed.splitlines()[-1] == lines[0]
        assert sorted(tmp_path.rglob("*")) == before, "something was left behind"
        return lines[0]

    return run


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    (tmp_path / "p.bed").write_text(GOOD)
    (tmp_path / "c.bed").write_text(CRM)
    return tmp_path / "p.bed", tmp_path / "c.bed", tmp_path / "s.zarr"


def build(files: tuple[Path, Path, Path], *more: str) -> tuple[str | Path, ...]:
    return ("build-store", *files, "--cell-line", "cell", "--min-crm-peaks", "0", *more)


@pytest.mark.parametrize(
    "peaks, message",
    [
        ("chr1\tx\t9\ta.b.cell\n", "p.bed, line 2: start 'x'; expected a whole number"),
        ("chr1\t-3\t9\ta.b.cell\n", "p.bed, line 2: start '-3'; expected a whole number of bp, 0 or more"),
        ("chr1\t9\t3\ta.b.cell\n", "p.bed, line 2: start 9, end 3; expected an end greater than the start"),
        ("chr1\t3\t9\n", "p.bed, line 2: 3 tab-separated columns; expected at least 4"),
        ("chr1\t3\t9\tab.cell\n", "p.bed, line 2: name 'ab.cell'; expected dataset.TR.cell_line"),
    ],
)
def test_build__bad_line(fails: Fails, files: tuple[Path, Path, Path], peaks: str, message: str) -> None:
    files[0].write_text(GOOD + peaks)
    assert message in fails(*build(files))


def test_build__bad_files(fails: Fails, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    whole = gzip.compress((GOOD * 9999).encode())
    files[0].write_bytes(whole[: len(whole) // 2])
    assert "p.bed, after line" in fails(*build(files))
    files[0].write_text("")
    assert "p.bed: holds no intervals" in fails(*build(files))
    files[0].unlink()
    assert "p.bed: cannot be read: No such file or directory" in fails(*build(files))


@pytest.mark.parametrize(
    "peaks, crms, message",
    [
        ("chr1\t5\t9\ta.b.cells\n", CRM, "no peak of cell line 'cell'; the nearest known are cells"),
        (
            "chr1\t5000\t5009\ta.b.cell\n",
            CRM,
            "no selected peak overlaps a CRM; check that both files are of one",
        ),
        ("1\t5\t9\ta.b.cell\n", CRM, "they differ by 'chr'"),
    ],
)
def test_build__files_that_do_not_meet(
    fails: Fails, files: tuple[Path, Path, Path], peaks: str, crms: str, message: str
) -> None:
    files[0].write_text(peaks)
    files[1].write_text(crms)
    assert message in fails(*build(files))


def test_build__settings(fails: Fails, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    assert "no cell line; give --cell-line NAME" in fails("build-store", *files)
    assert "multiple of 4 times the kernel width (80 bins here)" in fails(*build(files, "--frame", "3000"))
    assert "the two views must have different names" in fails(*build(files, "--views", "a,a"))
    files[1].write_text("chr1\t0\t1000\tcrm\t6\n")
    assert "no CRM has 7 peaks or more in column 5; lower" in fails(*build(files, "--min-crm-peaks", "7"))
    (tmp_path / "c.yaml").write_text("cell_line: cell\ntraning: {}\n")
    assert "unknown setting 'traning'; the nearest known are training" in fails(
        "build-store", *files, "--config", tmp_path / "c.yaml"
    )
    assert "no such config file, nor a bundled configuration; the nearest known are hela" in fails(
        "build-store", *files, "--config", "helaa"
    )


def test_store_that_exists_or_is_of_another_version(
    fails: Fails, files: tuple[Path, Path, Path], config: Config, tmp_path: Path
) -> None:
    build_store(*files, config)
    assert "already holds cell line 'cell'; remove it or name another store" in fails(*build(files))
    zarr.open_group(files[2], use_consolidated=False).attrs["schema_version"] = 0
    assert "schema version 0, this program reads version 1; build the store again" in fails("info", files[2])
    assert "not a store; make one with 'atypeak-scale build-store'" in fails("info", tmp_path)


def test_model_of_other_dimensions(
    fails: Fails, files: tuple[Path, Path, Path], config: Config, tmp_path: Path
) -> None:
    build_store(*files, config)
    network = build_autoencoder(320, 2, 1, config.model, seed=1)
    folder = save_model(TrainedModel(network, (("a", "z"), ("b",)), config), tmp_path / "model")
    for command in ("score", "normalize"):
        message = fails(command, files[2], "--model", folder)
        assert "its labels of view 'dataset' are not those that the model was trained on" in message
        assert "only in the model: z" in message
    assert "not a trained model; make one with 'atypeak-scale train'" in fails(
        "score", files[2], "--model", tmp_path
    )
    assert "not scored; run 'atypeak-scale score'" in fails("export", files[2], "--out", tmp_path / "out")


def test_run__missing_inputs(fails: Fails, tmp_path: Path, config: Config) -> None:
    (tmp_path / "c.yaml").write_text(dump_config(config))
    assert "no peaks file; give --peaks FILE" in fails(
        "run", tmp_path / "c.yaml", "--workdir", tmp_path / "w"
    )
    assert "absent.bed: no such file (--peaks)" in fails(
        "run", tmp_path / "c.yaml", "--workdir", tmp_path / "w", "--peaks", "absent.bed", "--crms", "x"
    )


def test_usage__is_click_s_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["atypeak-scale", "score", "--modle", "x"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "No such option" in capsys.readouterr().err


def test_names__never_choose_a_path(tmp_path: Path) -> None:
    """In a process of its own, as a user runs it; the cell line would lead outside."""
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    evil = '../../evil" useScore=0 "'
    (folder / "p.bed").write_text(GOOD.replace("cell", evil))
    (folder / "c.bed").write_text(CRM)
    done = subprocess.run(
        [sys.executable, "-m", "atypeak_scale.cli", "build-store", "p.bed", "c.bed", "s.zarr",
         "--cell-line", evil, "--min-crm-peaks", "0"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["c.bed", "p.bed", "s.zarr"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep"]
