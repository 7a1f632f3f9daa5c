"""`atypeak-scale verify`."""

import click

from atypeak_scale.errors import AtypeakError
from atypeak_scale.execution.cluster import Cluster

from .common import cluster_options, progress_bar, results_option


@click.command()
@click.argument("store", type=click.Path())
@results_option
@cluster_options
def verify(store: str, results: str | None, cluster: Cluster) -> None:
    """Read all of STORE and report what is damaged; exit code 1 where anything is."""
    from atypeak_scale.store.verify import verify_store

    with progress_bar() as progress:
        found = verify_store(store, cluster, progress, results)
    for damage in found.damages:
        click.echo(damage)
    click.echo(f"{found.chunks:,} chunks of {found.arrays:,} arrays read, {len(found.damages)} damages")
    if found.damages:
        raise AtypeakError(f"{store}: is damaged, as listed above")
