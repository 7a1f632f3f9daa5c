"""`normalize`: its options reach the library, what it says, and what it refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import pandas as pd
import pytest

from atypeak_scale.config import NormalizationSettings
from atypeak_scale.errors import InputError
from atypeak_scale.registry.variables import WEIGHT_FLAG
from atypeak_scale.scoring.scores import Scores
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
    scores_of,
)


@pytest.fixture
def normalize(
    replace: Replace,
    resolve: Resolved,
    tensorflow: dict[str, Mock],
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Mock:
    flags = {WEIGHT_FLAG: ["", "clipped to 10", ""]}
    monkeypatch.setattr(Scores, "read", lambda _, variable: flags[variable])
    return replace("scoring.normalize.normalize", scores_of(model))


@pytest.mark.parametrize("options, settings", NORMALIZATIONS)
def test_normalize__sample(
    normalize: Mock, model: Path, options: list[str], settings: NormalizationSettings
) -> None:
    result = invoke("normalize", "s.zarr", "--model", model, *options)
    assert normalize.call_args_list == [call(scores_of(model), settings, executor=HERE)]
    assert type(normalize.call_args.args[1].sample) is type(settings.sample)
    assert result.stdout == "weighted 3 sources, 1 of them flagged; next: atypeak-scale export\n"


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_normalize__where(normalize: Mock, model: Path, options: list[str], where: Where) -> None:
    invoke("normalize", "s.zarr", "--model", model, *options)
    assert normalize.call_args_list == [
        call(scores_of(model), NormalizationSettings(sample=50), executor=where)
    ]


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_normalize__run(
    resolve: Resolved, normalize: Mock, tensorflow: dict[str, Mock], model: Path, options: list[str],
    found: tuple[Any, ...],
) -> None:  # fmt: skip
    invoke("normalize", "s.zarr", "--model", model, *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]
    assert len(tensorflow["normalize"].call_args_list) == 1


# For real


def test_normalize__counts_sources_and_flags(steps: Finished) -> None:
    weights = pd.read_csv(steps.scores / "weights.tsv", sep="\t", keep_default_na=False)
    flagged = (weights["weight_flag"] != "").sum()
    assert steps.printed["normalize"].startswith(f"weighted 5 sources, {flagged} of them flagged")


# Bad input


@pytest.mark.parametrize("sample", ["some", "0", "-3", "1.5", "", "nan"])
def test_normalize__bad_sample(normalize: Mock, model: Path, sample: str) -> None:
    with pytest.raises(InputError, match=r"^--sample"):
        invoke("normalize", "s.zarr", "--model", model, "--sample", sample)
    assert normalize.call_args_list == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["normalize", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
    ],
)  # fmt: skip
def test_normalize__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_normalize__unscored_leaves_nothing(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool]
) -> None:
    model = save_untrained()
    unchanged()
    message = atypeak("normalize", built, "--model", model).message(code=1)
    assert message == (
        f"{built}: this model has not scored every peak; "
        f"run 'atypeak-scale score {built} --model {model}' first"
    )
    assert unchanged()
