"""`atypeak-scale verify`."""

import click

from atypeak_scale.errors import AtypeakError
from atypeak_scale.execution.executor import Executor

from .chosen import results_option, store_argument
from .common import executor_options
from .progress import progress_on
from .summary import Summary, summary_option


@click.command()
@store_argument
@results_option
@executor_options
@summary_option
def verify(store: str, results: str | None, summary: Summary, executor: Executor) -> None:
    """Read all of STORE and report any damage; the exit code is 1 if there is some."""
    from atypeak_scale.store.verify import verify

    with progress_on(executor):
        found = verify(store, results, executor=executor)
    summary.sentences("damages", found.damages)
    of_damage = "nothing is damaged" if not found.damages else f"damaged: {len(found.damages)}"
    summary.say(
        f"{found.chunks:,} chunks of {found.arrays:,} arrays read; {of_damage}",
        chunks=found.chunks, arrays=found.arrays,
    )  # fmt: skip
    if found.damages:
        summary.finish()
        raise AtypeakError(f"{store}: is damaged, as listed above")
