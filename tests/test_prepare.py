"""What a run without a configuration is made from."""

from pathlib import Path
from typing import Any

import pytest

from atypeak_scale import prepare as module
from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.catalogue.windows import read_regions
from atypeak_scale.config import load_config
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.pipeline import refuse_other_cell_line
from atypeak_scale.prepare import prepare, run_all, run_line

PEAKS = "".join(
    f"chr1\t{i}\t{i + 50}\td{i // 30 % 12}.x.{line}\n" for i in range(0, 9000, 30) for line in ("h", "k")
)


@pytest.fixture
def peaks(tmp_path: Path) -> Path:
    (tmp_path / "p.bed").write_text(PEAKS + "chr1\t1\t9\td1.x.small\n")
    return tmp_path / "p.bed"


def test_prepare__makes_a_catalogue_and_crms_once(
    peaks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = prepare(tmp_path / "w", peaks)
    assert [line.name for line in made.catalogue.lines] == ["h", "k", "small"]
    regions, _ = read_regions(made.crms)
    assert (regions.start.tolist(), regions.end.tolist()) == ([0], [8995 + 1600])  # 3,200 bp around the last
    assert "3 cell lines" in made.told[0] and "all peaks with 3,200 bp around them, merged" in made.told[1]
    for name in ("split_catalogue", "make_crms"):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("made again"))
    assert prepare(tmp_path / "w", peaks) == made
    peaks.write_text(PEAKS)
    with pytest.raises(
        InputError, match="is the catalogue of other peaks; remove it or name another workdir"
    ):
        prepare(tmp_path / "w", peaks)


@pytest.mark.parametrize(
    "text, least",
    [
        ("chr1\t0\t9\tc\t100\nchr1\t20\t29\tc\t1\n", 100),
        ("chr1\t0\t9\tc\t99\n", 0),
        ("chr1\t0\t9\tc\tx\n", 0),
        ("chr1\t0\t9\n", 0),
    ],
)
def test_prepare__crms_with_counts_are_filtered(peaks: Path, tmp_path: Path, text: str, least: int) -> None:
    (tmp_path / "c.bed").write_text(text)
    split_catalogue([peaks], tmp_path / "there")
    made = prepare(tmp_path / "w", tmp_path / "there", tmp_path / "c.bed")
    assert (made.min_crm_peaks, made.crms) == (least, tmp_path / "c.bed")
    assert not (tmp_path / "w").exists()


def test_prepare__a_wrong_cell_line_is_refused_before_crms_are_made(peaks: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no peak of cell line 'wrong'"):
        prepare(tmp_path / "w", peaks, cell_line="wrong")
    assert [file.name for file in (tmp_path / "w").iterdir()] == ["catalogue"]


def test_config__sizes_follow_from_the_number_of_sources(peaks: Path, tmp_path: Path) -> None:
    made = prepare(tmp_path / "w", peaks)
    of_many, of_few = made.config("h"), made.config("small")
    assert (of_many.model.filters, of_many.model.deep_dimension) == (32, 256)
    assert (of_few.model.filters, of_few.model.deep_dimension, of_few.training.learning_rate) == (
        16,
        64,
        1e-3,
    )
    assert made.of_line("h").startswith("h: 300 peaks of 12 sources; the article's network has 32 filters")
    with pytest.raises(InputError, match="no peak of cell line 'H'"):
        made.config("H")


def test_run_all__one_that_fails_does_not_stop_the_others(
    peaks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = prepare(tmp_path / "w", peaks)
    calls: list[Any] = []

    def run(config: Any, workdir: Any, *arguments: Any) -> list[Any]:
        calls.append((config.cell_line, str(workdir), *arguments[:2]))
        if config.cell_line == "h":
            raise InputError("no")
        return ["done"]

    monkeypatch.setattr(module, "run", run)
    found = list(run_all(made, tmp_path / "w", min_peaks=2))
    assert [(one.cell_line, one.problem, one.reports) for one in found] == [
        ("h", "no", []), ("k", None, ["done"]),
    ]  # fmt: skip
    folders = [str(tmp_path / "w" / "lines" / name) for name in ("0001-h", "0002-k")]
    assert calls == [
        (name, folder, str(made.catalogue.path), made.crms)
        for name, folder in zip("hk", folders, strict=True)
    ]
    assert load_config(f"{folders[1]}/config.yaml") == made.config("k")
    run_line(made, tmp_path / "one", "k")
    assert calls[-1][1] == str(tmp_path / "one")
    with pytest.raises(InputError, match="no cell line has 999 peaks or more"):
        list(run_all(made, tmp_path / "w", min_peaks=999))


def test_run_all__ctrl_c_in_a_training_stops_all(
    peaks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = prepare(tmp_path / "w", peaks)

    def run(config: Any, *arguments: Any) -> list[Any]:
        raise InterruptedStageError(f"{config.cell_line} was interrupted")

    monkeypatch.setattr(module, "run", run)
    with pytest.raises(InterruptedStageError, match="h was interrupted"):
        list(run_all(made, tmp_path / "w"))


def test_refuse__a_workdir_of_another_cell_line(tmp_path: Path) -> None:
    refuse_other_cell_line(tmp_path, "h")
    (tmp_path / "support-model").mkdir()
    (tmp_path / "support-model" / "config.yaml").write_text("cell_line: k\n")
    (tmp_path / "support-model" / "model.json").write_text("{}")
    refuse_other_cell_line(tmp_path, "k")
    with pytest.raises(InputError, match="is of cell line 'k', not 'h'; use a separate folder"):
        refuse_other_cell_line(tmp_path, "h")


def test_prepare__refuses_what_is_missing(peaks: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no peaks file"):
        prepare(tmp_path / "w", None)
    with pytest.raises(InputError, match=r"absent\.bed: no such file"):
        prepare(tmp_path / "w", peaks, tmp_path / "absent.bed")
    with pytest.raises(InputError, match="needs a local folder"):
        prepare("s3://bucket/w", peaks)
    assert not (tmp_path / "w").exists()


def test_prepare__crms_of_other_peaks_are_not_used(peaks: Path, tmp_path: Path) -> None:
    (tmp_path / "q.bed").write_text("chr1\t1\t9\td.x.h\nchr1\t2\t9\td.x.h\n")
    for name in "pq":
        split_catalogue([tmp_path / f"{name}.bed"], tmp_path / name)
    made = prepare(tmp_path / "w", tmp_path / "p")
    assert prepare(tmp_path / "w", tmp_path / "p") == made
    with pytest.raises(
        InputError, match=r"crms\.bed: was not made of these peaks; remove it, name it as crms"
    ):
        prepare(tmp_path / "w", tmp_path / "q")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "crms.bed").write_text("chr1\t0\t9\n")
    with pytest.raises(InputError, match="was not made of these peaks"):
        prepare(tmp_path / "own", tmp_path / "q")


def test_run_line__leaves_a_configuration_of_the_user_alone(
    peaks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "run", lambda *_: [])
    made = prepare(tmp_path / "w", peaks)
    for name in ("h", "k"):
        run_line(made, tmp_path / "w", name)
    assert load_config(tmp_path / "w" / "config.yaml").cell_line == "k"
    (tmp_path / "w" / "config.yaml").write_text("cell_line: mine\n")
    with pytest.raises(InputError, match=r"config\.yaml: is a configuration of yours"):
        run_line(made, tmp_path / "w", "h")
    assert (tmp_path / "w" / "config.yaml").read_text() == "cell_line: mine\n"
