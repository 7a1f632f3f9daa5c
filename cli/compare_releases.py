"""`atypeak-scale compare-releases`."""

import click

from atypeak_scale.execution.cluster import Cluster

from .common import cluster_options, progress_bar


@click.command("compare-releases")
@click.argument("scores", type=click.Path())
@click.argument("new_peaks")
@click.argument("crms")
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="New folder for the tables.")
@cluster_options
def compare_releases(
    scores: str,
    new_peaks: str,
    crms: str,
    out: str,
    cluster: Cluster,
) -> None:
    """Ask whether a newer catalogue, NEW_PEAKS, adds peaks where this one scored low.

    SCORES is a folder that 'export' wrote, NEW_PEAKS a BED file, CRMS the CRM file that the store was
    built from. Peaks of both are counted in every CRM, and for every TR in every CRM; of the newer ones
    those of the same cell line and of TRs that have scores, from any dataset, spelled as in SCORES.
    """
    from atypeak_scale.assess.regions.releases import compare_releases

    with progress_bar() as progress:
        found = compare_releases(scores, new_peaks, crms, out, cluster, progress)
    click.echo("Spearman correlation of mean score and ratio of peaks, newer to scored")
    for row in found.overall():
        click.echo(
            f"{row.unit:<12} {row.spearman:6.3f}, p {row.p:.1e}, of {row.count:,}; in CRMs with mean 500 or "
            f"more {row.typical_spearman:6.3f}, p {row.typical_p:.1e}, of {row.typical_count:,}"
        )
    for file, what in found.files():
        click.echo(f"{file}  {what}")
