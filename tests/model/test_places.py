"""Where models lie."""

import json
from pathlib import Path

import pytest
from conftest import TINY

from atypeak_scale.config import dump_config
from atypeak_scale.errors import InputError
from atypeak_scale.model.places import model_cell_line, place_of_model


def model_in(folder: Path, stopped: str | None) -> Path:
    folder.mkdir()
    training = None if stopped is None else {"stopped": stopped}
    known = {"fingerprint": "f", "views": {"d": [], "t": []}, "training": training, "store": "s"}
    (folder / "model.json").write_text(json.dumps(known))
    (folder / "config.yaml").write_text(dump_config(TINY))
    return folder


def test_model_cell_line__is_that_of_its_settings(tmp_path: Path) -> None:
    assert model_cell_line(tmp_path / "none") is None
    assert model_cell_line(model_in(tmp_path / "model", "settled")) == "cell"


@pytest.mark.parametrize(
    ("before", "interrupted", "name"),
    [
        ("settled", True, "model-interrupted"),
        ("settled", False, "model"),
        ("interrupted", True, "model"),
        ("interrupted", False, "model"),
        (None, True, "model"),
    ],
)
def test_place_of_model__sets_interrupted_ones_aside(
    tmp_path: Path, before: str | None, interrupted: bool, name: str
) -> None:
    folder = model_in(tmp_path / "model", before)
    assert place_of_model(folder, interrupted) == tmp_path / name


def test_place_of_model__is_free_or_refused(tmp_path: Path) -> None:
    assert place_of_model(tmp_path / "new", True) == tmp_path / "new"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.json").write_text("{}")
    with pytest.raises(InputError, match="not a trained model"):
        place_of_model(tmp_path / "other", True)
