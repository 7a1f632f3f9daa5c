"""Training curves, against the files of the models."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from atypeak_scale.report.page import Figure, Listing, Text
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.training import training_blocks
from atypeak_scale.workdir import MODELS


def test_training_blocks__draw_the_history_of_each_model(results: Results, workdir: Path) -> None:
    blocks = list(training_blocks(results))
    figures = [one for one in blocks if isinstance(one, Figure)]
    assert [one.name for one in figures] == ["training-article", "training-support"]
    (listing,) = [one for one in blocks if isinstance(one, Listing)]
    for name, folder in MODELS.items():
        history = pd.read_csv(workdir / folder / "history.csv")
        rows = listing.frame[listing.frame["of"] == name]
        np.testing.assert_array_equal(rows["loss"], history["loss"])
        kept = json.loads((workdir / folder / "model.json").read_text())["training"]["kept_epoch"]
        assert rows.loc[rows["kept"] == 1, "epoch"].tolist() == [kept]
    assert listing.frame.query("of == 'article'")["validation_loss"].isna().all()
    assert listing.frame.query("of == 'support'")["validation_loss"].notna().all()
    (text,) = [one for one in blocks if isinstance(one, Text)]
    assert len(text.paragraphs) == 2 and "stopped because" in text.paragraphs[0]


def test_training_blocks__without_the_models_say_nothing(results: Results, tmp_path: Path) -> None:
    assert results.article is not None
    gone = replace(results.article, model=tmp_path / "gone")
    assert list(training_blocks(Results(gone, None))) == []


def test_training_blocks__name_every_seed(results: Results, workdir: Path, tmp_path: Path) -> None:
    assert results.article is not None
    members = []
    for seed in (1, 2):
        shutil.copytree(workdir / "model", tmp_path / f"seed-{seed}")
        members.append(replace(results.article, model=tmp_path / f"seed-{seed}"))
    several = replace(results.article, members=tuple(members))
    *_, listing = training_blocks(Results(several, None))
    assert isinstance(listing, Listing)
    assert listing.frame["of"].unique().tolist() == ["article seed-1", "article seed-2"]
