"""`atypeak-scale compare-releases`."""

import click

from atypeak_scale.execution.executor import Executor

from .common import executor_options, score_option
from .progress import progress_on
from .summary import Summary, summary_option


@click.command("compare-releases")
@click.argument("scores", type=click.Path())
@click.argument("new_peaks")
@click.argument("crms")
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="New folder for the tables.")
@score_option
@click.option("--typical", type=float, metavar="X",
              help="Mean score of a typical CRM. Default: 500 for final, 0.5 for trust.")  # fmt: skip
@executor_options
@summary_option
def compare_releases(
    scores: str, new_peaks: str, crms: str, out: str, score: str | None, typical: float | None,
    summary: Summary, executor: Executor,
) -> None:  # fmt: skip
    """Check whether a newer catalogue, NEW_PEAKS, adds peaks in the CRMs that scored low here.

    SCORES is a folder that 'export' wrote, NEW_PEAKS a BED file, CRMS the CRM file that the store was
    built from. Peaks of both catalogues are counted in every CRM, and for every TR in every CRM. From the
    newer catalogue, peaks count if they are of the same cell line and of a TR that has scores, whatever their
    dataset. Names must be spelled as in SCORES.
    """
    from atypeak_scale.assess.regions.releases import compare_releases

    with progress_on(executor):
        found = compare_releases(
            scores, new_peaks, crms, out, executor=executor, score=score, typical=typical
        )
    name = "" if found.score.name == "final" else f" ({found.score.name})"
    summary.say(f"Spearman correlation of mean score{name} and ratio of peaks, newer to scored")
    typical_crms = (
        f"CRMs with mean {found.typical:g} or {'more' if found.score.is_trusted_if_high else 'less'}"
    )
    for row in found.overall():
        summary.say(
            f"{row.unit:<12} {row.spearman:6.3f}, p {row.p:.1e}, of {row.count:,}; in {typical_crms} "
            f"{row.typical_spearman:6.3f}, p {row.typical_p:.1e}, of {row.typical_count:,}",
            **{row.unit: row},
        )
    summary.files(found.files())
