"""Long tables say what the labelled arrays say, and files say what the tables say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from assess import by_hand

from atypeak_scale.assess.description.distributions import score_density, score_quartiles
from atypeak_scale.assess.description.pairs import pairs
from atypeak_scale.assess.description.statistics import statistics
from atypeak_scale.assess.description.statistics_tables import statistics_tables
from atypeak_scale.assess.results import save_tables
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.registry.columns import ABUNDANCE, PAIRS
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import CellLine

DATA = ["abundance", "mean-crm", "correlations"]
VIEWS = ("dataset", "tr")


def by_name(cell_line: CellLine, scores: Scores | None = None) -> dict[str, pd.DataFrame]:
    """Return the tables by name; each has the columns that are registered for it."""
    tables = statistics_tables(cell_line, scores)
    for table, frame in tables:
        assert list(frame.columns) == [column.name for column in table.named(cell_line.views)]
    return {table.name: frame for table, frame in tables}


def test_tables__of_the_data(scored: Scores) -> None:
    found, tables = statistics(scored.cell_line), by_name(scored.cell_line)
    assert list(tables) == DATA
    assert len(tables["abundance"]) == 5 + 3 + 3
    for row in tables["abundance"].itertuples():
        at = {row.of: row.label}
        assert (row.peaks, row.bp) == (found[f"peaks_{row.of}"].sel(at), found[f"bp_{row.of}"].sel(at))
    mean_crm = tables["mean-crm"]
    assert len(mean_crm) == 5 * 320
    for row in mean_crm.sample(100, random_state=0).itertuples():
        at = {"bin": row.bin, "source": f"{row.dataset}.{row.tr}"}
        assert row.mean_occupancy == float(found["mean_occupancy"].sel(at))
    assert mean_crm.groupby(["dataset", "tr"])["mean_occupancy"].mean().sum() == pytest.approx(
        float(found["mean_crm"].sum())
    )


def test_tables__pairs_are_there_once(scored: Scores) -> None:
    found, table = statistics(scored.cell_line), by_name(scored.cell_line)["correlations"]
    both = [(row.of, *sorted((row.label, row.other_label))) for row in table.itertuples()]
    assert len(set(both)) == len(both) == 10 + 3 + 3
    for row in table.itertuples():
        at = {row.of: row.label, f"other_{row.of}": row.other_label}
        assert row.label != row.other_label
        assert row.correlation == float(found[f"correlation_{row.of}"].sel(at))
        if row.of == "source":
            assert np.isnan(row.jaccard)
        else:
            assert row.jaccard == float(found[f"jaccard_{row.of}"].sel(at))


def test_tables__of_the_scores(scored: Scores) -> None:
    tables = by_name(scored.cell_line, scored)
    assert list(tables) == [*DATA, "scores", "density", "density-test"]
    pd.testing.assert_frame_equal(tables["scores"], score_quartiles(scored))
    density, by_size = score_density(scored), tables["density"]
    assert by_size["crm_peaks_from"].tolist() == [2**n for n in range(len(by_size))]
    assert by_size["crm_peaks_to"].tolist() == [2 ** (n + 1) - 1 for n in range(len(by_size))]
    for name in (
        "crms",
        "peaks",
        "mean",
        "lower_quartile",
        "median",
        "upper_quartile",
        "crm_mean",
        "crm_maximum",
    ):
        np.testing.assert_array_equal(by_size[name], density[name])
    xr.testing.assert_equal(
        tables["density-test"].set_index("relation").to_xarray(), density.drop_dims("log2_peaks")
    )


def test_tables__are_named_by_the_views(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> None:
    store = config.store.model_copy(update={"views": ("model", "variable")})
    scores = by_hand.scored(*catalogue, config.model_copy(update={"store": store}), tmp_path)
    tables = by_name(scores.cell_line, scores)
    for name in ("abundance", "correlations", "scores"):
        assert set(tables[name]["of"]) == {"source", "model", "variable"}
    assert list(tables["mean-crm"].columns) == ["model", "variable", "bin", "mean_occupancy"]
    assert list(pairs(scores).columns[:3]) == ["variable", "other_variable", "both_peaks"]


def test_tables__files_are_the_tables(scored: Scores, tmp_path: Path) -> None:
    tables = [*statistics_tables(scored.cell_line, scored), (PAIRS, pairs(scored))]
    written = save_tables(tables, tmp_path / "out", VIEWS, scored.provenance())
    *written, (columns, _) = written
    files = [file for file, _ in written]
    assert [file.name for file in files] == [f"{table.name}.tsv" for table, _ in tables]
    assert [what for _, what in written] == [table.description for table, _ in tables]
    assert sorted((tmp_path / "out").iterdir()) == sorted(
        [*files, columns, tmp_path / "out" / "made-from.json"]
    )
    for file, (_, frame) in zip(files, tables, strict=True):
        assert "nan" not in file.read_text().lower()
        pd.testing.assert_frame_equal(
            pd.read_csv(file, sep="\t"),
            frame,
            check_dtype=False,
            check_exact=True,
        )
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".partial")]


def test_tables__existing_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine.tsv").write_text("precious")
    table = pd.DataFrame({"of": ["tr"], "label": ["x"], "peaks": [1], "bp": [2]})
    with pytest.raises(InputError, match=r"mine\.tsv: exists"):
        save_tables([(ABUNDANCE, table)], tmp_path / "mine.tsv", VIEWS, {})
    with pytest.raises(InputError, match=r"mine: exists"):
        save_tables([(ABUNDANCE, table)], tmp_path / "mine", VIEWS, {})
    assert (tmp_path / "mine.tsv").read_text() == "precious"
    assert not list((tmp_path / "mine").iterdir())


def test_tables__of_any_score(random_support: Scores) -> None:
    for name in (None, "support"):
        tables = {table.name: (table, frame) for table, frame in statistics_tables(
            random_support.cell_line, random_support, score=name
        )}  # fmt: skip
        for table, frame in tables.values():
            assert list(frame.columns) == [column.name for column in table.named(VIEWS)]
        table, frame = tables["density"]
        assert table.description == f"values of {name or 'trust'} by the number of peaks of the CRM"
        density = score_density(random_support, score=name)
        np.testing.assert_array_equal(frame["median"], density["median"])
        np.testing.assert_array_equal(frame["unjudged_peaks"], density["unjudged_peaks"])
