"""`atypeak-scale train`."""

import click

from .common import import_tensorflow_quietly, progress_bar


@click.command()
@click.argument("store", type=click.Path())
@click.option(
    "--config", required=True, metavar="FILE", help="YAML configuration, or the name of a bundled one."
)
@click.option("--model", required=True, type=click.Path(), metavar="DIR", help="New folder for the model.")
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the seed of the configuration.")
def train(store: str, config: str, model: str, seed: int | None) -> None:
    """Train the autoencoder of a cell line of STORE. Ctrl-C keeps the best weights so far."""
    from atypeak_scale.config import load_config, with_seed

    settings = with_seed(load_config(config), seed)
    import_tensorflow_quietly()
    from atypeak_scale.model.train import train_and_save

    with progress_bar() as progress:
        result = train_and_save(store, settings, model, progress)
    click.echo(
        f"{result.explain()}; the weights of epoch {result.kept_epoch}, "
        f"loss {result.kept_loss:.6f}, are in {model}"
    )
