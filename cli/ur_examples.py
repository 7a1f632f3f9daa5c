"""`atypeak-scale ur-examples`."""

import click

from atypeak_scale.execution.executor import Executor

from .chosen import Chosen, model_options
from .common import executor_options, import_tensorflow_quietly
from .progress import progress_on
from .summary import Summary, summary_option


@click.command("ur-examples")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the noise.")
@click.option("--out", type=click.Path(), metavar="DIR",
              help="New folder for the table of strongest sources. Default: none is written.")  # fmt: skip
@model_options(required=True, of_support=False, of_run=("article",))
@executor_options
@summary_option
def ur_examples(chosen: Chosen, summary: Summary, out: str | None, seed: int, executor: Executor) -> None:
    """Show what each unit of a model's encoded layer looks for: the window that excites it most.

    The scores of STORE are neither needed nor changed. The windows are kept with them.
    """
    from atypeak_scale.provenance import refuse_existing_output

    if out is not None:
        refuse_existing_output(out)
    scores = chosen.scores()
    if not executor.is_elsewhere:
        import_tensorflow_quietly()
    from atypeak_scale.assess.interpretation.ur_examples import ur_examples

    with progress_on(executor):
        found = ur_examples(scores, seed, out, executor=executor)
    dead = int((found["activation"] <= 0).sum())
    units = found.sizes["unit"]
    summary.say(f"ur-examples of {units} units; nothing excites {dead} of them", units=units, dead_units=dead)
