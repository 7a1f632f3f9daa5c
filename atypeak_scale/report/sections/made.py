"""How was it made? Methods in five sentences, words, provenance, and the files behind the page."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from atypeak_scale.registry.report_columns import FILES, PROVENANCE
from atypeak_scale.report.page import Block, Listing, Section, Terms, Text
from atypeak_scale.report.results import Results
from atypeak_scale.storage.locations import name_of

METHODS = (
    "The catalogue is cut into modules (cis-regulatory modules, CRMs), and each module into windows that "
    "hold, for every experiment, which stretches its peaks cover.",
    "Support: a network and a regression predict each experiment from all others, without seeing the peak "
    "that they judge.",
    "The same is asked at random places of the modules; how much more support a peak has than these gives "
    "its p, and, with the share of peaks like random ones, its doubt.",
    "The article's score (Ferré et al., BMC Bioinformatics 22:460, 2021): an autoencoder compresses each "
    "window and rebuilds it; what it rebuilds of a peak, normalized by experiment and regulator, is the "
    "final score.",
    "Nothing here says that a peak is functional: a doubtful one may be an artefact, a rare but real event, "
    "or one whose partners were never assayed.",
)
WORDS = (
    ("experiment, source", "one regulator in one dataset; its peaks are judged together"),
    ("module, CRM", "a cis-regulatory module of the CRM file, such as an enhancer or a promoter"),
    ("support", "what the other experiments say for a peak, in log-odds; compare it within one experiment"),
    ("doubt", "probability that a peak lies at random, 0 to 1; trust is 1 - doubt"),
    ("like random", "share of an experiment's peaks that lie no better than random places"),
    ("power", "probability that a peak has more support than a random place: 0.5 is chance, 1 is perfect; at "
              "about 0.6 or less an experiment cannot be judged"),
    ("final score", "the article's: 750 is average for the regulator, 375 one standard deviation below"),
    ("phantom", "a peak that the model adds, because it expects it with those that are there"),
    ("confirmed", "a peak that another dataset of the same regulator has too"),
)  # fmt: skip


def section(results: Results, others: tuple[Section, ...]) -> Section:
    """Return the last section; `others` are those before it, whose tables it lists."""
    tables = [block for one in others for block in one.blocks if isinstance(block, Listing)]
    files = pd.DataFrame(
        [(f"tables/{one.name}.tsv", len(one.frame), one.table.description) for one in tables],
        columns=[column.name for column in FILES.columns],
    )
    facts = pd.DataFrame(provenance(results), columns=[column.name for column in PROVENANCE.columns])
    blocks: tuple[Block, ...] = (
        Text(METHODS),
        Terms(WORDS),
        Listing(
            "files", "The tables of this page, as files", FILES, files,
            "They lie in the folder of this page; each table above can also be saved from the page itself.",
            rows=40,
        ),
        Listing(
            "provenance", "What it was made from", PROVENANCE, facts,
            "Input files with their size and SHA-256, all settings, and the versions of the programs.",
            rows=12,
        ),
    )  # fmt: skip
    return Section(
        "made", "How was it made?", "With which method, from which files, and where are the numbers?", blocks
    )


def provenance(results: Results) -> list[tuple[str, str, str]]:
    """Return what the scores were made from: of what, name, value."""
    facts: list[tuple[str, str, str]] = []
    told = results.scores.provenance()
    facts += [("data", name, value) for name, value in _flat(told["store"])]
    for scores in results.each:
        facts.append((scores.objective, "model", name_of(scores.model)))
        facts += [(scores.objective, name, value) for name, value in _flat(scores.provenance()["scores"])]
    facts += [("versions", name, value) for name, value in _flat(told["versions"])]
    return facts


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield every value of nested mappings with its path, those that are not set left out."""
    for name, value in values.items():
        path = f"{before}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}.")
        elif value is not None:
            yield path, str(value)
