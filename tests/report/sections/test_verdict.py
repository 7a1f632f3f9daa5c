"""The verdict: its numbers, by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.assess.evidence.verdict import verdict as trusted
from atypeak_scale.report.page import Missing, Numbers, Text
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.verdict import like_random, section, standing_out, unjudged_sentence

FOUND = pd.DataFrame(
    {
        "dataset": list("abcde"), "tr": ["x"] * 5, "peaks": [1000, 200, 300, 50, 400],
        "share_random": [0.5, 0.1, 0.05, 1.0, 0.3], "share_random_low": [0.4, 0.05, 0.01, 0.9, 0.15],
        "verdict": ["judged", "judged", "judged", "few peaks", "judged"],
    }
)  # fmt: skip


def test_like_random__counts_peaks_of_judged_sources() -> None:
    peaks, share = like_random(FOUND)
    assert peaks == 1900
    assert share == pytest.approx((500 + 20 + 15 + 120) / 1900)
    assert np.isnan(like_random(FOUND[FOUND["verdict"] == "few peaks"])[1])


def test_standing_out__are_surely_above_ten_percent_and_twice_the_median() -> None:
    # The median of the judged shares is 0.2.
    assert standing_out(FOUND)["dataset"].tolist() == []
    few = FOUND.assign(share_random=[0.5, 0.05, 0.05, 1.0, 0.06])
    assert standing_out(few)["dataset"].tolist() == ["a", "e"]


def test_section__says_three_sentences_and_five_numbers(results: Results) -> None:
    blocks = section(results).blocks
    sentences = blocks[0]
    assert isinstance(sentences, Text) and len(sentences.paragraphs) == 3
    (numbers,) = [block for block in blocks if isinstance(block, Numbers)]
    values = [one.value for one in numbers.numbers]
    found = results.experiments
    peaks, share = like_random(found)
    assert values[0] == f"{results.cell_line.peak_count:,}"
    assert values[1] == f"{len(found)}"
    assert values[2] in sentences.paragraphs[0] and f"{peaks:,}" in sentences.paragraphs[0]
    assert float(values[2].rstrip("%")) == pytest.approx(100 * share, abs=0.5)
    assert values[3:] == [f"{len(standing_out(found))}", f"{(found['verdict'] != 'judged').sum()}"]


def test_section__trusts_what_the_evidence_says(results: Results) -> None:
    evidence = results.table("evidence", "evidence.tsv")
    assert evidence is not None
    texts = [
        text for block in section(results).blocks if isinstance(block, Text) for text in block.paragraphs
    ]
    assert trusted(evidence) in texts
    alone = Results(results.article, results.support)
    assert "evidence" in [block.stage for block in section(alone).blocks if isinstance(block, Missing)]


def test_section__without_support_does_not_speak_of_chance(of_article: Results) -> None:
    blocks = section(of_article).blocks
    assert [block.stage for block in blocks if isinstance(block, Missing)] == ["support"]
    said = " ".join(text for block in blocks if isinstance(block, Text) for text in block.paragraphs)
    assert not re.search(r"\d%", said)


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["judged"] * 3, "All experiments can be judged"),
        (
            ["judged", "low power", "low power"],
            "The 7 peaks of 2 experiments cannot be judged, because the other",
        ),
        (
            ["judged", "few peaks", "judged"],
            "The 7 peaks of 1 experiment cannot be judged, because it has too few",
        ),
        (
            ["few peaks", "low power", "low power"],
            "The 7 peaks of 3 experiments cannot be judged: 1 experiment has too few peaks, and",
        ),
        (["few peaks", "low power", "judged"], "those of 1 from random places."),
    ],
)
def test_unjudged_sentence__says_why(verdicts: list[str], said: str) -> None:
    assert said in unjudged_sentence(pd.DataFrame({"verdict": verdicts}), 7)
