"""What holds for all commands: none is untested, all have help, and all refuse what does not fit."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import zarr
from atypeak_scale.cli.commands import commands

from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import Config, dump_config
from tests.cli.helpers import (
    Catalogue,
    Finished,
    Refuse,
    Run,
    invoke,
    tree,
)

ALL_COMMANDS = list(commands.commands)
HERE = Path(__file__).parent


def options_of(command: click.Command) -> dict[str, click.Option]:
    return {p.opts[0]: p for p in command.params if isinstance(p, click.Option)}


def test_commands__are_in_the_order_in_which_a_user_needs_them() -> None:
    listed = commands.list_commands(click.Context(commands))
    assert listed == ALL_COMMANDS
    stages = ["build-store", "info", "train", "score", "normalize", "export"]
    assert [name for name in listed if name in stages] == stages
    assert listed[:2] == ["demo", "run"]


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_commands__no_option_is_untested(name: str) -> None:
    """Each is spelled in the tests of its command, or of what commands share."""
    own, shared = f"test_{name.replace('-', '_')}.py", ("test_common.py", "test_chosen.py", "test_summary.py")
    files = (own, *shared, "helpers.py")
    tests = "".join((HERE / file).read_text() for file in files)
    fields = {f"--{field.replace('_', '-')}" for field in ArtificialSettings.model_fields}
    known = fields if name == "simulate" else set()  # whose tests walk the settings
    assert [
        option
        for option in options_of(commands.commands[name])
        if option not in tests and option not in known
    ] == []


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_help__lists_every_option(name: str) -> None:
    text = invoke(name, "--help").stdout
    assert text.startswith(f"Usage: commands {name} ")
    assert invoke(name, "-h").stdout == text
    shown = {key: one for key, one in options_of(commands.commands[name]).items() if not one.hidden}
    assert all(option in text for option in shown)
    assert all(option.help for option in shown.values())
    assert all(len(line) <= 80 for line in text.splitlines())


def test_help__of_the_group_lists_the_commands() -> None:
    lines = [line.split() for line in invoke("--help").stdout.splitlines()]
    assert [line[0] for line in lines if line and line[0] in ALL_COMMANDS] == ALL_COMMANDS


HELP_SCRIPT = """
import sys
sys.argv = ["atypeak-scale", *sys.argv[1:]]
from atypeak_scale.cli import main
main()
heavy = {"tensorflow", "keras", "zarr", "xarray", "dask", "distributed", "pandas", "pyarrow", "pyranges"}
print("imported:", *sorted(heavy & set(sys.modules)))
"""


def test_help__imports_nothing_that_takes_seconds() -> None:
    for arguments in (["--help"], ["train", "--help"]):
        run = subprocess.run(
            [sys.executable, "-c", HELP_SCRIPT, *arguments], capture_output=True, text=True, check=True
        )
        assert run.stdout.startswith("Usage: ")
        assert run.stdout.splitlines()[-1] == "imported:"
        assert run.stderr == ""


def test_version__is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert invoke("--version").stdout.split()[-1] == version("atypeak-scale")


def test_script__is_installed() -> None:
    script = Path(sys.executable).with_name("atypeak-scale")
    run = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("atypeak-scale")


# For real


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


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--no-such-option"], "No such option"),
        (["scroe"], "No such command 'scroe'"),
    ],
)  # fmt: skip
def test_all__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)


def test_no_arguments__show_the_help(atypeak: Run) -> None:
    done = atypeak()
    assert "Commands:" in done.out + done.err
    assert "Traceback" not in done.err


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
            r"s\.zarr: schema version 99, but this program reads version \d+; build the store again", message
        ), arguments
    assert unchanged()


@pytest.mark.parametrize("labels", [{"datasets": ("D1", "D2", "G")}, {"trs": ("ctcf", "X", "Z")}])
def test_model__of_other_labels(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path, labels: dict[str, tuple[str, ...]],
) -> None:  # fmt: skip
    message = r"does not know 5 of its 5 sources \(d1\.x, .*\); train a model on this store"
    model = ("--model", save_untrained(**labels))
    unchanged()
    for arguments in (("score", built, *model), ("normalize", built, *model), ("qscore", built, *model),
                      ("export", built, *model, "--out", tmp_path / "out"),
                      ("crms", built, *model, "--out", tmp_path / "out"),
                      ("statistics", built, *model), ("pairs", built, *model)):  # fmt: skip
        assert re.search(message, atypeak(*arguments).message())
    assert unchanged()


def test_refusals__do_not_wait_for_tensorflow(steps: Finished) -> None:
    """What is missing, or in the way, is told before the seconds that its import takes."""
    script = (
        "import sys; from atypeak_scale.cli import main\n"
        "for line in sys.stdin.read().splitlines():\n"
        "    sys.argv = line.split('\\t')\n"
        "    try: main()\n"
        "    except SystemExit as stop: print(stop.code, sys.argv[1], 'tensorflow' in sys.modules)\n"
    )
    model, no, here = ("--model", steps.model), steps.folder / "no-such", ("--out", steps.folder)
    new = ("--model", steps.folder.with_name("never-made"))
    lines = [
        ("train", no, "--config", steps.config, *new),
        ("train", steps.store, "--config", steps.config, "--model", steps.folder),
        ("train", no, "--config", steps.config, *new, "--seeds", "2"),
        ("search", steps.config, "--store", no, "--out", steps.folder.with_name("never-made")),
        ("score", no, *model), ("normalize", no, *model), ("evidence", no, *model),
        ("explain", no, *model, "--least", "1"), ("groups", no, *model), ("show", no, "1", *model),
        ("show", steps.store, "chr99:5", *model),
        ("groups", steps.store, *model, *here),
        ("groups", steps.store, *model, "--source", "no.such"), ("qscore", no, *model),
        ("qscore", steps.store, *model, *here), ("ur-examples", no, *model),
        ("ur-examples", steps.store, *model, *here),
        ("run", steps.config, "--workdir", no, "--peaks", no, "--crms", steps.crms),
        ("run", steps.config, "--workdir", no, "--peaks", steps.peaks, "--crms", no),
    ]  # fmt: skip
    text = "\n".join("\t".join(["atypeak-scale", *map(str, line)]) for line in lines)
    done = subprocess.run(
        [sys.executable, "-c", script], input=text, text=True, check=True, capture_output=True
    )
    assert done.stdout.splitlines() == [f"2 {line[0]} False" for line in lines]
    assert len(done.stderr.splitlines()) == len(lines)


def test_main__closed_streams_are_told(steps: Finished) -> None:
    command = f"{shlex.quote(sys.executable)} -m atypeak_scale.cli"
    for shell, told in (
        (f"{command} info {steps.store} >&-", "Error: standard output: is closed; let it go to"),
        (
            f"{command} build-store - {steps.crms} s.zarr --cell-line cell <&-",
            "Error: standard input is closed",
        ),
    ):
        done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
        assert done.returncode in (1, 2)
        assert done.stderr.startswith(told)
        assert len(done.stderr.splitlines()) == 1
