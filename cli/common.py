"""What several commands share: arguments, options, printing, and a TensorFlow that keeps quiet."""

import functools
import importlib
import logging
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import pandas as pd


Command = TypeVar("Command", bound=Callable[..., Any])
AnyCommand = Callable[..., Any]  # a command whose parameters depend on its options


def executor_options(command: AnyCommand) -> AnyCommand:
    """Add the options that say where work runs. The command gets an `executor`, which is closed afterwards.

    A cluster is started or joined when the executor is first used.
    """

    @functools.wraps(command)
    def with_executor(
        *, workers: int | None, scheduler: str | None, memory_limit: str | None, **others: Any
    ) -> Any:
        from atypeak_scale.execution.dask_executor import executor as executor_of

        with executor_of(workers, scheduler, memory_limit) as executor:
            if executor.is_elsewhere:
                _silence_dask()
            return command(executor=executor, **others)

    for option in (
        click.option("--memory-limit", metavar="SIZE", help="Memory limit of each process, such as 4GB."),
        click.option("--scheduler", metavar="ADDRESS",
                     help="Run on the Dask cluster of this scheduler. Default: as Dask is configured."),
        click.option("--workers", type=click.IntRange(min=1), metavar="N",
                     help="Run on N local single-thread processes. Default: in this process."),
    ):  # fmt: skip
        with_executor = option(with_executor)
    return with_executor


def _silence_dask() -> None:
    """Keep Dask's own reports and tracebacks off the terminal: we report each error in one line.

    Importing Dask sets the levels of its loggers, so import it first.
    """
    importlib.import_module("distributed")
    for name in ["asyncio", *logging.root.manager.loggerDict]:
        if name.split(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def score_option(command: Command) -> Command:
    """Add --score, the name of a score of the peaks."""
    return click.option("--score", metavar="NAME",
                        help="Score of the peaks. Of the article's method: final (the default), raw or "
                        "k_normalized. Of support: trust, which is 1 - doubt (the default), doubt, support, "
                        "p_random, q_random, network, regression or overlapping_sources."
                        )(command)  # fmt: skip


track_line_option = click.option(
    "--track-line", is_flag=True, help="Begin BED files with a track line, for the UCSC browser."
)


dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print the plan and stop, without writing anything."
)


def readable_bytes(size: float) -> str:
    """Return a size in the largest unit that leaves a number of 1 or more."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def print_facts(facts: Any) -> None:
    """Print a dataclass, a mapping or a list of them, one fact per line."""
    plain = _plain(facts)
    for number, item in enumerate(plain if isinstance(plain, list) else [plain]):
        if number:
            click.echo()
        _print_mapping(item, "")


def _plain(facts: Any) -> Any:
    if isinstance(facts, list):
        return [_plain(item) for item in facts]
    return asdict(facts) if is_dataclass(facts) and not isinstance(facts, type) else facts


def _print_mapping(facts: dict[str, Any], indent: str) -> None:
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        label = f"{indent}{name.replace('_', ' '):<{width}}"
        if isinstance(value, dict):
            click.echo(f"{indent}{name.replace('_', ' ')}")
            _print_mapping(value, indent + "  ")
        elif value is not None:
            shown = _shown(name, value)
            click.echo(f"{label}  {shown}")


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if "bytes" in name:
        return readable_bytes(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def print_table(table: "pd.DataFrame") -> None:
    """Print a table for people: a line for each row, four digits of every number."""
    click.echo(table.to_string(index=False, na_rep="-", float_format=_four_digits))


def _four_digits(value: float) -> str:
    return f"{value + 0.0:.4g}"  # adding 0 makes -0 one


def import_tensorflow_quietly() -> None:
    """Import TensorFlow without the lines about its own build, which none of its log levels turns off.

    C++ writes them before logging is set up, so the file descriptor itself is redirected. If the import
    fails, what was written is shown.
    """
    if "tensorflow" in sys.modules:
        return
    with tempfile.TemporaryFile() as kept:
        sys.stderr.flush()
        standard_error = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            importlib.import_module("atypeak_scale.keras_backend")
        except Exception:
            kept.seek(0)
            os.write(standard_error, kept.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)


def peak_memory() -> int:
    """Return the largest resident size so far, in bytes, of this process or of any that it started."""
    largest = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return largest if sys.platform == "darwin" else largest * 1024
