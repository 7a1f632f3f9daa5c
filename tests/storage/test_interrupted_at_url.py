"""A lost connection damages nothing, blames no file, and what was stopped goes on."""

import errno
import gzip
import os
from pathlib import Path

import pytest
from atypeak_scale.score.blocks import ScoreRun, is_scored, plan_score, score_store
from atypeak_scale.score.export import export_scores
from atypeak_scale.store.summary import summarize
from storage.object_store import Objects, assert_same, put

from atypeak_scale.assess.regions.releases import compare_releases
from atypeak_scale.catalogue.bed import BedReader
from atypeak_scale.config import Config
from atypeak_scale.errors import DamagedError, InputError
from atypeak_scale.model.files import load_model
from atypeak_scale.model.training.train import train
from atypeak_scale.storage.url import UrlTarget
from atypeak_scale.store import schema
from atypeak_scale.store.build import build_store

Catalogue = tuple[Path, Path]


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

    monkeypatch.setattr(UrlTarget, "open_bytes", lambda target: Lost())
    with pytest.raises(InputError, match=r"^s3://b/p\.gz: cannot be reached: Connection reset by peer$"):
        list(BedReader("s3://b/p.gz", 4))


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
