"""Results beside the scores: what is written is read, and what is half written is not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from atypeak_scale.assess.results import COMPLETE, described, filling, load, save, save_tables
from atypeak_scale.errors import InputError
from atypeak_scale.provenance import MADE_FROM
from atypeak_scale.registry.results import Result
from atypeak_scale.registry.table import Column, Table
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.groups import open_group

THINGS = Result("things", ("one", "other"), {"matrix": "a number of two things", "absent": "not there"})
TABLE = Table("things", "every thing", (Column("name", "text", "its name"), Column("x", "float64", "its x")))


def found(value: float) -> xr.Dataset:
    labels = np.array(["a", "b"], object)
    matrix = xr.DataArray([[value, 1.0], [2.0, np.nan]], dims=("one", "other"), name="matrix")
    return xr.Dataset({"matrix": matrix, "text": ("one", labels)}, coords={"one": labels})


def things(scores: Scores) -> zarr.Group:
    return open_group(scores.location, f"{scores.path}/things", "r+")


def test_results__round_trip_and_are_replaced(scored: Scores) -> None:
    save(found(3.0), scored, THINGS)
    save(found(4.0), scored, THINGS)
    back = load(scored, THINGS)
    xr.testing.assert_equal(back, found(4.0).assign_attrs(complete=True))


def test_results__half_written_or_absent_are_refused(scored: Scores) -> None:
    with pytest.raises(InputError, match="has no things"):
        load(scored, THINGS)
    save(found(3.0), scored, THINGS)
    del things(scored).attrs[COMPLETE]
    with pytest.raises(InputError, match="has no things"):
        load(scored, THINGS)


def test_results__of_scores_that_were_never_made_are_refused(scored: Scores, tmp_path: Path) -> None:
    elsewhere = replace(scored, location=tmp_path / "elsewhere")
    with pytest.raises(InputError, match="has no things"):
        load(elsewhere, THINGS)
    assert not (tmp_path / "elsewhere").exists()


def test_results__xarray_alone_opens_them(scored: Scores) -> None:
    save(found(3.0), scored, THINGS)
    direct = xr.open_zarr(Path(scored.location), group=f"{scored.path}/things")
    assert direct.matrix.values[0, 0] == 3.0


def test_results__variables_have_their_registered_descriptions(scored: Scores) -> None:
    assert described(found(3.0), THINGS)["matrix"].attrs == {"description": "a number of two things"}
    save(found(3.0), scored, THINGS)
    assert load(scored, THINGS)["matrix"].attrs["description"] == "a number of two things"


def test_filling__marks_as_complete_only_what_ended_well(scored: Scores) -> None:
    def stopped() -> None:
        with filling(found(3.0), scored, THINGS) as arrays:
            arrays.set("matrix", 1, np.array([[5.0, 6.0]]))
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        stopped()
    with pytest.raises(InputError, match="has no things"):
        load(scored, THINGS)
    with filling(found(3.0), scored, THINGS) as arrays:
        arrays.write("matrix", 0, np.array([[5.0, 6.0], [7.0, 8.0]]))
    assert load(scored, THINGS)["matrix"].values.tolist() == [[5.0, 6.0], [7.0, 8.0]]


def test_save_tables__appear_whole_with_what_they_were_made_from(tmp_path: Path) -> None:
    frames = [pd.DataFrame({"name": ["a"], "x": [np.nan]}), pd.DataFrame({"name": ["b"], "x": [0.5]})]
    out = tmp_path / "out"
    written = save_tables([(TABLE, frame) for frame in frames], out, ("dataset", "tr"), {"seed": 1})
    assert [file for file, _ in written] == [out / "things.tsv", out / "columns.tsv"]
    assert written[0][1] == "every thing"
    assert (out / "columns.tsv").read_text().splitlines()[1:] == [
        "things.tsv\tname\ttext\t\t\tits name", "things.tsv\tx\tfloat64\t\t\tits x",
    ]  # fmt: skip
    assert (out / "things.tsv").read_text() == "name\tx\na\t\nb\t0.5\n"
    assert json.loads((out / MADE_FROM).read_text()) == {"seed": 1}
    with pytest.raises(InputError, match="exists; remove it or name another folder"):
        save_tables([], out, ("dataset", "tr"), {})


def test_save_tables__columns_that_are_not_registered_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="registered are"):
        save_tables([(TABLE, pd.DataFrame({"name": ["a"]}))], tmp_path / "out", ("dataset", "tr"), {})
    assert not (tmp_path / "out").exists()
