"""Long tables say what the labelled arrays say, and files say what the tables say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from assess.by_hand import scored

from atypeak_scale.assess.description.distributions import score_density, score_quartiles
from atypeak_scale.assess.description.pairs import compare_pairs
from atypeak_scale.assess.description.statistics import data_statistics
from atypeak_scale.assess.description.statistics_tables import statistics_tables, write_table, write_tables
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.scoring.blocks import ScoreRun

DATA = ["abundance", "mean-crm", "correlations"]


def test_tables__of_the_data(scored_run: ScoreRun) -> None:
    found, tables = data_statistics(scored_run.store), statistics_tables(scored_run.store)
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


def test_tables__pairs_are_there_once(scored_run: ScoreRun) -> None:
    found, table = data_statistics(scored_run.store), statistics_tables(scored_run.store)["correlations"]
    pairs = [(row.of, *sorted((row.label, row.other_label))) for row in table.itertuples()]
    assert len(set(pairs)) == len(pairs) == 10 + 3 + 3
    for row in table.itertuples():
        at = {row.of: row.label, f"other_{row.of}": row.other_label}
        assert row.label != row.other_label
        assert row.correlation == float(found[f"correlation_{row.of}"].sel(at))
        if row.of == "source":
            assert np.isnan(row.jaccard)
        else:
            assert row.jaccard == float(found[f"jaccard_{row.of}"].sel(at))


def test_tables__of_the_scores(scored_run: ScoreRun) -> None:
    tables = statistics_tables(scored_run.store, run=scored_run)
    assert list(tables) == [*DATA, "scores", "density", "density-test"]
    pd.testing.assert_frame_equal(tables["scores"], score_quartiles(scored_run))
    density, by_size = score_density(scored_run), tables["density"]
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
    run = scored(*catalogue, config.model_copy(update={"store": store}), tmp_path)
    tables = statistics_tables(run.store, run=run)
    for name in ("abundance", "correlations", "scores"):
        assert set(tables[name]["of"]) == {"source", "model", "variable"}
    assert list(tables["mean-crm"].columns) == ["model", "variable", "bin", "mean_occupancy"]
    assert list(compare_pairs(run).columns[:3]) == ["variable", "other_variable", "both_peaks"]


def test_write__files_are_the_tables(scored_run: ScoreRun, tmp_path: Path) -> None:
    tables = statistics_tables(scored_run.store, run=scored_run)
    files = write_tables(tables, tmp_path / "out")
    assert [file.name for file in files] == [f"{name}.tsv" for name in tables]
    assert sorted((tmp_path / "out").iterdir()) == sorted(files)
    write_table(tables["scores"], tmp_path / "one.tsv")
    for file, table in (*zip(files, tables.values(), strict=True), (tmp_path / "one.tsv", tables["scores"])):
        pd.testing.assert_frame_equal(
            pd.read_csv(file, sep="\t"),
            table,
            check_dtype=False,
            check_exact=True,
        )
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".partial")]


def test_write__existing_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine.tsv").write_text("precious")
    table = pd.DataFrame({"a": [1]})
    with pytest.raises(InputError, match=r"mine\.tsv: exists"):
        write_table(table, tmp_path / "mine.tsv")
    with pytest.raises(InputError, match=r"mine: exists"):
        write_tables({"t": table}, tmp_path / "mine")
    assert (tmp_path / "mine.tsv").read_text() == "precious"
    assert not list((tmp_path / "mine").iterdir())
