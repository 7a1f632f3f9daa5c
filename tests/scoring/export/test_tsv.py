import csv
from pathlib import Path

import numpy as np
import pandas as pd

from atypeak_scale.config import NormalizationSettings
from atypeak_scale.registry.variables import K1, LABEL_MEAN, LABEL_PEAKS, THETA_ERROR, WEIGHT, WEIGHT_FLAG
from atypeak_scale.scoring.export import LABELS_FILE, WEIGHTS_FILE, export
from atypeak_scale.scoring.export.tsv import labels_table, weights_table
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.weights import NO_WEIGHT


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_weights__one_row_for_each_source(normalized: Scores, tmp_path: Path) -> None:
    export(normalized, tmp_path / "out", ("tsv",))
    found = rows(tmp_path / "out" / WEIGHTS_FILE)
    assert list(found[0]) == [
        "dataset", "tr", "k1", "k2", "k3", "weight", "weight_flag", "sampled_windows",
        "theta_mean", "theta_error", "eta_mean", "eta_error",
    ]  # fmt: skip
    assert [(row["dataset"], row["tr"]) for row in found] == list(normalized.cell_line.sources)
    assert [float(row["weight"]) for row in found] == normalized.read(WEIGHT).tolist()  # every digit
    assert [row["weight_flag"] for row in found] == normalized.read(WEIGHT_FLAG).tolist()
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "out" / WEIGHTS_FILE, sep="\t", keep_default_na=False),
        weights_table(normalized),
        check_dtype=False,
    )


def test_labels__one_row_for_each_label(normalized: Scores, tmp_path: Path) -> None:
    export(normalized, tmp_path / "out", ("tsv",))
    found = rows(tmp_path / "out" / LABELS_FILE)
    assert list(found[0]) == ["tr", "peaks", "mean", "sd", "flag"]
    assert [row["tr"] for row in found] == ["x", "y", "z"]
    assert [int(row["peaks"]) for row in found] == normalized.read(LABEL_PEAKS).tolist()
    assert [float(row["mean"]) for row in found] == normalized.read(LABEL_MEAN).tolist()
    assert sum(labels_table(normalized)["peaks"]) == normalized.cell_line.peak_count


def test_tables__what_is_missing_is_empty(normalized: Scores, tmp_path: Path) -> None:
    """A source that is in no sampled window has no factor, and one that is in one has no error."""
    normalize(normalized, NormalizationSettings(sample=1, seed=1))
    absent = np.isnan(normalized.read(K1))
    assert absent.any()
    assert np.isnan(normalized.read(THETA_ERROR)).all()
    export(normalized, tmp_path / "out", ("tsv",))
    found = rows(tmp_path / "out" / WEIGHTS_FILE)
    assert [row["k1"] == "" for row in found] == absent.tolist()
    assert [row["weight_flag"] == NO_WEIGHT for row in found] == absent.tolist()
    assert {row["theta_error"] for row in found} == {""}
