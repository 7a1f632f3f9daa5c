"""What lies where in the folder of a run."""

from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.workdir import is_workdir, models_of, store_of


def test_workdir__with_a_store(tmp_path: Path) -> None:
    assert not is_workdir(tmp_path)
    with pytest.raises(InputError, match=r"has no store\.zarr"):
        store_of(tmp_path)
    (tmp_path / "store.zarr").mkdir()
    assert is_workdir(tmp_path)
    assert store_of(tmp_path) == tmp_path / "store.zarr"
    assert not is_workdir(tmp_path / "store.zarr")


def test_models__those_that_exist_in_the_order_asked_for(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert models_of(tmp_path, ("support", "article")) == [tmp_path / "model"]
    (tmp_path / "support-model").mkdir()
    assert models_of(tmp_path, ("support", "article")) == [tmp_path / "support-model", tmp_path / "model"]
    assert models_of(tmp_path, ("article",)) == [tmp_path / "model"]
