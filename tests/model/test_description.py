import json
import subprocess
import sys
from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.model.description import absent_labels, check_frame, describe_model, knows

OF_MODEL = {"dataset": ["d1", "d2", "d3"], "tr": ["x", "y"]}
FRAME = (3200, 10)


def test_describe__returns_what_is_written(tmp_path: Path) -> None:
    written = {"fingerprint": "f", "views": OF_MODEL, "training": None, "store": None, "versions": {}}
    (tmp_path / "model.json").write_text(json.dumps(written))
    assert describe_model(tmp_path) == written
    assert list(describe_model(str(tmp_path))["views"]) == ["dataset", "tr"]


@pytest.mark.parametrize(
    "text",
    [
        None, "", "[]", "no JSON", '{"fingerprint": "f", "views": {"a": [], "b": []}, "training": null}',
        '{"fingerprint": "f", "views": {"a": []}, "training": null, "store": null}',
    ],
    ids=["absent", "empty", "a list", "no JSON", "a key is missing", "one view"],
)  # fmt: skip
def test_describe__refuses_what_is_no_model(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "model.json").write_text(text)
    with pytest.raises(InputError, match="not a trained model; make one with 'atypeak-scale train'"):
        describe_model(tmp_path)


def test_describe__does_not_load_tensorflow(tmp_path: Path) -> None:
    written = {"fingerprint": "f", "views": OF_MODEL, "training": None, "store": None}
    (tmp_path / "model.json").write_text(json.dumps(written))
    program = (
        "import sys; from atypeak_scale.model.description import describe_model; "
        "from atypeak_scale.model.inference.process import process_engine; "
        f"describe_model({str(tmp_path)!r}); sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_knows__by_both_labels() -> None:
    known = {"views": OF_MODEL}
    assert knows(known, ("d3", "x"))
    assert not knows(known, ("d9", "x"))
    assert not knows(known, ("d1", "z"))


def test_knows__only_the_cells_that_it_rebuilds() -> None:
    first, second = OF_MODEL.values()
    every = [(dataset, tr) for dataset in first for tr in second]
    known = {"views": OF_MODEL, "cells": [0, 3, 4]}
    assert [number for number, source in enumerate(every) if knows(known, source)] == [0, 3, 4]


def test_check_frame__refuses_another() -> None:
    check_frame(FRAME, FRAME, "s.zarr")
    with pytest.raises(
        InputError,
        match=r"^s\.zarr: has frames of 1600 bp in bins of 20 bp; the model was trained on 3200 bp in bins "
        r"of 10 bp$",
    ):
        check_frame(FRAME, (1600, 20), "s.zarr")


def test_absent_labels__by_view() -> None:
    assert absent_labels(OF_MODEL, (["d2"], ["y", "x"])) == {"dataset": ["d1", "d3"]}
    assert absent_labels(OF_MODEL, (["d1", "d2", "d3"], ["x"])) == {"tr": ["y"]}
    assert absent_labels(OF_MODEL, (["d3", "d2", "d1"], ["y", "x"])) == {}
