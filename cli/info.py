"""`atypeak-scale info`."""

import click

from .common import print_facts, results_option


@click.command()
@click.argument("store", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@results_option
def info(store: str, as_json: bool, results: str | None) -> None:
    """Summarize what STORE holds."""
    from atypeak_scale.store.summary import summarize

    print_facts(summarize(store, results), as_json)
