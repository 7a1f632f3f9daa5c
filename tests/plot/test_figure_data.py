"""What figures are made from: opened once, and None if it is not there."""

from pathlib import Path

import pandas as pd
import pytest

from atypeak_scale.assess import interesting_modules, pairs
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.plot.figure_data import FigureData, table_of
from atypeak_scale.registry.results import GROUPS, QSCORE
from atypeak_scale.scoring.scores import Scores


def data(article: Scores | None, support: Scores | None) -> FigureData:
    return FigureData(article, support, None, None, None, InProcess())


def test_data__is_computed_once(article: Scores, supported: Scores) -> None:
    found = data(article, supported)
    assert found.statistics is found.statistics
    assert found.pairs is found.pairs
    pd.testing.assert_frame_equal(found.pairs, pairs(article))
    # No source of this catalogue can be judged, so support chooses none.
    assert interesting_modules(supported, 1).empty
    assert data(None, supported).modules == {}
    by_final = interesting_modules(article, 1).set_index("kind")["crm"]
    for one in (found, data(article, None)):
        assert {kind: module.place.crm for kind, module in one.modules.items()} == by_final.to_dict()
    assert "doubt" in found.modules["best"].peaks


def test_data__what_was_kept(article: Scores, supported: Scores, kept: Scores) -> None:
    assert data(article, supported).kept(GROUPS) is None
    assert data(None, supported).kept(GROUPS) is None
    found = data(kept, None).kept(QSCORE)
    assert found is not None
    assert "contribution" in found


def test_table__of_another_folder(tmp_path: Path) -> None:
    frame = pd.DataFrame({"mean": [1.5, 2.0], "ratio": [0.5, 1.0]})
    frame.to_parquet(tmp_path / "crms.parquet")
    frame.to_csv(tmp_path / "search.tsv", sep="\t", index=False)
    for name in ("crms.parquet", "search.tsv"):
        pd.testing.assert_frame_equal(table_of(tmp_path, name), frame)
    assert table_of(None, "crms.parquet") is None
    with pytest.raises(InputError, match=r": holds no crm\.parquet"):
        table_of(tmp_path, "crm.parquet")
