"""The group of all commands, in the order in which a user needs them."""

import click

from .build_store import build_store
from .catalogue import catalogue
from .compare_releases import compare_releases
from .crms import crms
from .demo import demo
from .evidence import evidence
from .explain import explain
from .export import export
from .groups import groups
from .info import info
from .make_crms import make_crms
from .normalize import normalize
from .pairs import pairs
from .qscore import qscore
from .report import report
from .run import run
from .score import score
from .search import search
from .show import show
from .simulate import simulate
from .split import split
from .statistics import statistics
from .survey import survey
from .train import train
from .ur_examples import ur_examples
from .verify import verify


class _InOrder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="atypeak-scale")
def commands() -> None:
    """Find the peaks of a binding catalogue that the other experiments do not corroborate.

    Begin with 'atypeak-scale demo', or 'atypeak-scale run CONFIG' on your own files.
    """


for command in (
    demo, run, report, simulate, survey, split, catalogue, make_crms, build_store, info, train, search, score,
    normalize, export, evidence, explain, show, crms, compare_releases, statistics, pairs, qscore, groups,
    ur_examples, verify,
):  # fmt: skip
    commands.add_command(command)
