"""Correlation groups against brute force: the network itself, loops over sources (method, section 7.1)."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from atypeak_scale.assess.interpretation.groups import (
    groups,
    groups_of,
    phantoms,
    source_responses,
)
from atypeak_scale.assess.results import load
from atypeak_scale.config import Config, parse_config
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.provenance import MADE_FROM
from atypeak_scale.registry.results import GROUPS
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store

# In the order of the store; the models' labels are in another.
SOURCES = [("d1", "x"), ("d1", "y"), ("d2", "y"), ("d3", "x"), ("d3", "z")]
NAMES = [".".join(source) for source in SOURCES]
LABELS = (("d3", "d1", "d2"), ("z", "x", "y"))


@pytest.fixture
def several(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> list[Scores]:
    """Return the scores of three untrained models, with crumbs at training, on one store."""
    values = config.model_dump()
    values["training"]["crumbs"] = 0.1
    settings = parse_config(values, "test")
    build_store(*catalogue, tmp_path / "s.zarr", settings)
    made = []
    for seed in range(3):
        network = build_autoencoder(320, 3, 3, settings.model, seed)
        network.get_layer("sources").bias.assign(np.linspace(-0.2, 0.4, 9))
        folder = save_model(TrainedModel(network, LABELS, settings), tmp_path / f"model-{seed}")
        made.append(open_scores(open_store(tmp_path / "s.zarr"), folder))
    return made


def responses_by_network(scores: Scores) -> dict[tuple[str, str], dict[tuple[str, str], float]]:
    """Source -> cell -> R, from the network and the text of the method, sections 2.5 and 5."""
    network, found = load_model(scores.model).network, {}
    cells = list(itertools.product(*LABELS))
    for dataset, tr in SOURCES:
        window = np.zeros((1, 320, 3, 3), np.float32)
        for cell, (d, t) in enumerate(cells):
            value = 1.0 * ((d, t) == (dataset, tr)) + 0.1 * (d == dataset) + 0.1 * (t == tr)
            window[0, :, cell // 3, cell % 3] = value
        rebuilt = network(window, training=False).numpy()[0].mean(axis=0, dtype=np.float64)
        found[dataset, tr] = dict(zip(cells, rebuilt.ravel().tolist(), strict=True))
    return found


def test_responses__equal_the_network(several: list[Scores]) -> None:
    expected, found = responses_by_network(several[0]), source_responses(several[0])
    assert found.dims == ("source", "dataset", "tr")
    assert found["source"].to_numpy().tolist() == NAMES
    assert found["dataset"].to_numpy().tolist() == ["d1", "d2", "d3"]
    assert found["tr"].to_numpy().tolist() == ["x", "y", "z"]
    for source, name in zip(SOURCES, NAMES, strict=True):
        for (d, t), value in expected[source].items():
            assert float(found.sel(source=name, dataset=d, tr=t)) == pytest.approx(value, abs=1e-5)


def test_groups__of_one_model(several: list[Scores]) -> None:
    expected, found = responses_by_network(several[0]), groups(several[0])
    for (i, one), (j, other) in itertools.product(enumerate(SOURCES), repeat=2):
        largest = max(expected[one].values())
        asked = max(expected[one][other], 0) / largest if largest > 0 else 0
        assert float(found["asked"][i, j]) == pytest.approx(asked, abs=1e-4)
    assert np.isnan(found.attrs["agreement"])
    assert found.attrs["models"] == [several[0].fingerprint]
    assert found["group_by_seed"].to_numpy().tolist() == [found["group"].to_numpy().tolist()]
    assert {
        (d, t) for d, t in zip(found["source_dataset"].values, found["source_tr"].values, strict=True)
    } == set(SOURCES)


def test_groups__of_several_models_are_of_the_averages(several: list[Scores]) -> None:
    together = groups(several, groups=2)
    alone = [groups(one, groups=2) for one in several]
    np.testing.assert_allclose(together["asked"], np.mean([found["asked"] for found in alone], axis=0))
    np.testing.assert_allclose(together["rebuilt"], np.mean([found["rebuilt"] for found in alone], axis=0))
    own = [found["group"].to_numpy().tolist() for found in alone]
    assert together["group_by_seed"].to_numpy().tolist() == own
    expected = [pair_agreement(a, b) for a, b in itertools.combinations(own, 2)]
    assert together.attrs["agreement"] == pytest.approx(np.mean(expected))
    assert together.attrs["groups"] == 2
    saved = load(several[0], GROUPS)
    xr.testing.assert_allclose(saved, alone[0])  # the last that was found for the first model


def pair_agreement(one: list[int], other: list[int]) -> float:
    pairs = list(itertools.combinations(range(len(one)), 2))
    a = np.array([one[i] == one[j] for i, j in pairs])
    b = np.array([other[i] == other[j] for i, j in pairs])
    expected, most = a.sum() * b.sum() / len(pairs), (a.sum() + b.sum()) / 2
    return 1.0 if most == expected else float(((a & b).sum() - expected) / (most - expected))


def planted(spread: float = 0.0, seed: int = 0, views: tuple[str, str] = ("dataset", "tr")) -> xr.DataArray:
    """Return R of one model on 2 x 6 sources, TRs a b, c d e and f asking for each other."""
    rng = np.random.default_rng(seed)
    datasets, trs, group = ["d1", "d2"], list("abcdef"), np.array([0, 0, 1, 1, 1, 2])
    sources = list(itertools.product(range(2), range(6)))
    values = np.stack([np.tile(0.8 * (group == group[t]), (2, 1)) for _, t in sources]).astype(float)
    values += spread * rng.normal(size=values.shape)
    for i, source in enumerate(sources):
        values[i][source] += 0.1
    values[:, :, 3] += 0.05 * (group[[t for _, t in sources]] == 1)[:, None]
    coords = {
        "source": [f"{datasets[d]}.{trs[t]}" for d, t in sources], views[0]: datasets, views[1]: trs,
        f"source_{views[0]}": ("source", np.array([datasets[d] for d, _ in sources], object)),
        f"source_{views[1]}": ("source", np.array([trs[t] for _, t in sources], object)),
    }  # fmt: skip
    return xr.DataArray(values[None], coords, ("seed", "source", *views))


@pytest.mark.parametrize("seed", range(4))
def test_groups__planted_are_found_named_and_counted(seed: int) -> None:
    found = groups_of(planted(0.05, seed))
    tr = found["source_tr"].to_numpy()
    by_group = {frozenset(tr[found["group"].to_numpy() == g]) for g in range(found.attrs["groups"])}
    assert by_group == {frozenset("ab"), frozenset("cde"), frozenset("f")}
    names = dict(zip(tr, found["group_name"].to_numpy(), strict=True))
    assert names["c"] == names["e"]
    assert "d" in names["c"].split("+")
    assert names["f"] == "f"
    assert set(names["a"].split("+")) == {"a", "b"}
    assert (found["silhouette"] > 0.5).all()


def test_groups__strength_is_what_the_others_ask() -> None:
    found = groups_of(planted(0.05, 9))
    group, asked = found["group"].to_numpy(), found["asked"].to_numpy()
    for i in range(12):
        others = [asked[j, i] for j in range(12) if j != i and group[j] == group[i]]
        assert float(found["strength"][i]) == pytest.approx(np.mean(others))


def test_groups__of_one_name_are_told_by_their_sources() -> None:
    """Where datasets decide and not TRs, the groups' strongest TRs may be the same."""
    rebuilt = planted()
    rebuilt[0] = 0
    for i, dataset in enumerate(rebuilt["source_dataset"].to_numpy()):
        rebuilt[0, i] = 0.1 + 0.7 * (rebuilt["dataset"] == dataset)
    found = groups_of(rebuilt)
    assert found.attrs["groups"] == 2
    assert set(found["group_name"].to_numpy()) == {"d1.a+d1.b", "d2.a+d2.b"}


