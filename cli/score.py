"""`atypeak-scale score`."""

import re

import click

from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor

from .chosen import Chosen, model_options
from .common import dry_run_option, executor_options, import_tensorflow_quietly
from .progress import progress_on
from .summary import Summary, summary_option


@click.command()
@model_options(required=True)
@click.option("--part", metavar="I/N", help="Score only part I of N, as one task of a job array.")
@dry_run_option
@executor_options
@summary_option
def score(
    chosen: Chosen, part: str | None, dry_run: bool, summary: Summary, executor: Executor
) -> None:  # fmt: skip
    """Score every peak of STORE by a model of support, or of the article.

    Support is what the other sources say for a peak, compared with random placements. The article's score is
    how well the model rebuilds the peak.

    If it was stopped, run it again: it continues where it left off.
    """
    from atypeak_scale.scoring import score as scoring
    from atypeak_scale.scoring.known import scored_peaks
    from atypeak_scale.scoring.support.summary import summary as of_support

    scores = chosen.scores()
    if dry_run:
        summary.facts(scoring.plan_score(scores))
        return
    if not executor.is_elsewhere:
        import_tensorflow_quietly()
    if part is not None:
        number, parts = _numbers(part)
        with progress_on(executor):
            scored = scoring.score_part(scores, number, parts, executor=executor)
        summary.say(
            f"scored {scored:,} blocks; when all parts are done: atypeak-scale score without --part",
            blocks=scored,
        )
        return
    with progress_on(executor):
        scoring.complete(scores, executor=executor)
    if scores.objective == "support":
        summary.sentences("found", of_support(scores))
        summary.say("next: atypeak-scale export")
        return
    peaks, windows = scored_peaks(scores), scores.cell_line.shape.windows
    summary.say(
        f"scored {peaks:,} peaks in {windows:,} windows; next: atypeak-scale normalize",
        peaks=peaks, windows=windows,
    )  # fmt: skip


def _numbers(part: str) -> tuple[int, int]:
    numbers = re.fullmatch(
        r"([0-9]{1,9})/([0-9]{1,9})", part
    )  # `isdigit` takes other digits, and superscripts
    if not numbers:
        raise InputError(f"--part {part!r}: expected two whole numbers, such as 3/10")
    return int(numbers[1]), int(numbers[2])
