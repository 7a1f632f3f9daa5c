"""Ur-examples by unit and source against what the assessment kept."""

import numpy as np
import pytest
from plot.drawn import image, labels

from atypeak_scale.assess import load
from atypeak_scale.plot import units
from atypeak_scale.plot.units import ur_examples
from atypeak_scale.scoring.scores import Scores


def test_ur_examples__every_unit_at_every_source(kept: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    found, sources = load(kept, "ur_examples"), list(kept.cell_line.sources)
    for most in (64, 5):
        monkeypatch.setattr(units, "MOST_UNITS", most)
        ax = ur_examples(found, sources)
        numbers = [int(label.split()[1]) for label in labels(ax)]
        activation = found["activation"].values
        assert numbers == sorted(range(len(activation)), key=lambda unit: (-activation[unit], unit))[:most]
        for column, name in enumerate(labels(ax, "x")):
            dataset, tr = name.split(".")
            expected = found["mean"].sel(dataset=dataset, tr=tr).values[numbers]
            np.testing.assert_array_equal(image(ax)[:, column], expected)
    assert sorted(labels(ax, "x")) == sorted(".".join(source) for source in sources)
    low, high = ax.images[0].get_clim()
    assert low == -high
