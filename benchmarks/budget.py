"""The information budget against the data: the article's Fig. 3, and what the truth says of it.

Artificial data of 8 datasets and 16 TRs in 8 groups of 2; 24 filters, learning rate 1e-4. With too few
neurons in the dense layers the groups are not learned one by one; the Q-score is to tell how many are enough.
Models that are done are kept (`harness.kept_folder`), so that a run that was stopped goes on.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from atypeak_scale import (
    Config,
    assess,
    build_store,
    executor,
    load_config,
    normalize,
    open_store,
    score,
    simulate,
)
from atypeak_scale.assess.evidence.rebuilt import summarize_rebuilt
from atypeak_scale.assess.interpretation.clusters import adjusted_rand_index
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.catalogue.truth import read_truth
from atypeak_scale.config import parse_config
from atypeak_scale.execution.progress import Event
from atypeak_scale.store.cell_line import CellLine
from benchmarks.harness import Row, kept_folder, over_seeds

CRMS = 4000
SEEDS = 3
DEEP = "model.deep_dimension"
DEEP_DIMENSIONS = (8, 32, 128, 256)
AT_ONCE = 2  # models, on one thread each: that does more than two threads for one
UNITS = {
    "q_score": ("Q-score", "lower is better"),
    "loss": ("loss", "of the epoch that was kept"),
    "seconds": ("training", "s, two models at once"),
    "groups": ("groups against those planted", "adjusted Rand index"),
    "auroc": ("AUROC", "raw score, stacks over noise"),
    "same": ("phantoms of the stack's group", "mean h(X)"),
    "other": ("phantoms of other groups", "mean h(X)"),
}


def rows() -> list[Row]:
    """Means and ranges of three seeds for each deep dimension; the baseline is the smallest."""
    folder, config = kept_folder("budget"), configuration()
    settings = ArtificialSettings(crms=CRMS, datasets=8, trs=16, group_rule="equal", groups=8, seed=1)
    truth, store = folder / "catalogue/truth.tsv", folder / "store.zarr"
    if not store.exists():
        files = simulate(settings, folder / "catalogue")
        build_store(files.peaks, files.crms, store, config)
    cell_line = open_store(store)
    with executor(workers=AT_ONCE, progress=_say) as workers:
        trials = assess.search(cell_line, config, folder / "search", {DEEP: DEEP_DIMENSIONS}, SEEDS, workers)
    told = [
        _truth_of(cell_line, folder / f"search/{row.folder}/seed-{row.seed}", truth)
        for row in trials.itertuples()
    ]
    table = pd.concat([trials, pd.DataFrame(told)], axis=1)
    smallest = table[table[DEEP] == DEEP_DIMENSIONS[0]]
    return [
        over_seeds(
            f"deep dimension {deep}: {what}", of_size[column].tolist(), smallest[column].tolist(),
            f"{unit}; mean and range of {SEEDS} seeds",
        )
        for deep, of_size in table.groupby(DEEP)
        for column, (what, unit) in UNITS.items()
    ]  # fmt: skip


def configuration() -> Config:
    """Return the settings of Fig. 3.

    An epoch has 48 batches, as on real data, and no training ends early: at this learning rate the loss rests
    for tens of epochs where the watermark is known, before the groups are.
    """
    values = load_config("artificial").model_dump()
    values["model"] |= {"filters": 24}
    values["training"] |= {"learning_rate": 1e-4, "batches_per_epoch": 48, "patience": 64, "min_delta": 0.0}
    return parse_config(values, "budget")


def _truth_of(cell_line: CellLine, model: Path, truth_file: Path) -> dict[str, float]:
    """Return how a model compares with the truth."""
    scores = normalize(score(cell_line, model))
    found, truth = assess.groups(scores), read_truth(truth_file)
    planted = {tr: group for group, trs in truth.groups.items() for tr in trs}
    reliable = np.isin(found["source_dataset"].to_numpy(), sorted(truth.reliable))
    expected = np.array([planted[tr] for tr in found["source_tr"].to_numpy()[reliable]])
    phantom = summarize_rebuilt(assess.rebuilt_by_kind(scores, truth_file))["mean"]["phantom", "reliable"]
    return {
        "groups": adjusted_rand_index(found["group"].to_numpy()[reliable], expected),
        "auroc": float(assess.noise_detection(scores, truth_file)["auroc"]["raw", "all"]),
        "same": float(phantom["same"]),
        "other": float(phantom["other"]),
    }


def _say(event: Event) -> None:
    print(f"{event.stage} {event.done} of {event.total} {event.detail}", flush=True)
