import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zarr
from atypeak_scale.execution.cluster import Cluster, Event
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.config import Config, parse_config
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.scoring.blocks import (
    ScoreRun,
    is_scored,
    plan_score,
    row_maxima,
    score_part,
    score_run,
    score_store,
)
from atypeak_scale.scoring.normalize import normalize_scores
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.store import schema
from atypeak_scale.store.build import build_store
from atypeak_scale.store.tensor import open_store
from atypeak_scale.store.verify import verify_store

Catalogue = tuple[Path, Path]


@pytest.fixture
def store(catalogue: Catalogue, config: Config, tmp_path: Path) -> Path:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    return tmp_path / "s.zarr"


@pytest.fixture
def model(config: Config, tmp_path: Path) -> Path:
    """Return an untrained model whose labels are in another order than the store's."""
    network = build_autoencoder(320, 3, 3, config.model, seed=1)
    for layer in network.layers:
        if layer.name == "sources":
            layer.bias.assign(np.linspace(-0.2, 1, 9))
    return save_model(
        TrainedModel(network, (("d3", "d1", "d2"), ("z", "x", "y")), config), tmp_path / "model"
    )


def brute_force(store: Path, model: Path, crumbs: float) -> tuple[list[float], list[float]]:
    """Score every row and every peak from the labelled 4-D view, one bin at a time (SPEC 4)."""
    opened, loaded = open_store(store), load_model(model)
    tensor = opened.tensor.sel(dataset=list(loaded.labels[0]), tr=list(loaded.labels[1])).values.astype(float)
    data = opened.data.load()
    names = [
        (str(data["dataset"].values[i]), str(data["tr"].values[j]))
        for i, j in zip(data["source_dataset"].values, data["source_tr"].values, strict=True)
    ]
    rows = []
    for row in range(data.sizes["peak"]):
        window = tensor[int(data["peak_window"][row])]
        X = window + crumbs * (window.sum(axis=2, keepdims=True) + window.sum(axis=1, keepdims=True))
        h = loaded.network(X[None].astype(np.float32), training=False).numpy()[0]
        dataset, tr = names[int(data["peak_source"][row])]
        i, j = loaded.labels[0].index(dataset), loaded.labels[1].index(tr)
        bins = range(int(data["peak_first_bin"][row]), int(data["peak_last_bin"][row]) + 1)
        rows.append(max(max(h[x, i, j] / X[x, i, j], 1e-5) for x in bins))
    peaks: dict[int, list[float]] = {}
    for row, peak in enumerate(data["peak_catalogue"].values.tolist()):
        peaks.setdefault(peak, []).append(rows[row])
    return rows, [float(np.mean(peaks[peak])) for peak in range(data.sizes["catalogue_peak"])]


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_score__equals_brute_force(store: Path, model: Path, crumbs: float) -> None:
    run = score_run(store, model, crumbs=crumbs)
    score_store(run)
    _, scores = run.open()
    rows, peaks = brute_force(store, model, crumbs)
    np.testing.assert_allclose(scores["rebuilt_score"][:], rows, atol=1e-5)
    np.testing.assert_allclose(scores["raw"][:], peaks, atol=1e-5)
    assert min(rows) == pytest.approx(1e-5)  # the floor is reached, and it is a floor
    assert is_scored(run)


@given(st.data())
def test_row_maxima__equals_a_loop(data: st.DataObject) -> None:
    windows, bins, sources = (data.draw(st.integers(1, 4)) for _ in range(3))
    ratios = np.random.default_rng(data.draw(st.integers(0, 99))).random((windows, bins, sources))
    rows = data.draw(
        st.lists(
            st.tuples(*(st.integers(0, size - 1) for size in (windows, sources, bins, bins))), max_size=9
        )
    )
    columns = [np.array([row[c] for row in rows], np.int64) for c in range(4)]
    first, last = np.minimum(columns[2], columns[3]), np.maximum(columns[2], columns[3])
    ours = row_maxima(ratios.astype(np.float32), columns[0], columns[1], first, last)
    expected = [
        max(ratios[w, x, s] for x in range(a, b + 1))
        for w, s, a, b in zip(columns[0], columns[1], first, last, strict=True)
    ]
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_score__parallel_equals_serial(store: Path, model: Path) -> None:
    serial = score_run(store, model)
    score_store(serial)
    expected = [serial.open()[1][name][:] for name in ("rebuilt_score", "raw")]
    schema_path = store / "cell" / serial.group
    for name in ("rebuilt_score", "raw"):
        for chunk in (schema_path / name / "c").iterdir():
            chunk.unlink()
    assert not is_scored(serial)
    score_store(serial, Cluster(workers=2))
    for name, values in zip(("rebuilt_score", "raw"), expected, strict=True):
        # oneDNN may sum in another order with another number of threads.
        np.testing.assert_allclose(serial.open()[1][name][:], values, atol=1e-6)


