"""Is the model good? Training, the choice of the model, how scores behave, what single units look for."""

from atypeak_scale.registry.crm_columns import RELEASE_SUMMARY
from atypeak_scale.report.current import RELEASES
from atypeak_scale.report.page import Block, Listing, Missing, Section
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.behaviour import behaviour_blocks
from atypeak_scale.report.sections.choices import choice_blocks
from atypeak_scale.report.sections.training import training_blocks
from atypeak_scale.report.sections.units import unit_blocks


def section(results: Results) -> Section:
    """Return the section of the model."""
    blocks = (
        *training_blocks(results),
        *behaviour_blocks(results),
        *choice_blocks(results),
        *unit_blocks(results),
        *_releases(results),
    )
    return Section(
        "good", "Is the model good?",
        "Was it trained to the end, are its probabilities right, and would another model say the same?",
        blocks,
    )  # fmt: skip


def _releases(results: Results) -> tuple[Block, ...]:
    found = results.table(RELEASES, "summary.tsv")
    if found is None:
        return (Missing("Does a newer release of the catalogue agree?", "releases"),)
    return (
        Listing(
            "releases", "Does a newer release agree?", RELEASE_SUMMARY, found,
            "A negative correlation: where scores are low, the newer release adds more peaks.",
        ),
    )  # fmt: skip
