"""`atypeak-scale build-store`."""

import click

from atypeak_scale.execution.cluster import Cluster

from .common import cluster_options, dry_run_options, print_facts, progress_bar
from .settings import selection_options, store_config


@click.command("build-store")
@click.argument("peaks")
@click.argument("crms")
@click.argument("store", type=click.Path())
@selection_options
@dry_run_options
@cluster_options
def build_store(
    peaks: str,
    crms: str,
    store: str,
    dry_run: bool,
    as_json: bool,
    cluster: Cluster,
    **settings: object,
) -> None:
    """Build the STORE of a cell line from PEAKS and CRMS.

    Both are BED files: plain, gzip, bgzip or xz, and - is standard input. PEAKS names its peaks
    dataset.TR.cell_line. A STORE that exists gets one more cell line.
    """
    from atypeak_scale.store import build

    config = store_config(settings)
    with progress_bar() as progress:
        if dry_run:
            plan = build.plan_build(peaks, crms, config, progress)
        else:
            result = build.build_store(peaks, crms, store, config, cluster, progress)
    print_facts(plan if dry_run else result, as_json)