def test_groups__a_model_that_rebuilds_nothing() -> None:
    found = groups_of(planted() * 0 - 1)
    assert not found["asked"].to_numpy().any()
    assert np.isfinite(found["silhouette"]).all()


def test_groups__views_of_other_names() -> None:
    found = groups_of(planted(views=("assay", "line")), groups=3)
    table = phantoms(found, "d1.a")
    assert table.columns.tolist() == [
        "assay", "line", "phantom_assay", "phantom_line", "value", "rank", "observed",
    ]  # fmt: skip


def test_phantoms__are_every_other_cell_ranked(several: list[Scores], tmp_path: Path) -> None:
    expected = responses_by_network(several[1])
    found = groups(several[1], out=tmp_path / "out")
    written = pd.read_csv(tmp_path / "out/phantoms.tsv", sep="\t")
    pd.testing.assert_frame_equal(written, phantoms(found))
    for (dataset, tr), cells in expected.items():
        table = written[(written["dataset"] == dataset) & (written["tr"] == tr)]
        pd.testing.assert_frame_equal(phantoms(found, f"{dataset}.{tr}"), table.reset_index(drop=True))
        assert table["rank"].tolist() == list(range(1, 9))
        assert (np.diff(table["value"]) <= 0).all()
        rows = table[["phantom_dataset", "phantom_tr", "value", "observed"]].itertuples(index=False)
        told = {(d, t): (value, observed) for d, t, value, observed in rows}
        assert set(told) == set(cells) - {(dataset, tr)}
        for cell, (value, observed) in told.items():
            assert value == pytest.approx(cells[cell], abs=1e-5)
            assert observed == (cell in SOURCES)


