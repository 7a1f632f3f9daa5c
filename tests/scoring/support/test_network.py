import numpy as np
import pytest
from scoring.support_fixtures import ROWS

from atypeak_scale.model.files import load_model
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.corroboration import asked_of_placements, asked_of_rows
from atypeak_scale.scoring.support.network import missing_tasks
from atypeak_scale.scoring.support.placements import NO_WINDOW
from atypeak_scale.store.cell_line import Block


def log_odds_by_hand(scores: Scores, window: int, source: int, first: int, last: int) -> float:
    """Mean output of the plain network over the central third, without the source (method, 9.3)."""
    model, cell_line = load_model(scores.model), scores.cell_line
    order = [[names.index(label) for label in known] for names, known in zip(
        cell_line.labels, model.labels, strict=True)]  # fmt: skip
    (m, n), bins = map(len, cell_line.labels), cell_line.shape.bins
    tensor = np.zeros((bins, m, n), np.float32)
    if window != NO_WINDOW:
        occupancy = cell_line.occupancy(window, window + 1)[0]
        for other, (i, j) in enumerate(cell_line.cells.tolist()):
            if other != source:
                tensor[:, i, j] = occupancy[:, other]
    out = model.network(tensor[:, order[0]][:, :, order[1]][None], training=False).numpy()[0]
    i, j = cell_line.cells[source]
    bins = max((last - first + 1) // 3, 1)
    start = (first + last) // 2 - (bins - 1) // 2
    return float(out[start : start + bins, order[0].index(i), order[1].index(j)].mean())


@pytest.mark.parametrize("is_real", [True, False])
def test_judge__rows_and_placements_as_the_plain_network_without_the_source(
    support: Scores, is_real: bool
) -> None:
    cell_line, placements = support.cell_line, support.placements
    if is_real:
        asked = asked_of_rows(cell_line, Block(0, cell_line.row_count))
    else:
        asked = asked_of_placements(placements, Block(0, placements.count))
    found = support.read(v.ROW_NETWORK if is_real else v.PLACED_NETWORK)
    some = np.linspace(0, len(found) - 1, 40).astype(int)
    expected = [
        log_odds_by_hand(
            support, int(asked.window[at]), int(asked.source[at]), int(asked.first[at]), int(asked.last[at])
        )
        for at in some
    ]
    assert np.allclose(found[some], expected, atol=1e-5)
    assert np.ptp(expected) > 1e-3


def test_missing__is_nothing_when_all_is_judged(support: Scores, unjudged: Scores) -> None:
    assert missing_tasks(support) == []
    support.write(v.PLACED_NETWORK, ROWS, np.full(ROWS, np.nan, np.float32))
    (task,) = missing_tasks(support)
    assert not task.of.is_real
    assert task.of.block == (ROWS, 2 * ROWS)
