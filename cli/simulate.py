"""`atypeak-scale simulate`."""

import shlex
from typing import TYPE_CHECKING

import click

from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.storage.locations import local_path

from .progress import progress_on
from .summary import Summary, summary_option

if TYPE_CHECKING:
    from atypeak_scale.catalogue.artificial import ArtificialSettings


@click.command()
@click.argument("out", type=click.Path())
@click.option("--crms", type=int, metavar="N", help="Number of CRMs. Default: 10000.")
@click.option("--datasets", type=int, metavar="M", help="Number of datasets. Default: 8.")
@click.option("--trs", type=int, metavar="T", help="Number of TRs. Default: 8.")
@click.option("--seed", type=int, metavar="N", help="The same seed gives the same files. Default: 1.")
@click.option("--crm-length", type=int, metavar="BP", help="Length of each CRM, bp. Default: 3200.")
@click.option("--watermark-probability", type=float, metavar="P",
              help="Probability of a peak of the first source along a whole CRM. Default: 0.75.")  # fmt: skip
@click.option("--group-rule", metavar="RULE",
              help="Groups of TRs: halves; equal (with --groups); fours: the first --groups groups of 4 TRs; "
              "or overlapping: the first half, and all. Default: halves.")  # fmt: skip
@click.option("--groups", type=int, metavar="N", help="Number of groups, only for the rules equal and fours.")
@click.option("--odds", metavar="A,B",
              help="Odds of drawing each group, one number for each group. Default: equal.")  # fmt: skip
@click.option("--reliable-datasets", type=int, metavar="N",
              help="Stacks use the last N datasets. Default: half of them, rounded up.")  # fmt: skip
@click.option("--stack-rate", type=float, metavar="R",
              help="A stack has 1+Poisson(R) datasets and 1+Poisson(R) rounds of 1+Poisson(R) TRs. "
              "Default: 1.")  # fmt: skip
@click.option("--false-negative-probability", type=float, metavar="P",
              help="Probability of dropping each peak of a stack. Default: 0.25.")  # fmt: skip
@click.option("--jitter", type=int, metavar="BP",
              help="Largest shift of a TR from the centre of its stack, bp. Default: 200.")  # fmt: skip
@click.option("--length-median", type=int, metavar="BP",
              help="Median length of a peak on each side of its centre, bp. Default: 250.")  # fmt: skip
@click.option("--length-sigma", type=float, metavar="S",
              help="Standard deviation of the logarithm of that length. Default: 0.25.")  # fmt: skip
@click.option("--noise-rate", type=float, metavar="R",
              help="A CRM has 1+Poisson(R) peaks of noise. Default: 1.")  # fmt: skip
@summary_option
def simulate(out: str, summary: Summary, **options: object) -> None:
    """Write an artificial catalogue to the new folder OUT: peaks.bed, crms.bed and truth.tsv.

    Each peak is watermark, noise, or part of a stack of one group of TRs; truth.tsv says which is which.
    """
    from atypeak_scale.catalogue import artificial

    settings, executor = _settings(options), InProcess()
    with progress_on(executor):
        files = artificial.simulate(settings, local_path(out), executor=executor)
    summary.files(
        [
            (files.crms, f"{files.crm_count:,} CRMs"),
            (
                files.peaks,
                f"{files.watermark_count:,} watermark, {files.stack_count:,} stack and "
                f"{files.noise_count:,} noise peaks",
            ),
            (files.truth, "kind and group of each peak"),
        ]
    )
    inputs = shlex.join(map(str, (files.peaks, files.crms, files.peaks.parent / "store.zarr")))
    summary.say(
        f"next: atypeak-scale build-store {inputs} --cell-line {artificial.CELL_LINE} --min-crm-peaks 0"
    )


def _settings(options: dict[str, object]) -> "ArtificialSettings":
    """Return the settings for the given options; all others keep their defaults."""
    from pydantic import ValidationError

    from atypeak_scale.catalogue.artificial import ArtificialSettings

    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(odds := given.get("odds"), str):
        given["odds"] = odds.split(",")
    try:
        return ArtificialSettings.model_validate(given)
    except ValidationError as failure:
        error = failure.errors()[0]
        message = error["msg"].removeprefix("Value error, ")
        if error["loc"]:
            option = str(error["loc"][0]).replace("_", "-")
            message = f"--{option}: {message} (found {error['input']!r})"
        raise InputError(message) from None
