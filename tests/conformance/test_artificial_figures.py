"""What the article's figures say of artificial data: Fig. 2 and Additional file 4."""

from itertools import combinations
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from atypeak_scale import Config, assess, build_store, load_config, open_scores, open_store, simulate, train
from atypeak_scale.assess.evidence.rebuilt import summarize_rebuilt
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import parse_config

G1, G2 = (0, 1, 2, 3), (4, 5, 6, 7)
RELIABLE = (4, 5, 6, 7)
PEAK = slice(130, 180)  # bins
WATERMARK = 0, 0

pytestmark = pytest.mark.slow


class Trained:
    """A model of one configuration, trained on artificial data, and its store."""

    def __init__(self, folder: Path, config: Config, rule: str = "halves") -> None:
        settings = ArtificialSettings.model_validate({"crms": 10_000, "group_rule": rule, "seed": 1})
        files = simulate(settings, folder / "catalogue")
        self.truth = files.truth
        build_store(files.peaks, files.crms, folder / "store.zarr", config)
        cell_line = open_store(folder / "store.zarr")
        self.model = train(cell_line, config, folder / "model")
        self.scores = open_scores(cell_line, folder / "model")

    def by_kind(self) -> pd.Series:
        """Mean rebuilt value by kind of peak, reliability and group."""
        return summarize_rebuilt(assess.rebuilt_by_kind(self.scores, self.truth))["mean"]


def phantoms(network: keras.Model, of: tuple[int, ...], at: tuple[int, ...]) -> np.ndarray:
    """Largest h(X) at the empty reliable cells of the TRs `at`: (stacks, cells).

    A stack is a peak of two TRs of `of` in two reliable datasets, beside the watermark.
    """
    windows, empty = [], []
    for datasets in combinations(RELIABLE, 2):
        for trs in combinations(of, 2):
            window, is_empty = np.zeros((320, 8, 8), np.float32), np.zeros((8, 8), bool)
            window[:, *WATERMARK] = 1
            window[PEAK, *np.ix_(datasets, trs)] = 1
            is_empty[np.ix_(RELIABLE, at)] = True
            is_empty[np.ix_(datasets, trs)] = False
            windows.append(window)
            empty.append(is_empty)
    rebuilt = np.asarray(network.predict(np.array(windows), verbose=0)).max(axis=1)
    return np.array([values[cells] for values, cells in zip(rebuilt, empty, strict=True)])


def unweighted(config: Config, **training: object) -> Config:
    values = config.model_dump()
    values["training"] |= {"view_weights": {}, **training}
    return parse_config(values, "test")


def test_too_large_a_budget_learns_smaller_groups(tmp_path: Path) -> None:
    """Fig. 2: a rebuilds the whole group; b only parts of it, and nothing outside of it either."""
    spread, inside, outside = {}, {}, {}
    for name in ("artificial", "artificial-precise"):
        network = Trained(tmp_path / name, load_config(name)).model.network
        same = phantoms(network, G1, G1)
        inside[name], outside[name] = same.mean(), phantoms(network, G1, G2).mean()
        spread[name] = same.std() / same.mean()
    print(f"phantoms of the group: mean {inside}, sd over mean {spread}; of the other group: mean {outside}")
    assert spread["artificial-precise"] > 2 * spread["artificial"]
    assert all(outside[name] < inside[name] / 3 for name in inside)


def test_weights_have_datasets_learned_that_are_left_out_otherwise(tmp_path: Path) -> None:
    """Additional file 4, a: peaks of the noise-only datasets are rebuilt almost one by one."""
    config = load_config("artificial-weighted")
    weighted = Trained(tmp_path / "weighted", config).by_kind()
    plain = Trained(tmp_path / "plain", unweighted(config)).by_kind()
    noise = {
        name: means["noise", "unreliable"].mean()
        for name, means in (("weighted", weighted), ("plain", plain))
    }
    print(f"rebuilt noise in noise-only datasets: {noise}")
    assert noise["weighted"] > 10 * noise["plain"]
    # Not the cells beside them: they are learned one by one.
    assert weighted["noise", "unreliable"].mean() > 3 * weighted["phantom", "unreliable"].mean()


def test_overlapping_groups_need_weights_and_an_early_end(tmp_path: Path) -> None:
    """Additional file 4, b and c: peaks of the larger group alone bring phantoms of the smaller one."""
    config = load_config("artificial-overlapping")
    careful = Trained(tmp_path / "careful", config, "overlapping").model.network
    values = unweighted(config, learning_rate=1e-3, max_epochs=64).model_dump()
    values["model"] |= {"filters": 24, "deep_dimension": 64}
    careless = Trained(tmp_path / "careless", parse_config(values, "test"), "overlapping").model.network
    found = {
        name: {
            "own": phantoms(network, G2, G2).mean(),
            "smaller": phantoms(network, G2, G1).mean(),
            "larger": phantoms(network, G1, G2).mean(),
        }
        for name, network in (("careful", careful), ("careless", careless))
    }
    print(f"phantoms: {found}")
    share = {name: means["smaller"] / means["own"] for name, means in found.items()}
    assert share["careful"] > 2 * share["careless"]
    # The smaller group does not ask for the rest of the larger one.
    assert found["careful"]["larger"] < found["careful"]["smaller"] / 2
