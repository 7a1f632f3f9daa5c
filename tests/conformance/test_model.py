"""Sizes of the published models (method, section 3)."""

import csv
from pathlib import Path

from atypeak_scale.config import load_config
from atypeak_scale.model.network import build_autoencoder, parameters


def test_parameters__of_the_six_published_models(shared: Path) -> None:
    with (shared / "reference/published.tsv").open() as table:
        published = list(csv.DictReader(table, delimiter="\t"))
    assert len(published) == 6
    for row in published:
        config = load_config(row["cell_line"])
        assert config.model.filters == int(row["filters"])
        assert config.model.deep_dimension == int(row["deep_dim"])
        assert config.training.learning_rate == float(row["learning_rate"])
        model = build_autoencoder(
            config.store.bins, int(row["datasets"]), int(row["trs"]), config.model, seed=0
        )
        assert parameters(model) == int(row["parameters"])


def test_configs__hold_the_published_sources(shared: Path) -> None:
    with (shared / "data/published-sources.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    for cell_line in {row["cell_line"] for row in rows}:
        names = {f"{row['dataset']}.{row['tr']}" for row in rows if row["cell_line"] == cell_line}
        assert names <= set(load_config(cell_line).selection.sources or ())
