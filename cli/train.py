"""`atypeak-scale train`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, get_args

import click

from atypeak_scale.config import Objective
from atypeak_scale.execution.executor import Executor

from .chosen import store_or_workdir
from .common import dry_run_option, executor_options, import_tensorflow_quietly
from .progress import progress_on
from .summary import Summary, summary_option

if TYPE_CHECKING:
    from atypeak_scale.config import Config
    from atypeak_scale.store.cell_line import CellLine


@click.command()
@store_or_workdir
@click.option(
    "--config", required=True, metavar="FILE", help="YAML configuration, or the name of a bundled one."
)
@click.option("--model", type=click.Path(), metavar="DIR",
              help="New folder or URL for the model. With --workdir, by default where 'run' puts it."
)  # fmt: skip
@click.option("--objective", type=click.Choice(get_args(Objective)),
              help="What the network learns: article, to rebuild what it sees; support, to predict sources "
              "that it does not see. Default: the configuration's, usually article."
)  # fmt: skip
@click.option("--halves", is_flag=True,
              help="Train two networks of support in DIR/seed-..., each on half of the CRMs. Each judges "
              "what the other was trained on: for data of which one network memorises peaks."
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Seed, instead of the one in the configuration.")
@click.option("--seeds", type=click.IntRange(min=1), metavar="N",
              help="Train N models in DIR/seed-..., counting up from the seed; finished ones are kept. "
              "Says how far their scores agree."
)  # fmt: skip
@dry_run_option
@executor_options
@summary_option
def train(
    store: str,
    config: str,
    workdir: str | None,
    model: str | None,
    objective: Objective | None,
    halves: bool,
    seed: int | None,
    seeds: int | None,
    dry_run: bool,
    summary: Summary,
    executor: Executor,
) -> None:
    """Train a model of support, or of the article's score, for a cell line of STORE.

    Ctrl-C keeps the weights so far. --workers and --scheduler matter only with --seeds: each seed trains
    on one worker. With --memory-limit, batches are cut into parts that fit; --dry-run says which.
    """
    from atypeak_scale.config import load_config, with_objective, with_seed
    from atypeak_scale.model.description import DESCRIPTION
    from atypeak_scale.model.halves import parts_of, with_trained_on
    from atypeak_scale.storage.targets import target
    from atypeak_scale.store.cell_line import open_store

    settings = with_seed(load_config(config), seed)
    if objective is not None:
        settings = with_objective(settings, objective)
    if halves and settings.training.objective != "support":
        raise click.UsageError("--halves needs --objective support")
    settings = with_trained_on(settings, "halves") if halves else settings
    if dry_run:
        from atypeak_scale.model.training.plan import plan_training

        summary.facts(plan_training(open_store(store, settings.cell_line), settings, executor.process_bytes))
        return
    model = _place(model, workdir, settings)
    cell_line = open_store(store, settings.cell_line)
    if seeds is not None or len(parts_of(settings)) > 1:
        _train_several(cell_line, settings, seeds or 1, model, summary, executor)
        return
    target(model).refuse_existing(last=DESCRIPTION)
    import_tensorflow_quietly()
    from atypeak_scale.model.training.train import train

    with progress_on(executor):
        training = train(cell_line, settings, model, executor=executor).training
    assert training is not None
    summary.say(
        f"{training.explain()}; {training.explain_kept()}, are in {model}",
        model=model, **asdict(training),
    )  # fmt: skip


def _train_several(
    cell_line: "CellLine", settings: "Config", seeds: int, model: str, summary: Summary, executor: Executor
) -> None:
    """Train an ensemble, and say how far its seeds agree."""
    from atypeak_scale.model.seeds import train_seeds

    if not executor.is_elsewhere:
        import_tensorflow_quietly()
    with progress_on(executor):
        folders = train_seeds(cell_line, settings, seeds, model, executor=executor)
    summary.sentences("models", map(str, folders))
    if seeds > 1:
        _tell_stability(cell_line, model, summary, executor)


def _place(model: str | None, workdir: str | None, settings: "Config") -> str:
    """Return where the model is written."""
    from atypeak_scale.storage.locations import join
    from atypeak_scale.workdir import MODELS

    if model is not None:
        return model
    if workdir is None:
        raise click.UsageError("Missing option '--model'.")
    return str(join(workdir, MODELS[settings.training.objective]))


def _tell_stability(cell_line: "CellLine", model: str, summary: Summary, executor: Executor) -> None:
    """Print how far the scores of every two seeds in the folder agree."""
    from atypeak_scale.assess.quality.stability import stability, stability_sentences

    with progress_on(executor):
        table = stability(cell_line, model, executor)
    summary.sentences("stability", stability_sentences(table))
