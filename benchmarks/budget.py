"""The information budget against the data: the article's Fig. 3, and what the truth says of it.

Artificial data of 8 datasets and 16 TRs in 8 groups of 2; 24 filters, learning rate 1e-4. With too few
neurons in the dense layers the groups are not learned one by one; the Q-score is to tell how many are enough.
"""

import tempfile
import time
from pathlib import Path

import pandas as pd

from atypeak_scale import (
    Config,
    build_store,
    load_config,
    noise_detection,
    normalize_scores,
    q_score,
    rebuilt_by_kind,
    save_model,
    score_run,
    score_store,
    simulate,
    train,
)
from atypeak_scale.assess.systematisation import summarize_rebuilt
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import with_seed
from benchmarks.harness import Row, over_seeds

CRMS = 4000
SEEDS = (1, 2, 3)
DEEP_DIMENSIONS = (8, 32, 128, 256)
FILTERS, LEARNING_RATE = 24, 1e-4
# As of real data: after 10 a time, training at this rate stops before the groups are learned.
BATCHES_PER_EPOCH = 48
UNITS = {
    "Q-score": "lower is better",
    "loss": "of the epoch that was kept",
    "epochs": "run",
    "training": "s",
    "AUROC": "raw score, stacks over noise",
    "phantoms of the stack's group": "mean h(X)",
    "phantoms of other groups": "mean h(X)",
}


def rows() -> list[Row]:
    """Means and ranges of three seeds for each deep dimension; the baseline is the smallest."""
    found = []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            settings = ArtificialSettings(
                crms=CRMS, datasets=8, trs=16, group_rule="equal", groups=8, seed=seed
            )
            files = simulate(settings, folder / "catalogue")
            build_store(files.peaks, files.crms, folder / "store.zarr", load_config("artificial"))
            for deep in DEEP_DIMENSIONS:
                measured = _measured(_config(deep, seed), folder, files.truth)
                found.append({"seed": seed, "deep": deep, **measured})
    table = pd.DataFrame(found).set_index("deep")
    by_size = {deep: table[table.index == deep] for deep in DEEP_DIMENSIONS}
    smallest = by_size[DEEP_DIMENSIONS[0]]
    return [
        over_seeds(f"deep dimension {deep}: {what}", by_size[deep][what].tolist(), smallest[what].tolist(),
                   f"{unit}; mean and range of {len(SEEDS)} seeds")
        for deep in DEEP_DIMENSIONS
        for what, unit in UNITS.items()
    ]  # fmt: skip


def _config(deep: int, seed: int) -> Config:
    config = with_seed(load_config("artificial"), seed)
    model = config.model.model_copy(update={"filters": FILTERS, "deep_dimension": deep})
    training = config.training.model_copy(
        update={"learning_rate": LEARNING_RATE, "batches_per_epoch": BATCHES_PER_EPOCH}
    )
    return config.model_copy(update={"model": model, "training": training})


def _measured(config: Config, folder: Path, truth: Path) -> dict[str, float]:
    """Train one model, and return what `UNITS` names."""
    store, name = folder / "store.zarr", f"model-{config.model.deep_dimension}"
    started = time.perf_counter()
    model = train(store, config)
    seconds = time.perf_counter() - started
    assert model.training is not None
    run = score_run(store, save_model(model, folder / name))
    score_store(run)
    normalize_scores(run, config.normalization)
    phantom = summarize_rebuilt(rebuilt_by_kind(run, truth))["mean"]["phantom", "reliable"]
    values = (
        float(q_score(run, config.normalization)["total"]),
        model.training.kept_loss,
        model.training.epochs,
        seconds,
        float(noise_detection(run, truth)["auroc"]["raw", "all"]),
        float(phantom["same"]),
        float(phantom["other"]),
    )
    return dict(zip(UNITS, values, strict=True))
