"""`atypeak-scale info`."""

import click

from .chosen import results_option, store_argument
from .common import print_facts


@click.command()
@store_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@results_option
def info(store: str, as_json: bool, results: str | None) -> None:
    """Summarize what STORE holds."""
    from atypeak_scale.store.info import info

    print_facts(info(store, results), as_json)
