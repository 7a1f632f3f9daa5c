"""The demonstration: what it leaves, and that scores tell noise from stacks."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale import demo
from atypeak_scale.config import load_config, parse_config
from atypeak_scale.demo import MEANINGS, DemoResult, run_demo
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from tests.cli.helpers import STAGES, tree


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the example small and its training short."""
    values = load_config("artificial").model_dump()
    values["training"] |= {"max_epochs": 2, "batches_per_epoch": 4}
    values["support"] |= {"epochs": 2, "batches_per_epoch": 4}
    values["chance"] |= {"placements": 200}
    monkeypatch.setattr(demo, "CRMS", 200)
    monkeypatch.setattr(demo, "load_config", lambda _: parse_config(values, "test"))


@pytest.mark.usefixtures("short", "short_report")
def test_run_demo__scores_every_kind_of_peak_and_keeps_what_is_there(tmp_path: Path) -> None:
    heard: list[Event] = []
    result = run_demo(tmp_path / "demo", InProcess(heard.append))
    assert [(report.name, report.skipped) for report in result.reports] == [
        (stage, False) for stage in STAGES
    ]
    assert set(result.medians) == set(MEANINGS)
    assert {"simulate", "train", "score"} <= {event.stage for event in heard}
    for name in ("scores/final.bed", "scores/peaks.parquet", "catalogue/truth.tsv", "report/report.html"):
        assert (tmp_path / "demo" / name).is_file()
        assert str(tmp_path / "demo" / name) in result.explain()
    assert result.watermark == "dataset00.tr00"
    before = tree(tmp_path / "demo")
    again = run_demo(tmp_path / "demo")
    assert all(report.skipped for report in again.reports)
    assert again.found == result.found
    assert again.medians.keys() == result.medians.keys()
    for kind, medians in result.medians.items():
        np.testing.assert_array_equal(again.medians[kind], medians)  # of so few peaks there is no doubt: NaN
    assert tree(tmp_path / "demo") == before


def test_explain__lists_kinds_from_the_least_doubt() -> None:
    medians = {"stack": (0.01, 900.0), "noise": (0.94, 400.0), "watermark": (0.3, 700.0)}
    text = DemoResult(Path("w"), [], ["a.b: 39% of its peaks"], medians, "d.t").explain()
    kinds = [line.split()[:3] for line in text.splitlines() if line.startswith("  ")][:3]
    assert kinds == [["stack", "0.01", "900"], ["watermark", "0.30", "700"], ["noise", "0.94", "400"]]
    assert "a.b: 39% of its peaks" in text.splitlines()
    assert "one source, d.t, that is almost everywhere" in text
