"""`atypeak-scale normalize`."""

from statistics import median

import click

from atypeak_scale.config import Precision
from atypeak_scale.execution.cluster import Cluster

from .common import cluster_options, import_tensorflow_quietly, model_options, progress_bar
from .settings import normalization_options, normalization_settings


@click.command()
@click.argument("store", type=click.Path())
@model_options(required=True)
@normalization_options
@cluster_options
def normalize(
    store: str,
    model: str,
    cell_line: str | None,
    crumbs: float | None,
    precision: Precision | None,
    results: str | None,
    sample: str | None,
    seed: int | None,
    cluster: Cluster,
) -> None:
    """Normalize the scores that a model gave the peaks of STORE: by source, then by TR."""
    import_tensorflow_quietly()
    from atypeak_scale.scoring.blocks import score_run
    from atypeak_scale.scoring.normalize import model_agreement, normalize_scores

    run = score_run(store, model, cell_line, crumbs, precision, results)
    settings = normalization_settings(run.config, sample, seed)
    with progress_bar() as progress:
        found = normalize_scores(run, settings, cluster, progress)
    if len(run.members) > 1:
        between = model_agreement(run)
        click.echo(
            f"agreement of {len(run.members)} models: Spearman of final scores {min(between):.3f} to "
            f"{max(between):.3f}, median {median(between):.3f}"
        )
    flagged = sum(map(bool, found.flag))
    click.echo(f"weighted {len(found.weight)} sources, {flagged} of them flagged; next: atypeak-scale export")
