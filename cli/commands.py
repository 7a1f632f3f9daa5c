"""The group of all commands, in the order in which a user needs them."""

import click

from .build_store import build_store
from .demo import demo
from .export import export
from .info import info
from .normalize import normalize
from .pairs import pairs
from .qscore import qscore
from .run import run
from .score import score
from .simulate import simulate
from .statistics import statistics
from .train import train
from .verify import verify


class _InOrder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder)
@click.version_option(package_name="atypeak-scale")
def commands() -> None:
    """Find the peaks of a binding catalogue that their neighbours do not corroborate.

    Begin with 'atypeak-scale demo', or 'atypeak-scale run CONFIG' on your own files.
    """


for command in (
    demo, run, simulate, build_store, info, train, score, normalize, export, qscore, statistics, pairs, verify,
):  # fmt: skip
    commands.add_command(command)
