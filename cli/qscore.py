"""`atypeak-scale qscore`."""

import click

from atypeak_scale.execution.executor import Executor

from .chosen import Chosen, model_options
from .common import executor_options, import_tensorflow_quietly
from .progress import progress_on
from .settings import normalization_options, normalization_settings
from .summary import Summary, summary_option


@click.command()
@click.option("--out", type=click.Path(), metavar="DIR",
              help="New folder for the tables. Default: none are written.")  # fmt: skip
@model_options(required=True, of_support=False, of_run=("article",))
@normalization_options
@executor_options
@summary_option
def qscore(
    chosen: Chosen,
    summary: Summary,
    out: str | None,
    sample: str | None,
    seed: int | None,
    executor: Executor,
) -> None:
    """Compute the Q-score of a model: does it know which labels of STORE go together? Lower is better.

    The scores of STORE are neither needed nor changed. The matrices are kept with them.
    """
    from atypeak_scale.provenance import refuse_existing_output

    if out is not None:
        refuse_existing_output(out)
    scores = chosen.scores()
    settings = normalization_settings(scores.config, sample, seed)
    import_tensorflow_quietly()
    from atypeak_scale.assess.quality.qscore import qscore

    with progress_on(executor):
        found = qscore(scores, settings, out, executor=executor)
    total, sampled = found["total"].item(), found.attrs["sampled_windows"]
    summary.say(f"Q-score {total:.4f} from {sampled:,} windows", q_score=total, sampled_windows=sampled)
