"""`evidence`: its options reach the library, what it prints and writes, and what it refuses."""

import re
import shutil
from pathlib import Path
from unittest.mock import Mock, call

import pandas as pd
import pytest
from assess.supported import article_of, supported

from atypeak_scale import assess
from atypeak_scale.errors import InputError
from atypeak_scale.registry.evidence_columns import CONFIRMATION, CORROBORATION, EVIDENCE
from atypeak_scale.scoring.scores import Scores
from tests.cli.helpers import EXECUTORS, Refuse, Replace, Run, Where, invoke, printed

VIEWS = ("dataset", "tr")
NAMES = [column.name for column in EVIDENCE.named(VIEWS)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scores, Scores]:
    """A store scored by a model of support and one of the article; tests only read it."""
    folder = tmp_path_factory.mktemp("supported")
    scores = supported(folder)
    return scores, article_of(scores, folder / "article")


def rows(scope: str, *labels: str) -> list[list[object]]:
    figures = [0.9, 0.89, 0.91, 0.01, 0.005, 0.02, 0.6, 0.58, 0.62, 0.92, 0.91, 0.93]
    return [[scope, *labels, 1, 400, 900, score, *figures] for score in ("support", "overlapping_sources")]


@pytest.fixture
def library(replace: Replace) -> dict[str, Mock]:
    """Replace what the command calls, by results of two sources."""
    of_sources = rows("source", "d1", "x") + rows("source", "d2", "y")
    table = pd.DataFrame(rows("mean", "", "") + of_sources, columns=NAMES)
    pairs = pd.DataFrame(
        [["mean", "", "", 3, 700, 90, "support", *[0.8] * 6]],
        columns=[column.name for column in CONFIRMATION.columns],
    )
    return {
        "power": replace("assess.evidence.power.power", table),
        "confirmation": replace("assess.evidence.replicates.confirmation", pairs),
        "corroboration": replace(
            "assess.interpretation.corroboration.corroboration",
            pd.DataFrame(columns=[column.name for column in CORROBORATION.named(VIEWS)]),
        ),
        "tensorflow": replace("cli.evidence.import_tensorflow_quietly", None),
    }


def arguments(scores: Scores, *others: Scores) -> list[str | Path]:
    models = [part for one in (scores, *others) for part in ("--model", one.model)]
    return ["evidence", scores.cell_line.store, *models]  # type: ignore[list-item]


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_evidence__where(
    library: dict[str, Mock], made: tuple[Scores, Scores], options: list[str], where: Where
) -> None:
    text = printed(*arguments(made[0]), *options)
    assert library["power"].call_args_list == [call(made[0], None, executor=where)]
    assert not library["confirmation"].called
    assert not library["tensorflow"].called
    words = " ".join(text.split())
    assert "mean 1 400 support 0.900 (0.890 to 0.910) 0.010 (0.005 to 0.020) 0.600 (0.580 to 0.620)" in words
    assert "d1 x 400 0.9 0.9 d2 y 400" in words
    assert text.splitlines()[-1] == (
        "Trust support: it tells peaks from placements with AUROC 0.900; counting overlapping sources "
        "reaches 0.900 (means over 1 sources)."
    )


def test_evidence__article_and_confirmation(library: dict[str, Mock], made: tuple[Scores, Scores]) -> None:
    text = printed(*arguments(made[1], made[0]), "--confirm", "--work", "w")
    (given,) = library["power"].call_args_list
    assert given.args == made
    assert library["confirmation"].call_args_list[0].args == (made[0], "w")
    assert library["tensorflow"].called
    assert "mean 3 700 90 support 0.800 (0.800 to 0.800) 0.800 (0.800 to 0.800)" in " ".join(text.split())


def test_evidence__nothing_to_confirm_is_told_before_the_power(
    library: dict[str, Mock], made: tuple[Scores, Scores], replace: Replace
) -> None:
    replace("assess.evidence.replicates.replicates", None).side_effect = InputError("no tr has several")
    with pytest.raises(InputError, match="no tr has several"):
        invoke(*arguments(made[0]), "--confirm")
    assert not library["power"].called


# For real


def test_evidence__writes_what_the_library_finds(made: tuple[Scores, Scores], tmp_path: Path) -> None:
    text = printed(*arguments(*made), "--out", tmp_path / "out")
    table = assess.power(*made)
    written = pd.read_csv(tmp_path / "out" / "evidence.tsv", sep="\t", keep_default_na=False)
    texts = ["scope", *VIEWS, "score"]
    assert written[texts].to_numpy().tolist() == table[texts].to_numpy().tolist()
    written = pd.read_csv(tmp_path / "out" / "evidence.tsv", sep="\t")
    numbers = table.select_dtypes("number").columns
    pd.testing.assert_frame_equal(written[numbers], table[numbers], rtol=1e-3)
    corroboration = pd.read_csv(tmp_path / "out" / "corroboration.tsv", sep="\t")
    pd.testing.assert_frame_equal(corroboration, assess.corroboration(made[0]))
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "columns.tsv", "corroboration.tsv", "evidence.tsv", "made-from.json",
    ]  # fmt: skip
    assert text.splitlines()[-1] == assess.verdict(table)
    assert "\nAUROC of each source\n" in text


# Bad input


def test_evidence__refuses_models(made: tuple[Scores, Scores]) -> None:
    support, article = made
    for models, found in (((article,), "0 models of support and 1"),
                          ((support, support), "2 models of support"),
                          ((support, article, article), "1 models of support and 2")):  # fmt: skip
        with pytest.raises(InputError, match=rf"found {found} .*; name one of support"):
            invoke(*arguments(support, *models)[:2], *arguments(*models)[2:])
    with pytest.raises(InputError, match="--work is of use only with --confirm"):
        invoke(*arguments(support), "--work", "w")


def test_evidence__says_which_command_to_run(
    made: tuple[Scores, Scores], atypeak: Run, tmp_path: Path
) -> None:
    store = shutil.copytree(made[0].cell_line.store, tmp_path / "s.zarr")
    shutil.rmtree(store / "artificial" / "scores")
    for models in ([made[0].model], [made[0].model, made[1].model]):
        options = [part for model in models for part in ("--model", model)]
        message = atypeak("evidence", store, *options).message()
        assert re.search(
            rf"not scored by this model .*; run 'atypeak-scale score {store} --model {made[0].model}' first",
            message,
        )


def test_evidence__refuses_an_existing_folder(
    made: tuple[Scores, Scores], atypeak: Run, tmp_path: Path
) -> None:
    message = atypeak(*arguments(made[0]), "--out", tmp_path).message()
    assert message == f"{tmp_path}: exists; remove it or name another folder"


def test_evidence__missing_is_named_and_nothing_left(refuse_missing: Refuse) -> None:
    refuse_missing(["evidence", "no.zarr", "--model", "{folder}"], r"^no\.zarr: not a store; make one with")