def test_score__goes_on_where_it_was_stopped(store: Path, model: Path) -> None:
    run = score_run(store, model)

    def interrupt(event: Event) -> None:
        if event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_store(run, progress=interrupt)
    plan = plan_score(run)
    assert plan.blocks_done == 2
    assert plan.blocks > 4
    done: list[Event] = []
    score_store(run, progress=done.append)
    assert next(event.total for event in done if event.stage == "score") == plan.blocks - 2
    np.testing.assert_allclose(
        run.open()[1]["rebuilt_score"][:], brute_force(store, model, 0.0)[0], atol=1e-5
    )


def test_score__another_model_or_crumbs_is_another_group(
    store: Path, model: Path, config: Config, tmp_path: Path
) -> None:
    run = score_run(store, model)
    other = TrainedModel(
        build_autoencoder(320, 3, 3, config.model, seed=9), (("d1", "d2", "d3"), ("x", "y", "z")), config
    )
    save_model(other, tmp_path / "elsewhere" / "model")
    assert len({run.group, score_run(store, model, crumbs=0.1).group,
                score_run(store, tmp_path / "elsewhere/model").group}) == 3  # fmt: skip


def test_score__refuses_a_model_of_other_labels_by_name(store: Path, config: Config, tmp_path: Path) -> None:
    network = build_autoencoder(320, 3, 2, config.model, seed=1)
    folder = save_model(TrainedModel(network, (("d1", "d2", "d9"), ("x", "y")), config), tmp_path / "m")
    with pytest.raises(
        InputError, match=r"view 'dataset' .*only in the store: d3; only in the model: d9"
    ) as failure:
        score_run(store, folder)
    assert "\n" not in str(failure.value)


def test_score__refuses_a_model_of_another_frame(store: Path, config: Config, tmp_path: Path) -> None:
    small = parse_config({**config.model_dump(), "store": {"frame": 800}}, "test")
    network = build_autoencoder(80, 3, 3, config.model, seed=1)
    model = TrainedModel(network, (("d1", "d2", "d3"), ("x", "y", "z")), small)
    with pytest.raises(InputError, match=r"has frames of 3200 bp in .*; the model was trained on 800 bp in"):
        score_run(store, save_model(model, tmp_path / "m"))


def test_load__refuses_changed_files(model: Path) -> None:
    text = (model / "config.yaml").read_text()
    (model / "config.yaml").write_text(text.replace("learning_rate: 0.001", "learning_rate: 0.002"))
    with pytest.raises(InputError, match="not those that were saved together"):
        load_model(model)


def test_normalize__refuses_unscored(store: Path, model: Path, config: Config) -> None:
    with pytest.raises(
        AtypeakError, match="not every peak is scored by this model; run 'atypeak-scale score"
    ):
        normalize_scores(score_run(store, model), config.normalization)


def test_normalize__stores_what_the_functions_say(store: Path, model: Path, config: Config) -> None:
    run = score_run(store, model)
    score_store(run)
    found = normalize_scores(run, config.normalization)
    data, scores = run.open()
    source = schema.read_array(data, "catalogue_source")
    weighted = scores["raw"][:] * found.weight[source]
    np.testing.assert_allclose(scores["k_normalized"][:], weighted, rtol=1e-6)
    tr = np.array([source_name(labels) for labels in schema.source_labels(data)])[source]
    tr = np.char.partition(tr, ".")[:, 2]
    for label in set(tr.tolist()):
        of_label = weighted[tr == label]
        if of_label.std(ddof=1) == 0:
            assert (scores["final"][:][tr == label] == 750).all()
            continue
        expected = 750 * (1 + (of_label - of_label.mean()) / (2 * of_label.std(ddof=1)))
        np.testing.assert_allclose(scores["final"][:][tr == label], expected, rtol=1e-4)
    assert dict(scores.attrs)["normalization"] == {"sample": "all", "seed": 1}
    assert scores.attrs["sampled_windows"] == open_store(store).data.sizes["window"]


def test_normalize__parallel_equals_serial(store: Path, model: Path, config: Config) -> None:
    run = score_run(store, model)
    score_store(run)
    normalize_scores(run, config.normalization)
    names = [name for name, _ in run.open()[1].arrays()]
    serial = {name: run.open()[1][name][:] for name in names}
    normalize_scores(run, config.normalization, Cluster(workers=2))
    for name in names:
        assert np.array_equal(
            serial[name], run.open()[1][name][:], equal_nan=serial[name].dtype.kind == "f"
        ), name


