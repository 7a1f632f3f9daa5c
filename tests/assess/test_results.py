"""Results beside the scores: what is written is read, and what is half written is not."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from atypeak_scale.assess.results import load_results, save_results
from atypeak_scale.errors import InputError
from atypeak_scale.scoring.blocks import ScoreRun


def found(value: float) -> xr.Dataset:
    labels = np.array(["a", "b"], object)
    matrix = xr.DataArray([[value, 1.0], [2.0, np.nan]], dims=("one", "other"), name="matrix")
    return xr.Dataset({"matrix": matrix, "text": ("one", labels)}, coords={"one": labels})


def test_results__round_trip_and_are_replaced(scored_run: ScoreRun) -> None:
    save_results(scored_run, "things", found(3.0))
    save_results(scored_run, "things", found(4.0))
    back = load_results(scored_run, "things")
    xr.testing.assert_equal(back, found(4.0).assign_attrs(complete=True))


def test_results__half_written_or_absent_are_refused(scored_run: ScoreRun) -> None:
    with pytest.raises(InputError, match="has no things"):
        load_results(scored_run, "things")
    save_results(scored_run, "things", found(3.0))
    _, scores = scored_run.open()
    things = scores["things"]
    assert isinstance(things, zarr.Group)
    del things.attrs["complete"]
    with pytest.raises(InputError, match="has no things"):
        load_results(scored_run, "things")


def test_results__xarray_alone_opens_them(scored_run: ScoreRun) -> None:
    save_results(scored_run, "things", found(3.0))
    _, scores = scored_run.open()
    direct = xr.open_zarr(Path(scored_run.store), group=f"{scores.path}/things")
    assert direct.matrix.values[0, 0] == 3.0
