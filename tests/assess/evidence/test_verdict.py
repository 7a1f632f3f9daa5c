"""The one sentence says which score is surely better, and is honest if none is."""

import pandas as pd
import pytest

from atypeak_scale.assess.evidence.verdict import verdict
from atypeak_scale.registry.evidence_columns import EVIDENCE

Rows = list[tuple[str, str, float, float, float, float]]


def table(*rows: tuple[str, str, float, float, float, float]) -> pd.DataFrame:
    """Rows of scope, score, auroc, its lower end, and the interval of its difference to counting."""
    names = [column.name for column in EVIDENCE.named(("dataset", "tr"))]
    frame = pd.DataFrame(float("nan"), index=range(len(rows)), columns=names).astype({"scope": object})
    chosen = ["scope", "score", "auroc", "auroc_low", "over_counts_low", "over_counts_high"]
    for number, name in enumerate(chosen):
        frame[name] = [row[number] for row in rows]
    frame["sources"] = 7
    return frame


COUNT = ("mean", "overlapping_sources", 0.930, 0.929, 0.0, 0.0)


def test_verdict__a_score_that_is_surely_better_is_trusted() -> None:
    found = table(("mean", "support", 0.944, 0.94, 0.010, 0.018), ("mean", "network", 0.99, 0.98, 0.05, 0.06),
                  COUNT, ("mean", "raw", 0.8, 0.79, -0.14, -0.12))  # fmt: skip
    assert verdict(found) == (
        "Trust support: it tells peaks from placements with AUROC 0.944; counting overlapping sources "
        "reaches 0.930, the article's score 0.800 (means over 7 sources)."
    )


def test_verdict__of_the_articles_score() -> None:
    found = table(("mean", "support", 0.944, 0.94, 0.010, 0.018), COUNT,
                  ("mean", "raw", 0.95, 0.94, 0.01, 0.03))  # fmt: skip
    assert verdict(found).startswith(
        "Trust the article's score: it tells peaks from placements with AUROC 0.950"
    )
    assert "reaches 0.930, support 0.944" in verdict(found)


@pytest.mark.parametrize(
    "low, high, how_good", [(-0.001, 0.004, "is as good as"), (0.0, 0.0, "is as good as"),
                            (-0.02, -0.01, "is better than")],
)  # fmt: skip
def test_verdict__counting(low: float, high: float, how_good: str) -> None:
    found = table(("mean", "support", 0.931, 0.93, low, high), COUNT)
    assert verdict(found) == (
        f"Trust the number of overlapping sources: it {how_good} support here, AUROC 0.930 against 0.931 "
        f"(means over 7 sources; support less the number: {low:+.3f} to {high:+.3f})."
    )


def test_verdict__nothing() -> None:
    rows: Rows = [("mean", "support", 0.62, 0.6, 0.01, 0.02),
                  ("mean", "overlapping_sources", 0.6, 0.58, 0, 0),
                  ("mean", "network", 0.7, 0.69, 0.1, 0.2)]  # fmt: skip
    assert verdict(table(*rows)) == (
        "Trust no score here: none surely tells peaks from placements; AUROC of support 0.620, counting "
        "overlapping sources 0.600 (means over 7 sources)."
    )
    rows[1] = ("mean", "overlapping_sources", 0.65, 0.61, 0, 0)
    assert verdict(table(*rows)).startswith("Trust support: ")


def test_verdict__small_sources_decide_only_if_there_are_no_others() -> None:
    small = [
        ("mean of small", *row[1:])
        for row in (("", "support", 0.7, 0.65, 0.01, 0.02), ("", "overlapping_sources", 0.69, 0.65, 0.0, 0.0))
    ]
    assert "AUROC 0.700" in verdict(table(*small))  # type: ignore[arg-type]
    large = [("mean", "support", 0.8, 0.75, 0.01, 0.02), COUNT]
    assert "AUROC 0.800" in verdict(table(*large, *small))  # type: ignore[arg-type]
