"""`atypeak-scale verify`."""

import click

from atypeak_scale.errors import AtypeakError
from atypeak_scale.execution.executor import Executor

from .chosen import results_option, store_argument
from .common import executor_options
from .progress import progress_on


@click.command()
@store_argument
@results_option
@executor_options
def verify(store: str, results: str | None, executor: Executor) -> None:
    """Read all of STORE and report any damage; the exit code is 1 if there is some."""
    from atypeak_scale.store.verify import verify

    with progress_on(executor):
        found = verify(store, results, executor=executor)
    for damage in found.damages:
        click.echo(damage)
    of_damage = "nothing is damaged" if not found.damages else f"damaged: {len(found.damages)}"
    click.echo(f"{found.chunks:,} chunks of {found.arrays:,} arrays read; {of_damage}")
    if found.damages:
        raise AtypeakError(f"{store}: is damaged, as listed above")
