"""`atypeak-scale qscore`."""

import click

from atypeak_scale.config import Precision
from atypeak_scale.execution.cluster import Cluster

from .common import cluster_options, import_tensorflow_quietly, model_options, progress_bar
from .settings import normalization_options, normalization_settings


@click.command()
@click.argument("store", type=click.Path())
@click.option("--out", type=click.Path(), metavar="DIR",
              help="New folder for the tables. Default: none are written.")  # fmt: skip
@model_options(required=True)
@normalization_options
@cluster_options
def qscore(
    store: str,
    out: str | None,
    model: str,
    cell_line: str | None,
    crumbs: float | None,
    precision: Precision | None,
    results: str | None,
    sample: str | None,
    seed: int | None,
    cluster: Cluster,
) -> None:
    """Compute the Q-score of a model: whether it knows which labels of STORE go together; lower is better.

    The scores of STORE are neither needed nor changed. The matrices are kept beside them.
    """
    import_tensorflow_quietly()
    from atypeak_scale.assess.quality.qscore import q_score
    from atypeak_scale.scoring.blocks import score_run

    run = score_run(store, model, cell_line, crumbs, precision, results)
    settings = normalization_settings(run.config, sample, seed)
    with progress_bar() as progress:
        found = q_score(run, settings, out, cluster, progress)
    click.echo(f"Q-score {found['total'].item():.4f} from {found.attrs['sampled_windows']:,} windows")
