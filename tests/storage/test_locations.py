"""Local paths and URLs: nothing half made is ever seen, and what fails is one line that names the place."""

import dataclasses
import errno
import gzip
import itertools
import json
import os
import pickle
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import cloudpickle
import fsspec
import numpy as np
import pytest
import xarray as xr
from fsspec.implementations.memory import MemoryFileSystem

from atypeak_scale.assess.description.pairs import compare_pairs
from atypeak_scale.assess.description.statistics_tables import statistics_tables, write_table, write_tables
from atypeak_scale.assess.interpretation.groups import correlation_groups
from atypeak_scale.assess.quality.qscore import q_score
from atypeak_scale.assess.regions.crms import crm_table
from atypeak_scale.assess.regions.releases import compare_releases
from atypeak_scale.assess.results import load_results, save_results
from atypeak_scale.catalogue import bed
from atypeak_scale.catalogue.bed import BedReader, identify
from atypeak_scale.config import Config, dump_config, load_config
from atypeak_scale.errors import DamagedError, InputError
from atypeak_scale.execution.cluster import Cluster
from atypeak_scale.model.files import TrainedModel, Training, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.seeds import train_seeds
from atypeak_scale.model.training.train import train
from atypeak_scale.pipeline import run_pipeline
from atypeak_scale.scoring.blocks import ScoreRun, is_scored, plan_score, score_run, score_store
from atypeak_scale.scoring.export import export_scores
from atypeak_scale.scoring.normalize import normalize_scores
from atypeak_scale.storage import locations
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.storage.remote import zarr_store
from atypeak_scale.store import schema
from atypeak_scale.store.build import build_store
from atypeak_scale.store.summary import summarize
from atypeak_scale.store.tensor import open_store
from atypeak_scale.store.verify import verify_store

Catalogue = tuple[Path, Path]
LAST = "last.json"


class BrokenError(Exception):
    """What file systems raise is often no OSError."""


