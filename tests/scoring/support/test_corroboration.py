import numpy as np
import pytest

from atypeak_scale.catalogue.folds import fold_of_crm
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support import corroboration
from atypeak_scale.scoring.support.corroboration import (
    asked_of_placements,
    asked_of_rows,
    complete_placements,
    regressions_of,
)
from atypeak_scale.scoring.support.placements import NO_WINDOW, Placements
from atypeak_scale.store.cell_line import Block


def log_odds_by_hand(placements: Placements, window: int, crm: int, source: int, first: int, last: int):
    """G, and the two counts, of one interval: a loop over sources and bins (method, section 9.10)."""
    cell_line = placements.cell_line
    occupancy = np.zeros(cell_line.shape[1:], bool)
    if window != NO_WINDOW:
        occupancy = cell_line.occupancy(window, window + 1)[0]
    chosen = placements.settings
    fold = int(fold_of_crm(np.array([crm]), chosen.folds, chosen.seed)[0])
    regression = regressions_of(placements)[source]
    sources = cell_line.shape.sources
    of_sources, overlaps = np.zeros((3, sources)), 0
    for other in range(sources):
        bins = np.flatnonzero(occupancy[:, other])
        if other == source or not len(bins):
            continue
        between = min(max(first - b - 1, b - last - 1, -1) for b in bins.tolist())
        third = max((last - first + 1) // 3, 1)
        start = (first + last) // 2 - (third - 1) // 2
        share = np.mean([b in bins for b in range(start, start + third)])
        overlaps += bool(between < 0)
        of_sources[:, other] = share, np.exp(-max(between, 0) * cell_line.frame[1] / 200), 1
    seen = np.append(of_sources.ravel(), np.log(1 + of_sources.sum(axis=1)))
    odds = float(regression.intercept[fold] + regression.coefficients[fold] @ seen)
    return odds, overlaps, int(of_sources[2].sum())


@pytest.mark.parametrize("is_real", [True, False])
def test_apply__gives_the_log_odds_and_the_counts_of_every_interval(support: Scores, is_real: bool) -> None:
    placements, cell_line = support.placements, support.cell_line
    if is_real:
        asked = asked_of_rows(cell_line, Block(0, cell_line.row_count))
        found = [placements.read(x) for x in (v.ROW_REGRESSION, v.ROW_OVERLAPS, v.ROW_IN_WINDOW)]
    else:
        asked = asked_of_placements(placements, Block(0, placements.count))
        found = [placements.read(x) for x in (v.PLACED_REGRESSION, v.PLACED_OVERLAPS, v.PLACED_IN_WINDOW)]
    rows = list(zip(*(column.tolist() for column in vars(asked).values()), strict=True))
    some = range(0, len(rows), 1 if is_real else 7)
    expected = np.array([log_odds_by_hand(placements, *rows[row]) for row in some])
    # Shares are rounded up to thousandths.
    assert np.allclose(np.stack(found, axis=1)[list(some)], expected, atol=0.01)
    assert np.abs(expected[:, 0]).max() > 0.1
    assert expected[:, 1].max() > 0


def test_sample__holds_all_of_a_small_source_and_as_many_placements(support: Scores) -> None:
    placements = support.placements
    source, real = placements.read(v.SAMPLE_SOURCE), placements.read(v.SAMPLE_REAL)
    rows = support.cell_line.rows(0, support.cell_line.row_count)
    expected = np.bincount(rows.source)
    assert np.bincount(source[real]).tolist() == expected.tolist()
    placed = np.bincount(source[(source >= 0) & ~real], minlength=len(expected))
    # Of 200 placements each is taken with probability n / 200 if it is not on an own peak.
    window, of, first, last = (
        placements.read(x) for x in (v.PLACED_WINDOW, v.PLACED_SOURCE, v.PLACED_FIRST_BIN, v.PLACED_LAST_BIN)
    )
    occupancy = support.cell_line.occupancy(0, support.cell_line.shape.windows)
    off = [
        w == NO_WINDOW or not occupancy[w, low : high + 1, own].any()
        for w, own, low, high in zip(window, of, first, last, strict=True)
    ]
    wanted = expected * np.bincount(of, off) / 200
    assert (np.abs(placed - wanted) < 5 * np.sqrt(wanted) + 1).all()
    assert (wanted < expected).all()


def test_sample__of_a_large_source_is_cut(unjudged: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corroboration, "MOST_SAMPLED", 8)
    complete_placements(unjudged.placements, InProcess())
    source, real = unjudged.placements.read(v.SAMPLE_SOURCE), unjudged.placements.read(v.SAMPLE_REAL)
    rows = unjudged.cell_line.rows(0, unjudged.cell_line.row_count)
    assert np.bincount(rows.source).max() > 30
    assert np.bincount(source[real]).max() < 30


def test_complete__continues_where_it_was_stopped(unjudged: Scores, support: Scores) -> None:
    """Whatever step fails, the next run gives what an undisturbed run gives."""
    placements = unjudged.placements
    for name in ("sample_block", "fit_sources", "apply_block"):
        calls = 0
        whole = getattr(corroboration, name)

        def fails(task: object, whole=whole) -> object:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise KeyboardInterrupt
            return whole(task)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(corroboration, name, fails)
            with pytest.raises(KeyboardInterrupt):
                complete_placements(placements, InProcess())
    complete_placements(placements, InProcess())
    for variable in v.PLACEMENT_VARIABLES:
        assert np.array_equal(placements.read(variable), support.placements.read(variable)), variable.name
