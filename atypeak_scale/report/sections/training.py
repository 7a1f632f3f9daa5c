"""Training curves of the models, with the reason why each stopped."""

import io
from collections.abc import Iterator
from typing import Any

import pandas as pd

from atypeak_scale.errors import AtypeakError
from atypeak_scale.model.description import HISTORY, INTERRUPTED, LAST, LOW, SETTLED, describe_model
from atypeak_scale.registry.report_columns import TRAINING
from atypeak_scale.report.drawing import BLUE, ORANGE, add_line, legend_above, new_figure
from atypeak_scale.report.page import Block, Figure, Listing, Text
from atypeak_scale.report.results import Results
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import join, name_of
from atypeak_scale.storage.targets import target

REASONS = {
    SETTLED: "the loss hardly fell any more",
    LOW: "the loss that was asked for was reached",
    LAST: "that was the last epoch",
    INTERRUPTED: "it was interrupted",
}
NAMES = {"article": "The article's model", "support": "The model of support"}


def training_blocks(results: Results) -> Iterator[Block]:
    """Yield a curve for each kind of model, and the table of all epochs; nothing if no model is there."""
    parts, told = [], []
    for scores in results.each:
        members = [one for one in (_member(one, scores) for one in scores.members or (scores,)) if one]
        if members:
            parts += [table for table, _ in members]
            told.append(_sentence(scores, members))
            yield _figure(scores, [table for table, _ in members])
    if parts:
        yield Text(tuple(told))
        yield Listing(
            "training", "Every epoch", TRAINING, pd.concat(parts, ignore_index=True),
            "The loss of each epoch; the weights of the epoch that is kept are in use.",
        )  # fmt: skip


def _member(one: Scores, of: Scores) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """Return the epochs of a model and how its training ended; None if its folder is not there any more."""
    try:
        ended = describe_model(one.model)["training"]
        text = target(join(one.model, HISTORY)).read_text()
    except (OSError, AtypeakError):
        return None
    if ended is None:
        return None
    history = pd.read_csv(io.StringIO(text))
    name = f"{of.objective} {name_of(one.model)}" if of.members else str(of.objective)
    return pd.DataFrame(
        {
            "of": name,
            "epoch": history["epoch"],
            "loss": history["loss"],
            "validation_loss": history.get("validation_loss", float("nan")),
            "kept": (history["epoch"] == ended["kept_epoch"]).astype(int),
        }
    ), ended


def _sentence(scores: Scores, members: list[tuple[pd.DataFrame, dict[str, Any]]]) -> str:
    ended = members[0][1]
    name = NAMES[scores.objective]
    several = f" ({len(members)} of them; this is the first)" if len(members) > 1 else ""
    return (
        f"{name}{several} was trained for {ended['epochs']} epochs and stopped because "
        f"{REASONS.get(ended['stopped'], ended['stopped'])}; the weights of epoch {ended['kept_epoch']} are "
        f"in use, with a loss of {ended['kept_loss']:.4g}."
    )


def _figure(scores: Scores, tables: list[pd.DataFrame]) -> Figure:
    drawn = new_figure(280, "epoch", "loss")
    for number, table in enumerate(tables):
        names = (
            ("training", "validation") if not number else ("training, other seeds", "validation, other seeds")
        )
        for column, name, colour in zip(("loss", "validation_loss"), names, (BLUE, ORANGE), strict=True):
            if table[column].notna().any():
                add_line(drawn, table["epoch"].tolist(), table[column].tolist(), name, colour, "epoch")
    legend_above(drawn)
    warns = (
        " If the orange line rises while the blue one falls, the model learns single windows by heart."
        if tables[0]["validation_loss"].notna().any()
        else ""
    )
    return Figure(
        f"training-{scores.objective}", f"{NAMES[scores.objective]} while it was trained", drawn,
        f"The curve should fall steeply, then flatten.{warns}", "training",
    )  # fmt: skip
