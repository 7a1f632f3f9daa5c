"""Every stage at a URL does what it does on disk."""

import dataclasses
import gzip
import pickle
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
import xarray as xr
from conftest import COARSE
from storage.object_store import Objects, assert_same, objects, put
from storage.untrained import untrained

from atypeak_scale import assess
from atypeak_scale.assess.description.statistics_tables import statistics_tables
from atypeak_scale.assess.results import save_tables
from atypeak_scale.catalogue import bed
from atypeak_scale.catalogue.bed import BedReader
from atypeak_scale.catalogue.streams import identify
from atypeak_scale.config import Config, dump_config, load_config
from atypeak_scale.errors import InputError
from atypeak_scale.model.files import TrainedModel, Training, load_model, save_model
from atypeak_scale.model.seeds import train_seeds
from atypeak_scale.pipeline import run
from atypeak_scale.registry.columns import PAIRS
from atypeak_scale.registry.results import Result
from atypeak_scale.scoring.export import export
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.score import score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage import locations
from atypeak_scale.storage.url import UNFINISHED
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, cell_lines, open_store
from atypeak_scale.store.info import info
from atypeak_scale.store.verify import verify
from tests.cli.helpers import STAGES

Catalogue = tuple[Path, Path]


# Names that are refused


def test_path__of_a_url_is_refused_by_all() -> None:
    lost = Path("s3://bucket/s.zarr")
    for use in (open_store, info):
        with pytest.raises(InputError, match=r"s3:/bucket/s\.zarr: a Path cannot hold a URL; give it as a s"):
            use(lost)


def test_pattern__is_refused_by_all(bucket: str) -> None:
    put(f"{bucket}/mine/notes.txt", b"x")
    for name in ("m*", "m?", "m[1]"):
        with pytest.raises(InputError, match="would match other names"):
            cell_lines(f"{bucket}/{name}")
    assert set(objects(bucket)) == {"mine/notes.txt"}


def test_missing_package__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    for protocol in ("s3", "s3a"):
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, protocol, raising=False)
    for use in (cell_lines, open_store, load_model, load_config, identify):
        with pytest.raises(InputError) as failure:
            use("s3://bucket/x")
        assert "needs the package s3fs; install it with: pip install 'atypeak-scale[s3]'" in str(
            failure.value
        )
        assert "\n" not in str(failure.value)


def test_unknown_protocol__is_refused() -> None:
    with pytest.raises(InputError, match=r"^nowhere://x: cannot be reached: Protocol not known: nowhere$"):
        cell_lines("nowhere://x")


# Inputs and configurations


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reader__reads_urls(bucket: str, pack: Any) -> None:
    packed = pack(b"chr1\t1\t5\ta.b.c\n")
    url = put(f"{bucket}/p.bed", packed)
    reader = BedReader(url, 4)
    (block,) = reader
    assert block.start.tolist() == [1]
    assert reader.input_file == identify(url) == bed.InputFile(len(packed), identify(url).sha256)
    with pytest.raises(
        InputError, match=r"^objects://bucket/q\.bed: cannot be read: no such file, folder or"
    ):
        list(BedReader(f"{bucket}/q.bed", 4))


def test_load_config__from_a_url_with_inputs_beside_it(bucket: str) -> None:
    put(f"{bucket}/conf/my.yaml", b"cell_line: x\ninputs: {peaks: p.bed, crms: 'objects://other/c.bed'}\n")
    inputs = load_config(f"{bucket}/conf/my.yaml").inputs
    assert inputs.peaks == f"{bucket}/conf/p.bed"
    assert inputs.crms == "objects://other/c.bed"
    with pytest.raises(InputError, match=r"^objects://bucket/no\.yaml: no such config file"):
        load_config(f"{bucket}/no.yaml")


# Stores, models and results


def finish(store: str | Path, model: str | Path, out: str | Path) -> Scores:
    scores = normalize(score(open_store(store), model))
    export(scores, out)
    return scores


def test_stages__at_a_url_write_what_they_write_here(
    bucket: str, catalogue: Catalogue, local: Path, config: Config, tmp_path: Path
) -> None:
    inputs = [put(f"{bucket}/{file.name}", file.read_bytes()) for file in catalogue]
    store, model = f"{bucket}/s.zarr", f"{bucket}/model"
    assert build_store(*inputs, store, config).store == store
    assert_same(store, local)
    save_model(untrained(config), tmp_path / "model")
    save_model(untrained(config), model)
    assert load_model(model).fingerprint() == load_model(tmp_path / "model").fingerprint()
    here = finish(local, tmp_path / "model", tmp_path / "out")
    there = finish(store, model, f"{bucket}/out")
    assert there.name == here.name
    assert_same(store, local)
    assert_same(f"{bucket}/out", tmp_path / "out")
    assert info(store) == info(local)
    found = verify(store)
    assert found == verify(local)
    assert not found.damages
    xr.testing.assert_identical(open_store(store).data.load(), open_store(local).data.load())
    things = Result("things", ("one",), {"matrix": "numbers", "text": "letters"})
    results = xr.Dataset({"matrix": ("one", [1.0, np.nan]), "text": ("one", np.array(["a", "b"], object))})
    for value in (1, 2):
        assess.save(results * value, there, things)
    xr.testing.assert_equal(assess.load(there, things).load(), results * 2)
    assert list((tmp_path / "tmp").glob(".atypeak*")) == []
    assert not list(Path.cwd().glob("objects:*"))


