"""`atypeak-scale train`."""

import click

from atypeak_scale.execution.cluster import Cluster

from .common import cluster_options, import_tensorflow_quietly, progress_bar


@click.command()
@click.argument("store", type=click.Path())
@click.option(
    "--config", required=True, metavar="FILE", help="YAML configuration, or the name of a bundled one."
)
@click.option(
    "--model", required=True, type=click.Path(), metavar="DIR", help="New folder or URL for the model."
)
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the seed of the configuration.")
@click.option("--seeds", type=click.IntRange(min=1), metavar="N",
              help="Train N models, from that seed on, in DIR/seed-...; those that are there are kept."
)  # fmt: skip
@cluster_options
def train(store: str, config: str, model: str, seed: int | None, seeds: int | None, cluster: Cluster) -> None:
    """Train the autoencoder of a cell line of STORE. Ctrl-C keeps the best weights so far.

    Only several seeds can be trained elsewhere, each by one worker.
    """
    from atypeak_scale.config import load_config, with_seed

    settings = with_seed(load_config(config), seed)
    if seeds is not None:
        from atypeak_scale.model.seeds import train_seeds

        with progress_bar() as progress:
            for folder in train_seeds(store, settings, seeds, model, cluster, progress):
                click.echo(folder)
        return
    import_tensorflow_quietly()
    from atypeak_scale.model.training.train import train_and_save

    with progress_bar() as progress:
        result = train_and_save(store, settings, model, progress)
    click.echo(
        f"{result.explain()}; the weights of epoch {result.kept_epoch}, "
        f"loss {result.kept_loss:.6f}, are in {model}"
    )