def test_tables__hold_groups_and_matrix(several: list[Scores], tmp_path: Path) -> None:
    found = groups(several, groups=3, out=tmp_path / "out")
    sources = pd.read_csv(
        tmp_path / "out/sources.tsv", sep="\t", keep_default_na=False, na_values={"strength": ""}
    )
    assert sources.columns.tolist() == [
        "group", "group_name", "dataset", "tr", "own", "strength", "silhouette",
    ]  # fmt: skip
    assert sources["group"].tolist() == sorted(found["group"].to_numpy().tolist())
    for row in sources.to_dict("records"):
        at = found.sel(source=f"{row['dataset']}.{row['tr']}")
        for name in ("group", "own", "strength", "silhouette"):
            assert float(at[name]) == pytest.approx(row[name], nan_ok=True)
        assert at["group_name"].item() == row["group_name"]
        assert row["own"] == pytest.approx(float(at["rebuilt"].sel(dataset=row["dataset"], tr=row["tr"])))
    asked = pd.read_csv(tmp_path / "out/asked.tsv", sep="\t", index_col="source")
    assert asked.index.tolist() == asked.columns.tolist() == NAMES
    np.testing.assert_allclose(asked, found["asked"])
    made_from = json.loads((tmp_path / "out" / MADE_FROM).read_text())
    of_models = [one["model_fingerprint"] for one in made_from["models"]]
    assert of_models == [one.fingerprint for one in several]
    assert made_from["store"] == several[0].cell_line.made_from
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "sources.tsv", "asked.tsv", "phantoms.tsv", "columns.tsv", MADE_FROM,
    }  # fmt: skip


def test_groups__are_the_same_from_workers(several: list[Scores], two_workers: DaskExecutor) -> None:
    elsewhere = groups(several[:2], executor=two_workers)
    xr.testing.assert_allclose(elsewhere, groups(several[:2]), atol=1e-5)


def test_groups__tell_of_models_and_of_sources(several: list[Scores]) -> None:
    heard: list[Event] = []
    groups(several[:2], executor=InProcess(heard.append))
    assert [(e.done, e.total) for e in heard if e.stage == "groups"] == [(0, 2), (1, 2), (2, 2)]
    assert [e.done for e in heard if e.stage == "sources alone"] == [1, 2, 3, 4, 5] * 2


def test_results__second_writer_is_refused(several: list[Scores]) -> None:
    with several[0].writing("groups"), pytest.raises(AtypeakError, match="is being written by process"):
        groups(several)


def test_results__are_kept_with_their_meaning(several: list[Scores]) -> None:
    found = groups(several[:2])
    saved = load(several[0], GROUPS)
    xr.testing.assert_identical(saved, found.assign_attrs(complete=True))
    assert all(found[name].attrs["description"] for name in found.data_vars)


def test_bad_input(several: list[Scores], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="6 groups: there are 5 sources; expected from 1 to 5"):
        groups(several[0], groups=6)
    with pytest.raises(InputError, match=r"the same model as .*; give each only once"):
        groups([several[0], several[1], several[0]])
    elsewhere = replace(several[1], cell_line=replace(several[1].cell_line, store=tmp_path / "t.zarr"))
    with pytest.raises(InputError, match=r"t\.zarr, cell: expected scores of one store and cell line; the"):
        groups([several[0], elsewhere])
    with pytest.raises(InputError, match=r"no source 'd1\.q'; "):
        phantoms(groups(several[0]), "d1.q")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="exists; remove it or name another folder"):
        groups(several[1], out=tmp_path / "out")
    with pytest.raises(InputError, match="has no groups"):
        load(several[1], GROUPS)
