"""How far seeds agree: against scores found another way, and what is said of it."""

import logging
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from atypeak_scale.assess.quality.stability import (
    FEWEST_PEAKS,
    stability,
    stability_sentences,
    summarize_stability,
)
from atypeak_scale.config import Config, for_support, with_objective, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry.variables import REBUILT_SCORE
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete
from atypeak_scale.store.cell_line import CellLine

ALL = 10_000  # more windows than there are
LABELS = ("d3", "d1", "d2"), ("z", "x", "y")


def save_members(folder: Path, config: Config, seeds: int = 3) -> Path:
    """Save untrained models, whose labels are in another order than the store's."""
    for seed in range(1, seeds + 1):
        network = build_autoencoder(320, 3, 3, config.model, seed=seed)
        bias = np.random.default_rng(seed).uniform(0.2, 1, 9)
        network.get_layer("sources").bias.assign(bias)
        save_model(TrainedModel(network, LABELS, with_seed(config, seed)), folder / f"seed-{seed}")
    return folder


def of_support(config: Config) -> Config:
    support = config.support.model_copy(update={"filters": 4, "deep_dimension": 6})
    return for_support(with_objective(config.model_copy(update={"support": support}), "support"))


def by_hand(cell_line: CellLine, row_scores: list[np.ndarray], windows: np.ndarray) -> pd.DataFrame:
    """Return the expected table from the score of every row by every member, and the sampled windows."""
    rows = cell_line.rows(0, cell_line.row_count)
    table = pd.DataFrame({"peak": rows.peak, "source": rows.source})
    for number, scores in enumerate(row_scores, 1):
        table[f"seed-{number}"] = scores.astype(np.float64)
    means = table[np.isin(rows.window, windows)].groupby("peak").mean()
    found = []
    for source, of_source in means.groupby("source"):
        if len(of_source) < FEWEST_PEAKS:
            continue
        for a, b in combinations([f"seed-{n}" for n in range(1, len(row_scores) + 1)], 2):
            rho = spearmanr(of_source[a], of_source[b]).statistic
            found.append((*cell_line.sources[int(source)], a, b, len(of_source), rho))
    columns = ["dataset", "tr", "member", "other_member", "peaks", "spearman"]
    return pd.DataFrame(found, columns=columns)


def rebuilt_scores(cell_line: CellLine, folder: Path) -> list[np.ndarray]:
    """Return the score of every row by every member, as the store keeps it."""
    scores = open_scores(cell_line, folder)
    complete(scores)
    return [member.read(REBUILT_SCORE) for member in scores.members]