class Objects(MemoryFileSystem):
    """Objects by name and no folders, as S3 has them.

    Every change is noted, and only so many are `allowed`; names with `unreadable` in them cannot be read.
    """

    protocol = "objects"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    changes: ClassVar[list[tuple[str, str]]] = []
    allowed: ClassVar[float] = float("inf")
    unreadable: ClassVar[str | None] = None

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return super()._strip_protocol(str(path).removeprefix("objects://"))

    def _change(self, what: str, path: str) -> None:
        if len(self.changes) >= self.allowed:
            raise BrokenError("the connection\nwas lost")
        self.changes.append((what, self._strip_protocol(path)))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make no folder."""

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        self._change("write", path)
        super().pipe_file(path, value, mode, **options)

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes())

    def rm_file(self, path: str) -> None:
        self._change("delete", path)
        super().rm_file(path)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        if self.unreadable is not None and self.unreadable in path:
            raise BrokenError("the connection was lost")
        data: bytes = super().cat_file(path, start, end, **options)
        return data


fsspec.register_implementation("objects", Objects)


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the URL of an empty folder; what is uploaded is made in `tmp_path / "tmp"`."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    yield "objects://bucket"
    Objects.store.clear()
    Objects.changes.clear()
    Objects.allowed, Objects.unreadable = float("inf"), None


def objects(url: str) -> dict[str, bytes]:
    """Return the content of every object below a URL."""
    start = url.removeprefix("objects:/") + "/"
    return {
        name.removeprefix(start): file.getvalue()
        for name, file in Objects.store.items()
        if name.startswith(start)
    }


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# Names of places


@pytest.mark.parametrize(
    "place, url",
    [
        ("s3://bucket/x", True),
        ("objects://x", True),
        ("https://host/x.bed.gz?a=b", True),
        ("file:///tmp/x", False),
        ("x", False),
        ("/tmp/x:y", False),
        (Path("/tmp/s3:/x"), False),
        (Path("s3:"), False),
        ("-", False),
    ],
)
def test_is_url(place: str | Path, url: bool) -> None:
    assert locations.is_url(place) is url


def test_path__of_a_url_is_refused_by_all() -> None:
    lost = Path("s3://bucket/s.zarr")
    for use in (locations.is_url, locations.absolute, locations.exists, open_store, summarize):
        with pytest.raises(InputError, match=r"s3:/bucket/s\.zarr: a Path cannot hold a URL; give it as a s"):
            use(lost)


def test_names__of_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locations.absolute("s3://b/x/") == "s3://b/x"
    assert locations.absolute("x") == locations.absolute(Path("x")) == Path.cwd() / "x"
    assert locations.absolute("file:///a/b") == Path("/a/b")
    assert locations.join("s3://b/x/", "y", "z") == "s3://b/x/y/z"
    assert locations.join("x", "y") == Path("x/y")
    assert locations.name_of("s3://b/x/model/") == "model"
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert locations.name_of("link") == "real"
    for given, expected in (("p.bed", "s3://b/conf/p.bed"), ("/data/p.bed", Path("/data/p.bed")),
                            ("http://h/p.bed", "http://h/p.bed")):  # fmt: skip
        assert locations.beside("s3://b/conf/my.yaml", given) == expected
    assert locations.beside("conf/my.yaml", "p.bed") == Path("conf/p.bed")
    assert locations.beside("conf/my.yaml", "s3://b/p.bed") == "s3://b/p.bed"
    with pytest.raises(InputError, match="expected a local folder, found a URL"):
        locations.local_path("s3://b/x")


# Errors


@pytest.mark.parametrize(
    "raised, number, told",
    [
        (PermissionError("the key\nis unknown"), errno.EACCES, "cannot be reached: the key is unknown"),
        (PermissionError(errno.EPERM, "not yours"), errno.EPERM, "cannot be reached: not yours"),
        (OSError(errno.EINVAL, "bad bucket"), errno.EINVAL, "cannot be reached: bad bucket"),
        (BrokenError("no route"), errno.EIO, "cannot be reached: no route"),
        (TimeoutError(), errno.EIO, "cannot be reached: TimeoutError"),
    ],
)
def test_reaching__tells_of_any_error_in_one_line(raised: Exception, number: int, told: str) -> None:
    with pytest.raises(InputError) as failure, locations.reaching("objects://x"):
        raise raised
    assert str(failure.value) == f"objects://x: {told}"
    with (
        pytest.raises(OSError, match="cannot be reached") as while_running,
        locations.reaching("objects://x", running=True),
    ):
        raise raised
    assert (while_running.value.filename, while_running.value.strerror) == ("objects://x", told)
    assert while_running.value.errno == number


def test_reaching__an_absent_object_is_that() -> None:
    for running in (False, True):
        with pytest.raises(FileNotFoundError) as failure, locations.reaching("objects://x", running):
            raise FileNotFoundError("bucket/key")
        assert failure.value.filename == "objects://x"
        assert failure.value.strerror == "no such file, folder or bucket"


def test_missing_package__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    for protocol in ("s3", "s3a"):
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, protocol, raising=False)
    for use in (locations.exists, schema.cell_lines, open_store, load_model, load_config, identify):
        with pytest.raises(InputError) as failure:
            use("s3://bucket/x")
        assert "needs the package s3fs; install it with: pip install 'atypeak-scale[s3]'" in str(
            failure.value
        )
        assert "\n" not in str(failure.value)


def test_unknown_protocol__is_refused() -> None:
    with pytest.raises(InputError, match=r"^nowhere://x: cannot be reached: Protocol not known: nowhere$"):
        locations.exists("nowhere://x")
    with pytest.raises(InputError, match=r"^nowhere://x: cannot be reached: Protocol not known: nowhere$"):
        schema.cell_lines("nowhere://x")


# Folders


def fill(folder: Path, tag: str = "") -> dict[str, bytes]:
    (folder / "deep").mkdir()
    for name in ("a", LAST, "deep/b", "z"):
        (folder / name).write_text(name + tag)
    return files(folder)


def test_new_folder__what_makes_it_visible_comes_last(bucket: str) -> None:
    with locations.new_folder(f"{bucket}/model", LAST) as folder:
        expected = fill(folder)
        assert objects(bucket) == {}
    assert objects(f"{bucket}/model") == expected
    written = [path.rpartition("model/")[2] for what, path in Objects.changes if what == "write"]
    assert written[-1] == LAST
    assert set(written) == {*expected, locations.UNFINISHED, locations.PROBE}
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
    with pytest.raises(InputError, match="objects://bucket/model: exists; remove it or name another folder"):
        locations.refuse_existing(f"{bucket}/model", LAST)


def test_new_folder__stopped_anywhere_it_is_whole_or_can_be_made_again(bucket: str) -> None:
    target = f"{bucket}/model"
    expected = {name: name.encode() for name in ("a", LAST, "deep/b", "z")}
    for allowed in itertools.count():
        Objects.store.clear()
        Objects.changes.clear()
        Objects.allowed = allowed
        try:
            with locations.new_folder(target, LAST) as folder:
                assert fill(folder) == expected
        except (OSError, InputError) as problem:
            assert "cannot be reached: the connection was lost" in str(problem)
            assert str(problem).count("reached") == 1
        else:
            break
        finally:
            Objects.allowed = float("inf")
        if locations.is_there(target, LAST):
            assert {**expected, locations.UNFINISHED: b""} == objects(target)
            continue
        assert LAST not in objects(target)
        with locations.new_folder(target, LAST) as folder:
            fill(folder)
        assert objects(target) == expected
    assert allowed > 8


def test_new_folder__a_failed_block_leaves_nothing(bucket: str) -> None:
    with pytest.raises(ZeroDivisionError), locations.new_folder(f"{bucket}/model", LAST) as folder:
        fill(folder)
        _ = 1 / 0
    assert objects(bucket) == {}
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_new_folder__what_another_made_meanwhile_is_kept(bucket: str) -> None:
    with pytest.raises(InputError, match="exists"), locations.new_folder(f"{bucket}/model", LAST) as folder:
        fill(folder, "mine")
        with locations.new_folder(f"{bucket}/model", LAST) as other:
            expected = fill(other, "theirs")
    assert objects(f"{bucket}/model") == expected


def test_refuse_existing__files_of_others_and_names_that_are_patterns(bucket: str) -> None:
    with fsspec.open(f"{bucket}/mine/notes.txt", "wb") as out:
        out.write(b"x")
    with pytest.raises(InputError, match="exists; remove it or name another folder"):
        locations.refuse_existing(f"{bucket}/mine", LAST)
    for name in ("m*", "m?", "m[1]"):
        with pytest.raises(InputError, match=r"holds .*, which would stand for other names; rename it$"):
            locations.refuse_existing(f"{bucket}/{name}", LAST)
        with pytest.raises(InputError, match="would stand for other names"):
            schema.cell_lines(f"{bucket}/{name}")
        with pytest.raises(InputError, match="would stand for other names"):
            locations.remove(f"{bucket}/{name}")
    assert set(objects(bucket)) == {"mine/notes.txt"}


def test_refuse_existing__says_early_that_nothing_can_be_written(bucket: str) -> None:
    Objects.allowed = 0
    with pytest.raises(InputError, match=r"^objects://bucket/m: cannot be reached: the connection was lost$"):
        locations.refuse_existing(f"{bucket}/m", LAST)


def test_remove__all_below_and_nothing_beside(bucket: str) -> None:
    for name in ("model", "model-2"):
        with locations.new_folder(f"{bucket}/{name}", LAST) as folder:
            expected = fill(folder)
    locations.remove(f"{bucket}/model/a")
    assert objects(f"{bucket}/model") == {name: data for name, data in expected.items() if name != "a"}
    locations.remove(f"{bucket}/model")
    assert objects(f"{bucket}/model") == {}
    assert objects(f"{bucket}/model-2") == expected
    locations.remove(f"{bucket}/model")


def replace(target: str | Path, tag: str) -> dict[str, bytes]:
    with locations.replacing(target, LAST) as folder:
        folder.mkdir()
        return fill(folder, tag)


def test_replacing__stopped_anywhere_it_is_the_old_the_new_or_nothing(bucket: str) -> None:
    target = f"{bucket}/model"
    outcomes = set()
    for allowed in itertools.count():
        Objects.store.clear()
        with locations.new_folder(target, LAST) as folder:
            old = fill(folder, "old")
            (folder / "only in the old").write_text("x")
        Objects.changes.clear()
        Objects.allowed = allowed
        try:
            new = replace(target, "new")
        except (OSError, InputError) as problem:
            assert "the connection was lost" in str(problem)
        else:
            break
        finally:
            Objects.allowed = float("inf")
        found = {name: data for name, data in objects(target).items() if data}
        if not locations.is_there(target, LAST):
            outcomes.add("nothing")
            assert LAST not in found
        else:
            is_old = found[LAST] == old[LAST]
            outcomes.add("old" if is_old else "new")
            assert found.items() >= old.items() if is_old else set(found) == set(old)
        replace(target, "new")
    assert outcomes == {"old", "new", "nothing"}
    assert objects(target) == new
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_replacing__here_and_what_was_not_there(bucket: str, tmp_path: Path) -> None:
    for target in (tmp_path / "model", f"{bucket}/model"):
        for tag in ("old", "new"):
            expected = replace(target, tag)
        assert locations.names_in(target) == {"a", LAST, "deep", "z"}
        with pytest.raises(ZeroDivisionError), locations.replacing(target, LAST):
            _ = 1 / 0
        found = files(target) if isinstance(target, Path) else objects(target)
        assert found == expected
    assert locations.names_in(tmp_path / "none") == locations.names_in(f"{bucket}/none") == set()


def test_new_file__is_whole_or_not_there(bucket: str, tmp_path: Path) -> None:
    for target in (tmp_path / "t.tsv", f"{bucket}/t.tsv"):
        with pytest.raises(ZeroDivisionError), locations.new_file(target) as file:
            file.write_text("half")
            _ = 1 / 0
        assert not locations.exists(target)
        with locations.new_file(target) as file:
            file.write_text("whole")
            assert not locations.exists(target)
        assert locations.read_text(target) == "whole"
        with pytest.raises(InputError, match=r"t\.tsv: exists; remove it or name another file"):
            locations.new_file(target).__enter__()
    assert {file.name for file in tmp_path.iterdir()} == {"t.tsv", "tmp"}


def test_files__are_read(bucket: str, tmp_path: Path) -> None:
    for place in (f"{bucket}/x/ä.txt", tmp_path / "ä.txt"):
        with fsspec.open(str(place), "wb") as out:
            out.write("größe\n".encode())
        assert locations.read_text(place) == "größe\n"
        assert locations.file_size(place) == 8
        assert locations.exists(place)
        with locations.open_bytes(place) as raw:
            assert raw.read() == "größe\n".encode()
        with locations.local_copy(place) as copy:
            assert copy.read_bytes() == "größe\n".encode()
            assert copy.name == "ä.txt"
    assert copy.exists()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert locations.file_size(f"{bucket}/x") is locations.file_size(f"{bucket}/y") is None
    assert locations.exists(f"{bucket}/x")
    assert not locations.exists(f"{bucket}/y")
    for read in (locations.read_text, locations.open_bytes):
        with pytest.raises(FileNotFoundError):
            read(f"{bucket}/y")


# Inputs and configurations


def put(url: str, data: bytes) -> str:
    with fsspec.open(url, "wb") as out:
        out.write(data)
    return url


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


def test_reader__a_lost_connection_is_not_a_damaged_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is compressed: what is missing of it must not be blamed on the file."""
    packed = gzip.compress(os.urandom(1 << 22))

    class Lost:
        left = 2

        def read(self, size: int) -> bytes:
            self.left -= 1
            if not self.left:
                raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
            return packed[:size]

        def __enter__(self) -> "Lost":
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(bed, "open_bytes", lambda place: Lost())
    with pytest.raises(InputError, match=r"^s3://b/p\.gz: cannot be reached: Connection reset by peer$"):
        list(BedReader("s3://b/p.gz", 4))


