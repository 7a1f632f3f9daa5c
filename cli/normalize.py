"""`atypeak-scale normalize`."""

from statistics import median

import click

from atypeak_scale.execution.executor import Executor

from .chosen import Chosen, model_options
from .common import executor_options, import_tensorflow_quietly
from .progress import progress_on
from .settings import normalization_options, normalization_settings
from .summary import Summary, summary_option


@click.command()
@model_options(required=True, of_support=False, of_run=("article",))
@normalization_options
@executor_options
@summary_option
def normalize(
    chosen: Chosen, summary: Summary, sample: str | None, seed: int | None, executor: Executor
) -> None:
    """Normalize the scores that a model gave to the peaks of STORE, by source and then by TR."""
    scores = chosen.scores()
    settings = normalization_settings(scores.config, sample, seed)
    import_tensorflow_quietly()
    from atypeak_scale.registry.variables import WEIGHT_FLAG
    from atypeak_scale.scoring.normalize import model_agreement, normalize

    with progress_on(executor):
        normalize(scores, settings, executor=executor)
    if len(scores.members) > 1:
        between = model_agreement(scores)
        summary.say(
            f"agreement of {len(scores.members)} models: Spearman of final scores {min(between):.3f} to "
            f"{max(between):.3f}, median {median(between):.3f}",
            agreement=list(between),
        )
    flags = scores.read(WEIGHT_FLAG)
    flagged = sum(map(bool, flags))
    summary.say(
        f"weighted {len(flags)} sources, {flagged} of them flagged; next: atypeak-scale export",
        sources=len(flags), flagged_sources=flagged,
    )  # fmt: skip
