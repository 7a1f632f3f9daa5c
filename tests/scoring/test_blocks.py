import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scoring.by_hand import brute_force

from atypeak_scale.execution.executor import InProcess
from atypeak_scale.registry.variables import RAW, REBUILT_SCORE
from atypeak_scale.scoring.blocks import ScoreTask, average_rows, row_maxima, score_rows
from atypeak_scale.scoring.scores import Scores


@given(st.data())
def test_row_maxima__equals_a_loop(data: st.DataObject) -> None:
    windows, bins, sources = (data.draw(st.integers(1, 4)) for _ in range(3))
    ratios = np.random.default_rng(data.draw(st.integers(0, 99))).random((windows, bins, sources))
    rows = data.draw(
        st.lists(
            st.tuples(*(st.integers(0, size - 1) for size in (windows, sources, bins, bins))), max_size=9
        )
    )
    columns = [np.array([row[c] for row in rows], np.int64) for c in range(4)]
    first, last = np.minimum(columns[2], columns[3]), np.maximum(columns[2], columns[3])
    ours = row_maxima(ratios.astype(np.float32), columns[0], columns[1], first, last)
    expected = [
        max(ratios[w, x, s] for x in range(a, b + 1))
        for w, s, a, b in zip(columns[0], columns[1], first, last, strict=True)
    ]
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_tasks__write_their_own_chunk_and_no_other(scores: Scores) -> None:
    scores.create()
    rows, peaks = brute_force(scores)
    blocks = scores.cell_line.blocks("rows")
    rebuilt = score_rows(ScoreTask(scores, blocks[2]))
    window = scores.cell_line.rows(*blocks[2]).window
    assert rebuilt == window.max() - window.min() + 1
    written = scores.read(REBUILT_SCORE)
    inside = slice(*blocks[2])
    np.testing.assert_allclose(written[inside], rows[inside], atol=1e-5)
    assert np.isnan(np.delete(written, inside)).all()

    InProcess().run(score_rows, [ScoreTask(scores, block) for block in blocks], "score")
    (whole,) = scores.cell_line.blocks("peaks")
    assert average_rows(ScoreTask(scores, whole)) == scores.cell_line.peak_count
    np.testing.assert_allclose(scores.read(RAW), peaks, atol=1e-5)


def test_tasks__may_be_run_again(scores: Scores) -> None:
    scores.create()
    task = ScoreTask(scores, scores.cell_line.blocks("rows")[0])
    score_rows(task)
    first = scores.read(REBUILT_SCORE, *task.block)
    score_rows(task)
    np.testing.assert_array_equal(scores.read(REBUILT_SCORE, *task.block), first)