def test_scores__group_of_another_model_under_the_same_name_is_refused(store: Path, model: Path) -> None:
    run = score_run(store, model)
    run.open()
    zarr.open_group(store, path=f"cell/{run.group}", use_consolidated=False).attrs["model_fingerprint"] = (
        "other"
    )
    with pytest.raises(InputError, match="made from another model; remove it"):
        run.open()


def test_score_run__names_cannot_leave_the_store(store: Path, model: Path) -> None:
    run = score_run(store, model)
    evil = ScoreRun(run.store, run.cell_line, Path("/tmp/.. x"), run.config, run.fingerprint, 0.0, "float32",
                    run.results)  # fmt: skip
    assert evil.group.count("/") == 1
    assert not evil.group.split("/")[1].startswith(".")


def test_score_store__damaged_chunks_are_scored_again(store: Path, model: Path) -> None:
    run = score_run(store, model)
    score_store(run)
    _, scores = run.open()
    expected = {name: schema.read_array(scores, name) for name in ("rebuilt_score", "raw")}
    folder = store / scores.path
    damaged = folder / "rebuilt_score/c/1"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    lost = folder / "rebuilt_score/c/2"
    lost.unlink()
    (folder / "raw/c/0").write_bytes(b"")
    assert plan_score(run).blocks - plan_score(run).blocks_done == 2
    assert not is_scored(run)
    score_store(run)
    for name, values in expected.items():
        np.testing.assert_array_equal(schema.read_array(scores, name), values)


def test_score_store__second_writer_is_refused(store: Path, model: Path) -> None:
    run = score_run(store, model)
    with (
        sole_writer(run.store, f"{run.cell_line}/{run.group}"),
        pytest.raises(AtypeakError, match=r"is being written by process \d+ on .*; wait until it is done"),
    ):
        score_store(run)
    score_store(run)
    with (
        sole_writer(run.store, f"{run.cell_line}/{run.group}"),
        pytest.raises(AtypeakError, match="is being written by process"),
    ):
        normalize_scores(run, run.config.normalization)
    # Results of another model, or crumbs, are other results.
    with sole_writer(run.store, f"{run.cell_line}/{run.group}"):
        score_store(score_run(store, model, crumbs=0.1))


def test_open__first_writers_at_the_same_time_make_one_group(store: Path, model: Path) -> None:
    """Several kinds of results, of which none holds the others up, may be the first to need the group."""
    run = score_run(store, model)
    with ThreadPoolExecutor(8) as pool:
        groups = list(pool.map(lambda _: run.open()[1].path, range(8)))
    assert set(groups) == {f"{schema.group_name('cell')}/{run.group}"}
    assert list(schema.children(schema.open_group(store, f"cell/{schema.SCORES}"))) == [
        groups[0].split("/")[-1]
    ]


def test_verify__results_with_a_gap_are_found(store: Path, model: Path) -> None:
    run = score_run(store, model)
    score_store(run)
    normalize_scores(run, run.config.normalization)
    assert verify_store(store).damages == []
    _, scores = run.open()
    (store / scores.path / "final/c/0").unlink()
    (damage,) = verify_store(store).damages
    assert "/final, chunk 0: lost; run 'atypeak-scale score' and 'atypeak-scale normalize' again" in damage
    raw = store / scores.path / "raw/c/0"
    raw.write_bytes(raw.read_bytes()[:-3] + b"???")
    (damage,) = verify_store(store).damages
    assert "/raw, chunk 0: damaged" in damage
    assert "run 'atypeak-scale score' again" in damage
    score_store(run)
    normalize_scores(run, run.config.normalization)
    assert verify_store(store).damages == []


def test_score_part__all_parts_in_any_order_give_the_whole(store: Path, model: Path) -> None:
    whole = score_run(store, model)
    score_store(whole)
    expected = {name: schema.read_array(whole.open()[1], name) for name in ("rebuilt_score", "raw")}
    shutil.rmtree(store / "cell/scores")
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda part: score_part(score_run(store, model), part, 3), (3, 1, 2)))
    assert sum(counts) == plan_score(whole).blocks == plan_score(whole).blocks_done
    assert score_part(whole, 2, 3) == 0
    score_store(whole)
    for name, values in expected.items():
        np.testing.assert_array_equal(schema.read_array(whole.open()[1], name), values)


@pytest.mark.parametrize("part", [0, 4])
def test_score_part__no_such_part(store: Path, model: Path, part: int) -> None:
    with pytest.raises(InputError, match=rf"part {part} of 3: expected a part from 1 to 3"):
        score_part(score_run(store, model), part, 3)
