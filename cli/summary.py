"""What a command says when it is done: lines and tables for people, or one JSON object."""

import functools
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atypeak_scale.storage.locations import Location

from .common import peak_memory, print_facts, print_table, readable_bytes

if TYPE_CHECKING:
    import pandas as pd

    from atypeak_scale.pipeline import StageReport

AnyCommand = Callable[..., Any]


class Summary:
    """Takes every fact with the line that tells it; prints the lines at once, or all facts at the end."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._facts: dict[str, Any] = {}
        self._list: list[Any] | None = None

    def say(self, line: str, **facts: Any) -> None:
        """Print a line; for JSON keep the facts that it tells, of which there may be none."""
        if self.as_json:
            self._facts.update(facts)
        else:
            click.echo(line)

    def sentences(self, name: str, lines: Iterable[str]) -> None:
        """Print some lines; for JSON keep them as they are."""
        told = list(lines)
        if self.as_json:
            self._facts.setdefault(name, []).extend(told)
        else:
            click.echo("".join(f"{line}\n" for line in told), nl=False)

    def table(self, name: str, table: "pd.DataFrame", shown: "pd.DataFrame | None" = None) -> None:
        """Print a table, or what is shown of it; for JSON keep the whole of it as a list of rows."""
        if self.as_json:
            self._facts[name] = table.to_dict("records")
        else:
            print_table(table if shown is None else shown)

    def files(self, files: Iterable[tuple[Location, str]]) -> None:
        """Print each file with what it is."""
        told = [(str(file), what) for file, what in files]
        if self.as_json:
            self._facts.setdefault("files", []).extend({"file": file, "what": what} for file, what in told)
        else:
            click.echo("".join(f"{file}  {what}\n" for file, what in told), nl=False)

    def facts(self, facts: Any) -> None:
        """Print a dataclass, a mapping or a list of them, one fact a line; a list is all that JSON has."""
        if not self.as_json:
            print_facts(facts)
        elif isinstance(facts, list):
            self._list = facts
        else:
            self._facts.update(_plain(facts))

    def finish(self) -> None:
        """Print the JSON object, if that is what was asked for."""
        if self.as_json:
            facts = self._facts if self._list is None else self._list
            click.echo(json.dumps(_plain(facts), indent=1, allow_nan=False))


def tell_reports(summary: Summary, reports: "list[StageReport]") -> None:
    """Tell the stages of a run, the outcome of each, and the peak memory."""
    for report in reports:
        outcome = "up to date" if report.skipped else f"{report.seconds:.1f} s"
        summary.say(f"{report.name:<13} {outcome:>10}  {report.output}")
    memory = peak_memory()
    summary.say(f"peak memory   {readable_bytes(memory):>10}", stages=reports, peak_memory_bytes=memory)


def _plain(value: Any) -> Any:
    """Return a value that JSON has: what is missing becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):  # a number of NumPy
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def summary_option(command: AnyCommand) -> AnyCommand:
    """Add --json. The command gets a `summary`, which prints at the end what JSON was asked for."""

    @functools.wraps(command)
    def with_summary(*, as_json: bool, **others: Any) -> Any:
        summary = Summary(as_json)
        result = command(summary=summary, **others)
        summary.finish()
        return result

    option = click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
    with_option: AnyCommand = option(with_summary)
    return with_option
