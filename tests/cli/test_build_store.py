"""`build-store`: its options reach the library, what it makes, and what it refuses."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from unittest.mock import call

import pytest
from click import UsageError

from atypeak_scale.config import Config, load_config
from atypeak_scale.errors import AtypeakError, InputError
from tests.cli.helpers import (
    BUILT,
    CELL,
    EXECUTORS,
    HERE,
    PLAN,
    PROGRESS,
    Catalogue,
    Finished,
    Refuse,
    Replace,
    Run,
    Truth,
    Where,
    invoke,
    printed,
    tree,
    with_values,
)

STORE_OPTIONS: list[tuple[list[str], Config]] = [
    ([], with_values()),
    (["--trs", "x,y"], with_values(selection={"trs": ["x", "y"]})),
    (["--trs", " x , y,"], with_values(selection={"trs": ["x", "y"]})),
    (["--datasets", "GSE1"], with_values(selection={"datasets": ["GSE1"]})),
    (["--sources", "a.x,b.y"], with_values(selection={"sources": ["a.x", "b.y"]})),
    (["--exclude-trs", "x,y"], with_values(selection={"exclude_trs": ["x", "y"]})),
    (["--exclude-datasets", "GSE1"], with_values(selection={"exclude_datasets": ["GSE1"]})),
    (["--exclude-sources", "a.x"], with_values(selection={"exclude_sources": ["a.x"]})),
    (["--min-source-peaks", "9"], with_values(selection={"min_source_peaks": 9})),
    (["--top-trs", "4"], with_values(selection={"top_trs": 4})),
    (["--min-crm-peaks", "0"], with_values(store={"min_crm_peaks": 0})),
    (["--frame", "1600"], with_values(store={"frame": 1600})),
    (["--bin", "20"], with_values(store={"bin": 20})),
    (["--views", "model,variable"], with_values(store={"views": ["model", "variable"]})),
]


@pytest.mark.parametrize("options, config", STORE_OPTIONS)
def test_build_store__settings(replace: Replace, options: list[str], config: Config) -> None:
    build = replace("store.build.build_store", BUILT)
    result = invoke("build-store", "p.bed", "c.bed", "s.zarr", "--cell-line", "cell", *options)
    assert build.call_args_list == [call("p.bed", "c.bed", "s.zarr", config, executor=HERE, append=False)]
    assert result.stdout.splitlines()[:2] == ["store          s.zarr", "cell line      cell"]


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_build_store__where(replace: Replace, options: list[str], where: Where) -> None:
    build = replace("store.build.build_store", BUILT)
    invoke("build-store", "-", "c.bed", "s.zarr", "--cell-line", "cell", *options)
    expected = call("-", "c.bed", "s.zarr", with_values(), executor=where, append=False)
    assert build.call_args_list == [expected]


def test_build_store__config_and_the_options_that_win_over_it(replace: Replace, tmp_path: Path) -> None:
    build = replace("store.build.build_store", BUILT)
    invoke("build-store", "p", "c", "s", "--config", "hela")
    assert build.call_args.args[3] == load_config("hela")
    file = tmp_path / "my.yaml"
    file.write_text(
        "cell_line: a\nselection: {trs: [x], top_trs: 3}\nstore: {bin: 40, frame: 6400}\n"
        "training: {seed: 9}\ninputs: {peaks: p.bed}\n"
    )
    invoke("build-store", "p", "c", "s", "--config", file, "--cell-line", "cell", "--trs", "y", "--bin", "20")
    expected = with_values(
        selection={"trs": ["y"], "top_trs": 3}, store={"bin": 20, "frame": 6400}, training={"seed": 9},
        inputs={"peaks": tmp_path / "p.bed"},
    )  # fmt: skip
    assert build.call_args.args[3] == expected


def test_build_store__dry_run_plans_only(replace: Replace) -> None:
    plan, build = replace("store.build.plan_build", PLAN), replace("store.build.build_store", BUILT)
    result = invoke("build-store", "p", "c", "s", "--cell-line", "cell", "--dry-run")
    assert plan.call_args_list == [call("p", "c", with_values(), executor=HERE, append_to=None)]
    assert build.call_args_list == []
    assert "projected memory bytes   3.0 MB" in result.stdout.splitlines()


def test_build_store__append(replace: Replace) -> None:
    plan, build = replace("store.build.plan_build", PLAN), replace("store.build.build_store", BUILT)
    invoke("build-store", "p", "c", "s", "--cell-line", "cell", "--append", "--dry-run")
    assert plan.call_args_list == [call("p", "c", with_values(), executor=HERE, append_to="s")]
    invoke("build-store", "p", "c", "s", "--cell-line", "cell", "--append")
    assert build.call_args_list == [call("p", "c", "s", with_values(), executor=HERE, append=True)]


def test_build_store__json(replace: Replace) -> None:
    replace("store.build.plan_build", PLAN)
    replace("store.build.build_store", BUILT)
    plan = invoke("build-store", "p", "c", "s", "--cell-line", "cell", "--dry-run", "--json")
    assert json.loads(plan.stdout) == vars(PLAN)
    built = invoke("build-store", "p", "c", "s", "--cell-line", "cell", "--json")
    assert json.loads(built.stdout) == {**asdict(BUILT), "store": "s.zarr"}
    text = invoke("build-store", "p", "c", "s", "--cell-line", "cell").stdout
    assert re.search(r"rows of peaks\n  rows +10\n  used +4\n(.*\n)*  on contigs without crm +2\n", text)
    assert re.search(r"rows of crms\n  rows +9\n  used +7\n  too few peaks +1\n  repeated +1\n", text)


# For real


def test_build_store__plan_and_result(steps: Finished, truth: Truth) -> None:
    plan, built = json.loads(steps.printed["build plan"]), json.loads(steps.printed["build-store"])
    peaks = steps.peaks.read_text().splitlines()[1:]
    assert plan["cell_line"] == built["cell_line"] == "cell"
    assert plan["selected_peaks"] == plan["cell_line_peaks"] == len(peaks)
    assert plan["sources"] == built["sources"] == 5
    assert built["peaks"] == len(truth.lines)
    account = built["rows_of_peaks"]
    assert account["rows"] == len(peaks)
    assert account["outside_crms"] + account["on_contigs_without_crm"] == len(peaks) - len(truth.lines) > 0
    assert plan["windows_at_most"] >= built["windows"]
    assert Path(built["store"]) == steps.store


def test_build_store__on_two_workers_gives_the_same_bytes(steps: Finished, tmp_path: Path) -> None:
    printed("build-store", steps.peaks, steps.crms, tmp_path / "s.zarr", "--config", steps.config,
            "--workers", "2")  # fmt: skip
    parallel = {name: data for name, (_, data) in tree(tmp_path / "s.zarr" / "cell").items()}
    serial = {name: data for name, (_, data) in tree(steps.store / "cell").items()}
    assert len(parallel) > 30
    assert {name: data for name, data in serial.items() if not name.startswith("scores/")} == parallel


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["build-store", "p", "c", "s", "--cell-line", "x", "--workers", "0"], "0 is not in the range"),
        (["build-store", "p", "c", "s", "--cell-line", "x", "--bin", "ten"], "'ten' is not a valid integer"),
    ],
)  # fmt: skip
def test_build_store__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["build-store", "no.bed", "{crms}", "n.zarr", "--cell-line", "cell", "--min-crm-peaks", "0"],
         r"^no\.bed: cannot be read: No such file or directory$"),
        (["build-store", "{peaks}", "no.bed", "n.zarr", "--cell-line", "cell"],
         r"^no\.bed: cannot be read: No such file or directory$"),
        (["build-store", ".", "{crms}", "n.zarr", "--cell-line", "cell", "--min-crm-peaks", "0"],
         r"^\.: holds no catalogue\.json, so it is no finished catalogue; make it with "),
        (["build-store", "{peaks}", "{crms}", "n.zarr", "--config", "no.yaml"],
         r"^no\.yaml: no such config file or bundled configuration; known are artificial"),
        (["build-store", "{peaks}", "{crms}", "{folder}", "--cell-line", "cell"], r"folder: not a store"),
        (["build-store", "{peaks}", "{crms}", "{peaks}", "--cell-line", "cell"], r"peaks\.bed: not a store"),
    ],
)  # fmt: skip
def test_build_store__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_build_store__selection_of_nothing(atypeak: Run, catalogue: Catalogue, tmp_path: Path) -> None:
    done = atypeak("build-store", *catalogue, tmp_path / "s.zarr", "--cell-line", "cell", "--trs", "ctcf",
                   "--min-crm-peaks", 0)  # fmt: skip
    assert re.search(
        r"the selection leaves no peak of cell line 'cell'; selected TRs without a peak in the "
        r"catalogue: ctcf; known are ", done.message(),
    )  # fmt: skip
    assert not list(tmp_path.glob("*s.zarr*"))


def test_build_store__absent_selection_is_a_warning(
    atypeak: Run, catalogue: Catalogue, tmp_path: Path
) -> None:
    done = atypeak("build-store", *catalogue, tmp_path / "s.zarr", "--cell-line", "cell", "--trs", "x,ctcf",
                   "--min-crm-peaks", 0)  # fmt: skip
    assert done.code == 0
    said = [line for line in done.err.splitlines() if not PROGRESS.fullmatch(line)]
    assert said == ["Warning: selected TRs without a peak in the catalogue: ctcf; known are x, y, z"]


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


def test_build_store__all_tells_what_failed(tmp_path: Path) -> None:
    (tmp_path / "p.bed").write_text("chr1\t1\t9\td1.x.h\nchr1\t9000\t9009\td1.x.k\n")
    (tmp_path / "c.bed").write_text("chr1\t0\t3200\n")
    printed("split", tmp_path / "p.bed", tmp_path / "split")
    build = ("build-store", tmp_path / "split", tmp_path / "c.bed", tmp_path / "s.zarr", "--all")
    with pytest.raises(AtypeakError, match="1 of 2 cell lines were not built"):
        invoke(*build, "--min-crm-peaks", "0", "--min-peaks", "1")
    with pytest.raises(InputError, match="no cell line has 2 peaks or more"):
        invoke(*build, "--min-peaks", "2")
    for wrong in ("--dry-run", "--cell-line=h"):
        with pytest.raises(UsageError, match="--all goes with neither"):
            invoke(*build, wrong)