def test_load_config__from_a_url_with_inputs_beside_it(bucket: str) -> None:
    put(f"{bucket}/conf/my.yaml", b"cell_line: x\ninputs: {peaks: p.bed, crms: 'objects://other/c.bed'}\n")
    inputs = load_config(f"{bucket}/conf/my.yaml").inputs
    assert inputs.peaks == f"{bucket}/conf/p.bed"
    assert inputs.crms == "objects://other/c.bed"
    with pytest.raises(InputError, match=r"^objects://bucket/no\.yaml: no such config file"):
        load_config(f"{bucket}/no.yaml")


# Stores, models and results


@pytest.fixture
def local(catalogue: Catalogue, config: Config, tmp_path: Path) -> Path:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    return tmp_path / "s.zarr"


def untrained(config: Config) -> TrainedModel:
    network = build_autoencoder(320, 3, 3, config.model, seed=1)
    network.get_layer("sources").bias.assign(np.linspace(-0.2, 1, 9))
    return TrainedModel(network, (("d3", "d1", "d2"), ("z", "x", "y")), config)


def finish(store: str | Path, model: str | Path, out: str | Path) -> ScoreRun:
    run = score_run(store, model)
    score_store(run)
    normalize_scores(run, run.config.normalization)
    export_scores(store, out, run=run)
    return run


