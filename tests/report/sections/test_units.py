"""Ur-examples, against what was kept."""

import numpy as np

from atypeak_scale.registry.results import UR_EXAMPLES
from atypeak_scale.report.page import Chooser, Missing, Text
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.units import unit_blocks


def test_unit_blocks__show_the_strongest_cells(results: Results) -> None:
    found = results.kept(UR_EXAMPLES)
    assert found is not None
    text, chooser, _ = unit_blocks(results)
    dead = int((found["activation"] <= 0).sum())
    assert isinstance(text, Text) and text.paragraphs[0].startswith(
        f"Nothing excites {dead}" if dead else "All 8"
    )
    assert isinstance(chooser, Chooser)
    units = [int(choice.name.split()[1]) for choice in chooser.choices]
    activation = found["activation"].values[units]
    assert activation.tolist() == sorted(activation, reverse=True)
    for unit, choice in zip(units, chooser.choices, strict=True):
        cells = choice.data["cells"]
        strongest = np.sort(found["mean"].values[unit].ravel())[::-1][: len(cells["value"])]
        np.testing.assert_allclose(cells["value"], strongest, atol=1e-4)
        labels = {label.replace("$$", "$\u200b$") for label in found["tr"].values}
        assert set(cells["column"]) <= labels


def test_unit_blocks__say_how_to_run_it(results: Results) -> None:
    assert results.article is not None
    other = Results(None, results.support)
    assert list(unit_blocks(other)) == []


def test_unit_blocks__missing(results: Results, monkeypatch: object) -> None:
    class Nothing:
        article = results.article

        @staticmethod
        def kept(_: object) -> None:
            return None

    (block,) = unit_blocks(Nothing())  # type: ignore[arg-type]
    assert isinstance(block, Missing) and block.stage == "ur-examples"
