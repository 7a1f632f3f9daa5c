"""`qscore`: its options reach the library, what it prints and writes, and what it refuses."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from atypeak_scale import assess, open_scores, open_store
from atypeak_scale.config import Config, NormalizationSettings
from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    MODEL_OPTIONS,
    NORMALIZATIONS,
    Finished,
    Refuse,
    Replace,
    Resolved,
    Run,
    Where,
    invoke,
    printed,
    scores_of,
)


@pytest.fixture
def qscore(replace: Replace, resolve: Resolved, tensorflow: dict[str, Mock]) -> Mock:
    found = xr.Dataset({"total": ((), 0.540216)}, attrs={"sampled_windows": 1234})
    return replace("assess.quality.qscore.qscore", found)


@pytest.mark.parametrize("options, settings", NORMALIZATIONS)
def test_qscore__sample(
    qscore: Mock, model: Path, options: list[str], settings: NormalizationSettings
) -> None:
    result = invoke("qscore", "s.zarr", "--model", model, *options)
    assert qscore.call_args_list == [call(scores_of(model), settings, None, executor=HERE)]
    assert result.stdout == "Q-score 0.5402 from 1,234 windows\n"


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_qscore__where(qscore: Mock, model: Path, options: list[str], where: Where) -> None:
    invoke("qscore", "s.zarr", "--model", model, "--out", "o", *options)
    assert qscore.call_args_list == [
        call(scores_of(model), NormalizationSettings(sample=50), "o", executor=where)
    ]


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_qscore__run(
    resolve: Resolved, qscore: Mock, tensorflow: dict[str, Mock], model: Path, options: list[str],
    found: tuple[Any, ...],
) -> None:  # fmt: skip
    invoke("qscore", "s.zarr", "--model", model, *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]
    assert len(tensorflow["qscore"].call_args_list) == 1


# For real


def test_qscore__prints_the_total_and_writes_what_the_library_finds(
    steps: Finished, config: Config, tmp_path: Path
) -> None:
    store = shutil.copytree(steps.store, tmp_path / "s.zarr")
    text = printed("qscore", store, "--model", steps.model, "--out", tmp_path / "q")
    pairs = pd.read_csv(tmp_path / "q" / "pairs.tsv", sep="\t")
    (facts,) = json.loads(steps.printed["info json"])
    assert text == f"Q-score {pairs['contribution'].sum():.4f} from {facts['windows']:,} windows\n"
    assert len(pairs) == 12
    found = assess.qscore(open_scores(open_store(store), steps.model), config.normalization)
    off_diagonal = ~np.eye(3, dtype=bool)
    for name in ("correlation", "pos_p", "neg_p"):
        of_views = found[name].to_numpy()[:3, :3], found[name].to_numpy()[3:, 3:]
        expected = np.concatenate([matrix[off_diagonal] for matrix in of_views])
        np.testing.assert_allclose(pairs[name], expected, rtol=1e-6)


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["qscore", "no.zarr", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["qscore", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
    ],
)  # fmt: skip
def test_qscore__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_qscore__refuses_an_existing_folder_and_leaves_nothing(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path,
) -> None:  # fmt: skip
    model = save_untrained()
    (tmp_path / "out").mkdir()
    unchanged()
    message = atypeak("qscore", built, "--model", model, "--out", tmp_path / "out").message()
    assert message == f"{tmp_path / 'out'}: exists; remove it or name another folder"
    assert unchanged()