def network_scores(cell_line: CellLine, folder: Path) -> list[np.ndarray]:
    """Return N of every row by every member: the whole network on windows without the row's source."""
    rows = cell_line.rows(0, cell_line.row_count)
    occupancy = cell_line.occupancy(0, cell_line.shape.windows)
    axes = [
        [names.index(label) for label in of_view]
        for names, of_view in zip(LABELS, cell_line.labels, strict=True)
    ]
    cells = [(axes[0][i], axes[1][j]) for i, j in cell_line.cells.tolist()]
    found = []
    for seed in (1, 2, 3):
        network = load_model(folder / f"seed-{seed}").network
        shown = np.zeros((len(rows.window), 320, 3, 3), np.float32)
        for at, (window, taken) in enumerate(zip(rows.window, rows.source, strict=True)):
            for source, (i, j) in enumerate(cells):
                if source != taken:
                    shown[at, :, i, j] = occupancy[window, :, source]
        output = network.predict(shown, verbose=0)
        values = []
        for at, taken in enumerate(rows.source):
            first, last = int(rows.first_bin[at]), int(rows.last_bin[at])
            third = max((last - first + 1) // 3, 1)
            start = (first + last) // 2 - (third - 1) // 2
            bins = output[at, start : start + third, *cells[taken]]
            values.append(bins.mean())
        found.append(np.array(values))
    return found


def test_stability__article_against_stored_scores(
    cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    folder = save_members(tmp_path / "models", config)
    found = stability(cell_line, folder, windows=ALL)
    assert not list((tmp_path / "s.zarr").rglob("scores"))
    every = np.arange(cell_line.shape.windows)
    row_scores = rebuilt_scores(cell_line, folder)
    pd.testing.assert_frame_equal(found, by_hand(cell_line, row_scores, every), check_dtype=False)
    assert len(found) >= 9
    assert found["spearman"].nunique() > 3
    # A sample holds the peaks of its windows alone, and the same seed draws the same.
    half = cell_line.shape.windows * 3 // 4
    sampled = np.random.default_rng(5).choice(cell_line.shape.windows, half, replace=False)
    some = stability(cell_line, folder, windows=half, seed=5)
    pd.testing.assert_frame_equal(some, by_hand(cell_line, row_scores, sampled), check_dtype=False)
    assert 0 < some["peaks"].sum() < found["peaks"].sum()


def test_stability__support_against_the_whole_network(
    cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    folder = save_members(tmp_path / "models", of_support(config))
    found = stability(cell_line, folder, windows=ALL)
    every = np.arange(cell_line.shape.windows)
    expected = by_hand(cell_line, network_scores(cell_line, folder), every)
    # Peaks alone in their windows have nearly equal values, which rounding puts in another order.
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, atol=5e-3, rtol=0)
    assert len(found) >= 9


def test_stability__same_model_twice_is_1_and_no_warning(
    cell_line: CellLine, config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_members(tmp_path / "models", config, seeds=1)
    shutil.copytree(folder / "seed-1", folder / "seed-2")
    found = stability(cell_line, folder)
    assert len(found)
    assert found["spearman"].to_numpy() == pytest.approx(1)
    assert caplog.records == []


@pytest.mark.parametrize(
    "objective, remedy",
    [
        ("article", "average more seeds, or use support, which depends less on the seed"),
        ("support", "raise support.epochs, or average more seeds"),
    ],
)
def test_stability__warns_of_the_worst_pair_and_says_what_to_do(
    cell_line: CellLine, config: Config, tmp_path: Path, objective: str, remedy: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    folder = save_members(tmp_path / "models", of_support(config) if objective == "support" else config)
    with caplog.at_level(logging.WARNING):
        summary = summarize_stability(stability(cell_line, folder))
    worst = summary.sort_values("median").iloc[0]
    assert worst["median"] < 0.9
    (message,) = (record.getMessage() for record in caplog.records)
    assert f"Spearman of {worst['member']} and {worst['other_member']} {worst['median']:.2f}" in message
    assert message.endswith(remedy)


def test_stability__parallel_equals_serial_and_is_told(
    cell_line: CellLine, config: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    folder = save_members(tmp_path / "models", config, seeds=2)
    heard: list[Event] = []
    one = stability(cell_line, folder, InProcess(heard.append))
    assert {event.stage for event in heard} == {"stability"}
    assert heard[-1].done == heard[-1].total > 2
    pd.testing.assert_frame_equal(stability(cell_line, folder, two_workers), one)


def test_stability__refuses_a_single_model(cell_line: CellLine, config: Config, tmp_path: Path) -> None:
    folder = save_members(tmp_path / "models", config, seeds=1)
    for model in (folder, folder / "seed-1"):
        with pytest.raises(InputError, match="is one model; name a folder that holds several seeds"):
            stability(cell_line, model)


def test_stability__too_few_peaks_are_said_so(cell_line: CellLine, config: Config, tmp_path: Path) -> None:
    found = stability(cell_line, save_members(tmp_path / "models", config, seeds=2), windows=3)
    assert found.empty
    assert list(found.columns) == ["dataset", "tr", "member", "other_member", "peaks", "spearman"]
    assert stability_sentences(found) == [
        "the seeds cannot be compared: no source has 20 peaks in the sampled windows"
    ]


def test_summary__median_and_lowest_of_every_pair() -> None:
    pairs = [("a", "b")] * 4 + [("a", "c")]
    table = pd.DataFrame(
        {
            "dataset": ["d1", "d2", "d3", "d4", "d1"],
            "tr": ["x", "y", "z", "z", "x"],
            "member": [one for one, _ in pairs],
            "other_member": [other for _, other in pairs],
            "peaks": 30,
            "spearman": [0.95, 0.5, 0.91, np.nan, 1.0],
        }
    )
    assert stability_sentences(table) == [
        "a and b: Spearman within sources 0.910 (median of 3), lowest 0.500 (d2.y)",
        "a and c: Spearman within sources 1.000 (median of 1), lowest 1.000 (d1.x)",
    ]
    summary = summarize_stability(table)
    assert summary["median"].tolist() == [0.91, 1.0]
    assert summary["lowest_source"].tolist() == ["d2.y", "d1.x"]
