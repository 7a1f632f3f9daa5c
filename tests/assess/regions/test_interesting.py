"""Chosen CRMs against the table of all CRMs."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from assess.by_hand import members_by_hand
from scipy.stats import rankdata

from atypeak_scale.assess.regions.interesting import interesting_modules
from atypeak_scale.errors import StageMissingError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.registry.variables import DOUBT
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.result_groups import NORMALIZATION


def by_hand(numbers: pd.DataFrame, kind: str) -> list[int]:
    """Return all CRMs, the most interesting first; numbers: by CRM in order, number, mean and sum."""
    if kind == "best":
        density = numbers["sum"] / numbers["windows"]
        return density.sort_values(ascending=False, kind="stable").index.tolist()
    if kind == "worst":
        rich = numbers[numbers["number"] >= numbers["number"].median()]
        return rich.sort_values("mean", kind="stable").index.tolist()
    ranks = [(rankdata(numbers[of]) - 0.5) / len(numbers) for of in ("number", "mean")]
    away = np.abs(ranks[0] - 0.5) + np.abs(ranks[1] - 0.5)
    return numbers.iloc[np.argsort(away, kind="stable")].index.tolist()


def windows_of(crms: Path, rows: pd.Index) -> list[int]:
    """Return into how many windows CRMs are cut, by their lines."""
    lines = [line.split("\t") for line in crms.read_text().splitlines()]
    return [math.ceil((int(lines[row][2]) - int(lines[row][1])) / 3200) for row in rows]


@pytest.mark.parametrize("count", [1, 4, 1000])
def test_interesting__by_final_scores(
    random_scored: Scores, catalogue: tuple[Path, Path], count: int
) -> None:
    members = members_by_hand(*catalogue, random_scored)
    in_order = list(dict.fromkeys(random_scored.cell_line.data["crm"].values.tolist()))
    finals = pd.DataFrame([(one.crm, one.final) for one in members], columns=["crm", "final"])
    numbers = finals.groupby("crm")["final"].agg(number="count", mean="mean", sum="sum").loc[in_order]
    numbers["windows"] = windows_of(catalogue[1], numbers.index)
    found = interesting_modules(random_scored, count)
    assert found["kind"].unique().tolist() == ["best", "worst", "typical"]
    for kind, part in found.groupby("kind"):
        assert part["crm"].tolist() == by_hand(numbers, str(kind))[:count]
        np.testing.assert_allclose(part["mean"], numbers.loc[part["crm"], "mean"], rtol=1e-6)
        assert part["peaks"].tolist() == numbers.loc[part["crm"], "number"].tolist()
        assert (part["unjudged_peaks"] == 0).all()


def test_interesting__by_trust(
    random_support: Scores, catalogue: tuple[Path, Path], two_workers: DaskExecutor
) -> None:
    trust = (1 - random_support.read(DOUBT)).tolist()
    members = members_by_hand(*catalogue, random_support, trust)
    frame = pd.DataFrame([(one.crm, one.final) for one in members], columns=["crm", "trust"])
    in_order = list(dict.fromkeys(random_support.cell_line.data["crm"].values.tolist()))
    numbers = frame.groupby("crm")["trust"].agg(number="count", mean="mean", sum="sum", peaks="size")
    numbers = numbers.loc[in_order]
    numbers["windows"] = windows_of(catalogue[1], numbers.index)
    judged = numbers[numbers["number"] > 0]
    assert len(judged) < len(numbers)
    found = interesting_modules(random_support, 6)
    for kind, part in found.groupby("kind"):
        assert part["crm"].tolist() == by_hand(judged, str(kind))[:6]
        of_crm = numbers.loc[part["crm"]]
        assert part["unjudged_peaks"].tolist() == (of_crm["peaks"] - of_crm["number"]).tolist()
        np.testing.assert_allclose(part["sum"], of_crm["sum"], rtol=1e-6)
    pd.testing.assert_frame_equal(interesting_modules(random_support, 6, two_workers), found)


def test_interesting__needs_final_scores(random_scored: Scores) -> None:
    random_scored.set_attribute(NORMALIZATION, None)
    with pytest.raises(StageMissingError, match="not normalized"):
        interesting_modules(random_scored, 3)