def assert_same(url: str, folder: Path) -> None:
    """Assert that the same files are at a URL as in a local folder."""
    found, expected = objects(url), files(folder)
    assert sorted(found) == sorted(expected)
    for name, data in expected.items():
        if name.endswith(".json"):
            assert json.loads(found[name]) == json.loads(data), name
        else:
            assert found[name] == data, name


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
    assert there.group == here.group
    assert_same(store, local)
    assert_same(f"{bucket}/out", tmp_path / "out")
    assert summarize(store) == summarize(local)
    found = verify_store(store)
    assert found == verify_store(local)
    assert not found.damages
    xr.testing.assert_identical(open_store(store).data.load(), open_store(local).data.load())
    results = xr.Dataset({"matrix": ("one", [1.0, np.nan]), "text": ("one", np.array(["a", "b"], object))})
    for value in (1, 2):
        save_results(there, "things", results * value)
    xr.testing.assert_equal(load_results(there, "things"), (results * 2).assign_attrs(complete=True))
    assert list((tmp_path / "tmp").glob(".atypeak*")) == []
    assert not list(Path.cwd().glob("objects:*"))


def test_assess__at_a_url_writes_what_it_writes_here(
    bucket: str, catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    peaks, crms = catalogue
    folders = ("crms", "qscore", "groups", "releases", "statistics", "out")
    for base in (tmp_path / "here", bucket):
        store, model = locations.join(base, "s.zarr"), locations.join(base, "model")
        build_store(peaks, crms, store, config)
        save_model(untrained(config), model)
        run = finish(store, model, locations.join(base, "out"))
        crm_table(run, locations.join(base, "crms"), regions=crms)
        q_score(run, config.normalization, locations.join(base, "qscore"))
        correlation_groups(run, out=locations.join(base, "groups"))
        compare_releases(locations.join(base, "out"), peaks, crms, locations.join(base, "releases"))
        write_tables(statistics_tables(store, run=run), locations.join(base, "statistics"))
        write_table(compare_pairs(run), locations.join(base, "pairs.tsv"))
        again = locations.join(base, "out")
        for function, arguments in (
            (crm_table, (run, again)), (q_score, (run, config.normalization, again)),
            (correlation_groups, (run, None, again)), (write_table, (None, again)),
            (compare_releases, (again, peaks, crms, again)), (write_tables, ({"a": None}, again)),
        ):  # fmt: skip
            with pytest.raises(InputError, match="exists; remove it or name another"):
                function(*arguments)
    for folder in folders:
        assert_same(f"{bucket}/{folder}", tmp_path / "here" / folder)
    assert objects(bucket)["pairs.tsv"] == (tmp_path / "here/pairs.tsv").read_bytes()
    assert not list(Path.cwd().glob("objects:*"))


def test_compare_releases__what_is_no_export_and_a_lost_connection(bucket: str, catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match=r"^objects://bucket/none: not a folder of scores; expected what"):
        compare_releases(f"{bucket}/none", *catalogue, f"{bucket}/out")
    put(f"{bucket}/scores/peaks.parquet", b"x")
    put(f"{bucket}/scores/made-from.json", b"{}")
    with pytest.raises(InputError, match=r"^objects://bucket/scores: not a folder of scores; expected what"):
        compare_releases(f"{bucket}/scores", *catalogue, f"{bucket}/out")
    Objects.unreadable = "made-from"
    with pytest.raises(InputError, match="cannot be reached: the connection was lost"):
        compare_releases(f"{bucket}/scores", *catalogue, f"{bucket}/out")


def test_train_seeds__at_a_url_keeps_what_is_there(
    bucket: str, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def train(store: str, config: Config, progress: Any) -> TrainedModel:
        made.append((store, config.training.seed))
        return dataclasses.replace(untrained(config), training=Training(1, 1, 0.5, "settled"))

    monkeypatch.setattr("atypeak_scale.model.training.train.train", train)
    put(f"{bucket}/models/seed-2/{locations.UNFINISHED}", b"")  # of a killed upload
    put(f"{bucket}/models/seed-2/config.yaml", b"x")
    first = config.training.seed
    for seeds in (1, 3):
        expected = [f"{bucket}/models/seed-{first + number}" for number in range(seeds)]
        assert train_seeds(f"{bucket}/s.zarr", config, seeds, f"{bucket}/models/") == expected
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
    assert list(schema.cell_lines(store)) == ["cell", "evil/..%[1]"]
    assert {name.split("/")[0] for name in objects(store)} == {"zarr.json", "cell", "evil%2F..%25%5B1%5D"}
    before = objects(store)
    with pytest.raises(InputError, match="already holds cell line 'cell'"):
        build_store(*catalogue, store, config)
    assert objects(store) == before


def test_build__stopped_anywhere_it_is_not_seen_and_can_be_done_again(
    bucket: str, catalogue: Catalogue, local: Path, config: Config
) -> None:
    store = f"{bucket}/s.zarr"
    build_store(*catalogue, store, config)
    changes = [f"{what} {path.rpartition('s.zarr/')[2]}" for what, path in Objects.changes]
    # The group, then the consolidated metadata.
    assert changes[-2:] == ["write cell/zarr.json", "write zarr.json"]
    for allowed in (0, 4, len(changes) // 2, len(changes) - 2, len(changes) - 1):
        Objects.store.clear()
        Objects.changes.clear()
        Objects.allowed = allowed
        with pytest.raises((OSError, InputError), match="the connection was lost"):
            build_store(*catalogue, store, config)
        Objects.allowed = float("inf")
        is_built = allowed == len(changes) - 1
        if allowed > 4:
            assert list(schema.cell_lines(store)) == ["cell"] * is_built
            # What is left must not be taken for a chunk of what comes.
            put(f"{store}/cell/occupancy/c/77/0/0", b"left")
        if not is_built:
            build_store(*catalogue, store, config)
            assert_same(store, local)


def test_build__what_is_no_store_is_refused(bucket: str, catalogue: Catalogue, config: Config) -> None:
    put(f"{bucket}/mine/notes.txt", b"x")
    with pytest.raises(InputError, match="objects://bucket/mine: not a store"):
        build_store(*catalogue, f"{bucket}/mine", config)
    assert set(objects(bucket)) == {"mine/notes.txt"}


@pytest.fixture
def run(bucket: str, catalogue: Catalogue, config: Config) -> ScoreRun:
    """Build a store and save a model at URLs; the run that names both."""
    build_store(*catalogue, f"{bucket}/s.zarr", config)
    save_model(untrained(config), f"{bucket}/model")
    return score_run(f"{bucket}/s.zarr", f"{bucket}/model")


def test_score__half_made_results_are_not_seen_and_made_again(run: ScoreRun) -> None:
    Objects.changes.clear()
    for allowed in (0, 1, 2, 10):
        Objects.allowed = allowed
        with pytest.raises(OSError, match="the connection was lost"):
            run.open()
        Objects.allowed = float("inf")
        Objects.changes.clear()
        assert plan_score(run).blocks_done == 0
        assert not is_scored(run)
        assert summarize(run.store)[0]["scores"] == {}
        with pytest.raises(InputError, match="not scored"):
            export_scores(run.store, "objects://bucket/out")
    score_store(run)
    assert is_scored(run)


def test_score__stopped_it_goes_on(run: ScoreRun) -> None:
    run.open()
    Objects.changes.clear()
    Objects.allowed = 3
    with pytest.raises(OSError, match="cannot be reached: the connection was lost"):
        score_store(run)
    Objects.allowed = float("inf")
    assert plan_score(run).blocks_done == 3
    Objects.changes.clear()
    score_store(run)
    rows = [path for what, path in Objects.changes if "rebuilt_score/c/" in path]
    assert sorted(int(path.rpartition("/")[2]) for path in rows) == list(range(3, plan_score(run).blocks))


def test_read__a_lost_connection_is_no_damage(run: ScoreRun) -> None:
    """Damage would be mended by scoring again, or by building the store again."""
    score_store(run)
    data, scores = run.open()
    arrays = schema.array(data, "occupancy"), schema.array(scores, "raw")
    Objects.unreadable = ""
    for array in arrays:
        with pytest.raises(OSError, match="the connection was lost") as failure:
            schema.damage_of(array, (0,) * array.ndim)
        assert failure.value.filename.startswith(f"{run.store}/cell/")
    with pytest.raises(InputError, match=r"^objects://bucket/s\.zarr: cannot be reached: the connection was"):
        is_scored(run)
    with pytest.raises(
        InputError, match=r"^objects://bucket/model/.*: cannot be reached: the connection was"
    ):
        load_model(run.model)
    Objects.unreadable = None
    put(f"{run.store}/{scores.path}/raw/c/0", b"damaged")
    with pytest.raises(DamagedError, match=r"^objects://bucket/s\.zarr/cell/scores/.*/raw, chunk 0: damaged"):
        schema.read_array(scores, "raw")


def test_train__what_cannot_be_read_is_told_as_it_is(run: ScoreRun, config: Config) -> None:
    """Not as TensorFlow does, with a trace of its own."""
    Objects.unreadable = "occupancy/c/"
    with pytest.raises(OSError, match="cannot be reached: the connection was lost") as failure:
        train(run.store, config)
    assert failure.value.filename.startswith(f"{run.store}/cell/occupancy/c/")
    Objects.unreadable = None
    put(f"{run.store}/cell/occupancy/c/1/0/0", b"damaged")
    with pytest.raises(DamagedError, match=r"^objects://bucket/s\.zarr/cell/occupancy, chunk 1/0/0: damaged"):
        train(run.store, config)


def test_store__is_opened_by_who_receives_it(run: ScoreRun) -> None:
    opened = pickle.loads(pickle.dumps(zarr_store(run.store)))
    assert opened == zarr_store(run.store)
    assert str(opened) == run.store
    tensor = pickle.loads(cloudpickle.dumps(open_store(run.store).tensor))
    assert int(tensor.sum()) > 0


def test_sole_writer__locks_nothing_at_a_url(
    run: ScoreRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    with sole_writer(run.store, run.group), sole_writer(run.store, run.group):
        assert files(tmp_path) == before


def test_run__in_a_workdir_at_a_url(bucket: str, catalogue: Catalogue, config: Config) -> None:
    put(f"{bucket}/conf/my.yaml", dump_config(config).encode() + b"inputs: {peaks: p.bed, crms: c.bed}\n")
    for name, file in zip(("p.bed", "c.bed"), catalogue, strict=True):
        put(f"{bucket}/conf/{name}", file.read_bytes())

    def again(changes: dict[str, Any] | None = None) -> list[bool]:
        settings = load_config(f"{bucket}/conf/my.yaml")
        for section, values in (changes or {}).items():
            changed = getattr(settings, section).model_copy(update=values)
            settings = settings.model_copy(update={section: changed})
        return [report.skipped for report in run_pipeline(settings, f"{bucket}/work")]

    assert again() == [False] * 5
    assert {name.split("/")[0] for name in objects(f"{bucket}/work")} == {"store.zarr", "model", "scores"}
    Objects.changes.clear()
    assert again() == [True] * 5
    assert Objects.changes == []
    assert again({"training": {"seed": 7}}) == [True, False, False, False, False]
    assert again({"store": {"rows_per_block": 32}}) == [False] * 5


# Workers somewhere else


def test_score_run__does_not_depend_on_the_working_directory(
    local: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(untrained(config), tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    run = score_run("s.zarr", Path("model"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    score_store(run)
    assert is_scored(run)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_workers__with_another_working_directory_find_relative_places(
    catalogue: Catalogue, config: Config, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client, LocalCluster

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        with Client(cluster) as client:
            client.run(os.chdir, tmp_path / "elsewhere")
        there = Cluster(scheduler=cluster.scheduler_address)
        inputs = [file.relative_to(tmp_path) for file in catalogue]
        result = build_store(*inputs, "new.zarr", config, there)
        assert result.store == Path("new.zarr")
        assert verify_store("new.zarr", there).damages == []
    assert files(tmp_path / "new.zarr") == files(local)
    assert list((tmp_path / "elsewhere").iterdir()) == []