def test_assess__at_a_url_writes_what_it_writes_here(
    bucket: str, catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    peaks, crms = catalogue
    folders = ("crms", "qscore", "groups", "releases", "statistics", "pairs", "out")
    for base in (tmp_path / "here", bucket):
        store, model = locations.join(base, "s.zarr"), locations.join(base, "model")
        build_store(peaks, crms, store, config)
        save_model(untrained(config), model)
        scores = finish(store, model, locations.join(base, "out"))
        cell_line, made_from = scores.cell_line, scores.provenance()
        assess.crms(scores, locations.join(base, "crms"), regions=crms)
        assess.qscore(scores, config.normalization, locations.join(base, "qscore"))
        assess.groups(scores, out=locations.join(base, "groups"))
        assess.compare_releases(locations.join(base, "out"), peaks, crms, locations.join(base, "releases"))
        tables = statistics_tables(cell_line, scores)
        save_tables(tables, locations.join(base, "statistics"), cell_line.views, made_from)
        pairs = [(PAIRS, assess.pairs(scores))]
        save_tables(pairs, locations.join(base, "pairs"), cell_line.views, made_from)
        again = locations.join(base, "out")
        for function, arguments in (
            (assess.crms, (scores, again)), (assess.qscore, (scores, config.normalization, again)),
            (assess.groups, (scores, None, again)), (assess.compare_releases, (again, peaks, crms, again)),
            (save_tables, (pairs, again, cell_line.views, made_from)),
        ):  # fmt: skip
            with pytest.raises(InputError, match="exists; remove it or name another"):
                function(*arguments)
    for folder in folders:
        assert_same(f"{bucket}/{folder}", tmp_path / "here" / folder)
    assert not list(Path.cwd().glob("objects:*"))


def test_train_seeds__at_a_url_keeps_what_is_there(
    bucket: str, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def fit(cell_line: CellLine, config: Config, memory_limit: int | None) -> TrainedModel:
        made.append((cell_line.store, config.training.seed))
        return dataclasses.replace(untrained(config), training=Training(1, 1, 0.5, "settled"))

    monkeypatch.setattr("atypeak_scale.model.training.train.fit", fit)
    put(f"{bucket}/models/seed-2/{UNFINISHED}", b"")  # of a killed upload
    put(f"{bucket}/models/seed-2/config.yaml", b"x")
    first, cell_line = config.training.seed, CellLine(f"{bucket}/s.zarr", "cell")
    for seeds in (1, 3):
        expected = [f"{bucket}/models/seed-{first + number}" for number in range(seeds)]
        assert train_seeds(cell_line, config, seeds, f"{bucket}/models/") == expected
    assert made == [(f"{bucket}/s.zarr", first + n) for n in range(3)]
    assert all(load_model(folder).training == Training(1, 1, 0.5, "settled") for folder in expected)


def test_build__second_cell_line_and_the_same_once_more(
    bucket: str, catalogue: Catalogue, config: Config
) -> None:
    peaks = catalogue[0].read_text()
    catalogue[0].write_text(peaks + peaks.replace("track name=x\n", "").replace(".cell", ".evil/..%[1]"))
    store = f"{bucket}/s.zarr"
    build_store(*catalogue, store, config)
    other = config.model_copy(update={"cell_line": "evil/..%[1]"})
    build_store(*catalogue, store, other)
    assert [cell_line.name for cell_line in cell_lines(store)] == ["cell", "evil/..%[1]"]
    assert {name.split("/")[0] for name in objects(store)} == {"zarr.json", "cell", "evil%2F..%25%5B1%5D"}
    before = objects(store)
    with pytest.raises(InputError, match="already holds cell line 'cell'"):
        build_store(*catalogue, store, config)
    assert objects(store) == before


def test_build__what_is_no_store_is_refused(bucket: str, catalogue: Catalogue, config: Config) -> None:
    put(f"{bucket}/mine/notes.txt", b"x")
    with pytest.raises(InputError, match="objects://bucket/mine: not a store"):
        build_store(*catalogue, f"{bucket}/mine", config)
    assert set(objects(bucket)) == {"mine/notes.txt"}


def test_store__is_opened_by_who_receives_it(scores: Scores) -> None:
    tensor = pickle.loads(cloudpickle.dumps(open_store(scores.cell_line.store).tensor))
    assert int(tensor.sum()) > 0


@pytest.mark.usefixtures("short_report")
@pytest.mark.slow
def test_run__in_a_workdir_at_a_url(bucket: str, catalogue: Catalogue) -> None:
    put(f"{bucket}/conf/my.yaml", dump_config(COARSE).encode() + b"inputs: {peaks: p.bed, crms: c.bed}\n")
    for name, file in zip(("p.bed", "c.bed"), catalogue, strict=True):
        put(f"{bucket}/conf/{name}", file.read_bytes())

    def made(changes: dict[str, Any] | None = None) -> list[str]:
        settings = load_config(f"{bucket}/conf/my.yaml")
        for section, values in (changes or {}).items():
            changed = getattr(settings, section).model_copy(update=values)
            settings = settings.model_copy(update={section: changed})
        return [report.name for report in run(settings, f"{bucket}/work") if not report.skipped]

    assert made() == STAGES
    assert {name.split("/")[0] for name in objects(f"{bucket}/work")} == {
        "store.zarr", "model", "support-model", "scores", "report",
    }  # fmt: skip
    Objects.changes.clear()
    assert made() == []
    assert Objects.changes == []
    assert made({"training": {"seed": 7}}) == STAGES[1:]
    assert made({"store": {"rows_per_block": 32}}) == STAGES
