"""What several commands share: options, progress, printing plans."""

import functools
import importlib
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from atypeak_scale.config import Precision
from atypeak_scale.execution.cluster import Event, Progress, chosen_cluster
from atypeak_scale.storage.locations import is_url

if TYPE_CHECKING:
    import pandas as pd

    from atypeak_scale.pipeline import StageReport

SECONDS_BETWEEN_LINES = 20
Command = TypeVar("Command", bound=Callable[..., Any])


class FolderOrUrl(click.Path):
    """A folder, which must exist where that is asked for, or a URL, which is looked at when it is used."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a URL as it is."""
        return value if is_url(value) else super().convert(value, param, ctx)


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where work runs; the command gets them as one `cluster`."""

    @functools.wraps(command)
    def with_cluster(
        *, workers: int | None, scheduler: str | None, memory_limit: str | None, **others: Any
    ) -> Any:
        cluster = chosen_cluster(workers, scheduler, memory_limit)
        if cluster.is_elsewhere:
            _silence_dask()
        return command(cluster=cluster, **others)

    for option in (
        click.option("--memory-limit", metavar="SIZE", help="Of each of these processes, such as 4GB."),
        click.option("--scheduler", metavar="ADDRESS",
                     help="Run on the Dask cluster of this scheduler. Default: as Dask is configured."),
        click.option("--workers", type=click.IntRange(min=1), metavar="N",
                     help="Run on N local single-thread processes. Default: in this process."),
    ):  # fmt: skip
        with_cluster = option(with_cluster)
    return with_cluster


def _silence_dask() -> None:
    """Keep Dask's own reports, tracebacks among them, off the terminal: errors are told in one line of ours.

    Its loggers get their levels when it is imported, so it is imported first.
    """
    importlib.import_module("distributed")
    for name in ["asyncio", *logging.root.manager.loggerDict]:
        if name.split(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def results_option(command: Command) -> Command:
    """Add --results, the place of scores that are not in the store."""
    return click.option("--results", type=FolderOrUrl(file_okay=False), metavar="DIR",
                        help="Folder or URL for what is found, beside a STORE that is only read. "
                        "Default: in STORE.")(command)  # fmt: skip


def model_options(required: bool, several: bool = False) -> Callable[[Command], Command]:
    """Return the options that name a model, or several, how it scored, a cell line, and where results are."""

    def add(command: Command) -> Command:
        for option in (
            results_option,
            click.option("--precision", type=click.Choice(get_args(Precision)),
                         help="Of the large matrix products. Default: float32, or as the model says."),
            click.option("--crumbs", type=click.FloatRange(min=0), metavar="C",
                         help="Crumbs at scoring (SPEC 4.3). Default: the model's configuration, 0 there."),
            click.option("--cell-line", metavar="NAME", help="Needed where the store holds several."),
            click.option("--model", required=required, type=FolderOrUrl(exists=True, file_okay=False),
                         multiple=several, metavar="DIR",
                         help="Trained model, folder or URL" + ("; may be given again." if several else ".")),
        ):  # fmt: skip
            command = option(command)
        return command

    return add


def dry_run_options(command: Command) -> Command:
    """Add --dry-run and --json."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="With --dry-run: print the plan as JSON."),
        click.option("--dry-run", is_flag=True, help="Print the plan and stop; nothing is written."),
    ):
        command = option(command)
    return command


def readable_bytes(size: float) -> str:
    """Return a size in the largest unit that leaves a number of 1 or more."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def print_facts(facts: Any, as_json: bool) -> None:
    """Print a dataclass, a mapping or a list of them, one fact a line or as JSON."""
    plain = _plain(facts)
    if as_json:
        click.echo(json.dumps(plain, indent=1, default=str))
        return
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
    """Print a table for the eye: a line a row, four digits of every number."""
    click.echo(table.to_string(index=False, na_rep="-", float_format="{:.4g}".format))


def print_reports(reports: "list[StageReport]") -> None:
    """Print the stages of a run, what became of each, and the peak memory."""
    from atypeak_scale.pipeline import peak_memory

    for report in reports:
        outcome = "up to date" if report.skipped else f"{report.seconds:.1f} s"
        click.echo(f"{report.name:<12} {outcome:>10}  {report.output}")
    click.echo(f"peak memory  {readable_bytes(peak_memory()):>10}")


def import_tensorflow_quietly() -> None:
    """Import TensorFlow without the lines about its own build, which no log level of its own turns off.

    They are written by C++ before logging is set up, so the file descriptor itself is turned away; what was
    written is shown where the import fails.
    """
    if "tensorflow" in sys.modules:
        return
    with tempfile.TemporaryFile() as kept:
        sys.stderr.flush()
        standard_error = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        except BaseException:
            kept.seek(0)
            os.write(standard_error, kept.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show progress on standard error: bars on a terminal, else a line as each stage ends."""
    if sys.stderr.isatty():
        with _bars() as listener:
            yield listener
    else:
        yield _Lines()


class _Lines:
    """Progress as lines: what an event has to say, now and then the rate and the time left, and each end."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._told = time.monotonic()

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        began = self._began.setdefault(event.stage, now)
        if event.detail:
            click.echo(f"{event.stage} {event.done}/{event.total}: {event.detail}", err=True)
        elif event.total and event.done == event.total:
            click.echo(f"{event.stage}: done, {event.total:,}", err=True)
        elif event.done and event.total and now - self._told > SECONDS_BETWEEN_LINES:
            rate = event.done / (now - began)
            left = (event.total - event.done) / rate
            click.echo(
                f"{event.stage} {event.done:,}/{event.total:,}: {rate:.3g} a second, {left:.0f} s left",
                err=True,
            )
        else:
            return
        self._told = now


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True, text_format_no_percentage=""), TimeRemainingColumn(),
    )  # fmt: skip
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def listen(event: Event) -> None:
            if event.stage not in tasks:
                tasks[event.stage] = bars.add_task(event.stage, total=event.total)
            bars.update(tasks[event.stage], completed=event.done, total=event.total)
            if event.detail:
                bars.console.print(
                    f"{event.stage} {event.done}/{event.total}: {event.detail}", highlight=False
                )

        yield listen
