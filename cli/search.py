"""`atypeak-scale search`."""

from typing import Any, get_args

import click
import yaml

from atypeak_scale.assess.quality.criteria import Criterion
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor

from .chosen import store_argument
from .common import executor_options, import_tensorflow_quietly
from .progress import progress_on
from .settings import normalization_settings
from .summary import Summary, summary_option


@click.command()
@click.option("--config", metavar="FILE", help="YAML configuration, or the name of a bundled one.")
@click.option("--store", "old_store", hidden=True)  # earlier versions: search CONFIG --store STORE
@store_argument
@click.option("--out", required=True, type=click.Path(), metavar="DIR",
              help="Folder or URL for the search; give the same one to continue a search.")  # fmt: skip
@click.option("--over", multiple=True, metavar="KEY=A,B,...",
              help="A setting of the configuration and its values; may be repeated. "
              "Default: model.deep_dimension=8,32,128,256; for power support.deep_dimension=16,32,64,128."
)  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, metavar="N",
              help="Number of models for each setting.")  # fmt: skip
@click.option("--criterion", type=click.Choice(get_args(Criterion)), default="q-score", show_default=True,
              help="What judges the models: their Q-score, or the power of their support; "
              "for power they are trained for support.")  # fmt: skip
@click.option("--sample", metavar="N", help="Windows for the Q-score: a number, a fraction below 1, or all. "
              "Default: the configuration's.")  # fmt: skip
@executor_options
@summary_option
def search(
    config: str | None,
    old_store: str | None,
    store: str,
    out: str,
    over: tuple[str, ...],
    seeds: int,
    criterion: Criterion,
    sample: str | None,
    summary: Summary,
    executor: Executor,
) -> None:
    """Train a grid of settings, several seeds each, and recommend one by its Q-score, or power of support.

    Each model is a separate task. The article searches the deep dimension, which is the information budget.
    """
    from atypeak_scale.config import load_config
    from atypeak_scale.store.cell_line import open_store

    if old_store is not None:
        config, store = store, old_store
    if config is None:
        raise click.UsageError("Missing option '--config'.")
    grid = _grid(over)
    if criterion == "power" and sample is not None:
        raise InputError(
            "--sample: is of the Q-score, which --criterion power does not compute; leave it out"
        )
    settings = load_config(config)
    sampled = normalization_settings(settings, sample, None)
    settings = settings.model_copy(update={"normalization": sampled})
    cell_line = open_store(store, settings.cell_line)
    import_tensorflow_quietly()
    from atypeak_scale.assess.quality import search as assessment
    from atypeak_scale.assess.quality.recommendation import recommend, summarize_search
    from atypeak_scale.storage.locations import join

    with progress_on(executor):
        trials = assessment.search(cell_line, settings, out, grid or None, seeds, executor, criterion)
    summary.table("settings", summarize_search(trials))
    chosen = recommend(trials)
    words = ", ".join(f"{key}: {value}" for key, value in chosen.setting.items())
    summary.say(f"recommended: {words}; {chosen.reason}", recommended=chosen.setting, reason=chosen.reason)
    summary.files([(join(out, assessment.TRIALS), "every model")])


def _grid(over: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return the values of each key, read as YAML."""
    grid: dict[str, list[Any]] = {}
    for text in over:
        key, equals, values = text.partition("=")
        if not equals or not values or key in grid:
            problem = "given twice" if key in grid else "no value"
            raise InputError(
                f"--over {text}: {problem}; expected KEY=A,B,... such as model.deep_dimension=8,32"
            )
        try:
            parsed = yaml.safe_load(f"[{values}]")
        except yaml.YAMLError:
            raise InputError(f"--over {text}: {values!r} are not valid YAML values") from None
        grid[key] = list(dict.fromkeys(parsed)) if all(map(_is_plain, parsed)) else parsed
    return grid


def _is_plain(value: Any) -> bool:
    return not isinstance(value, list | dict)
