"""`atypeak-scale info`."""

import click

from .chosen import results_option, store_argument
from .summary import Summary, summary_option


@click.command()
@store_argument
@results_option
@summary_option
def info(store: str, summary: Summary, results: str | None) -> None:
    """Summarize what STORE holds."""
    from atypeak_scale.store.info import info

    summary.facts(info(store, results))
