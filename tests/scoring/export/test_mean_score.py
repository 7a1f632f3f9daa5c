from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyBigWig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.scoring.export import BEDGRAPH_FILE, BIGWIG_FILE, export
from atypeak_scale.scoring.export.mean_score import MeanScore
from atypeak_scale.scoring.scores import Scores

Peak = tuple[str, int, int, float]
SIZE = 60


def by_bp(peaks: list[Peak], contig: str, size: int) -> npt.NDArray[np.float64]:
    """Return the mean at each bp of a contig, one bp at a time; NaN where there is none."""
    found = np.full(size, np.nan)
    for bp in range(size):
        covering = [v for c, start, end, v in peaks if c == contig and start <= bp < end and not np.isnan(v)]
        if covering:
            found[bp] = sum(covering) / len(covering)
    return found


peaks_of = st.lists(
    st.tuples(
        st.sampled_from(["chr1", "chr10", "chr2"]),
        st.integers(0, SIZE - 1),
        st.integers(1, 25),
        st.one_of(st.just(float("nan")), st.floats(-10, 2000, width=32)),
    ).map(lambda p: (p[0], p[1], min(p[1] + p[2], SIZE), p[3])),
    min_size=1,
    max_size=25,
)


@given(peaks_of, st.lists(st.integers(0, 25), max_size=5))
def test_mean__equals_brute_force_however_the_peaks_are_cut(peaks: list[Peak], cuts: list[int]) -> None:
    peaks = sorted(peaks, key=lambda peak: peak[:2])
    mean, segments = MeanScore(), []
    for first, last in pairwise(sorted({0, *(min(cut, len(peaks)) for cut in cuts), len(peaks)})):
        contig, start, end, value = zip(*peaks[first:last], strict=True)
        segments += mean.add(np.array(contig, object), np.array(start), np.array(end), np.array(value))
    segments += mean.rest()
    found = {contig: np.full(SIZE, np.nan) for contig in ("chr1", "chr10", "chr2")}
    order = []
    for one in segments:
        for start, end, value in zip(one.start, one.end, one.value, strict=True):
            assert 0 <= start < end <= SIZE and np.isnan(found[one.contig][start:end]).all()
            found[one.contig][start:end] = value
            order.append((one.contig, start))
    assert order == sorted(order)
    for contig, values in found.items():
        np.testing.assert_allclose(values, by_bp(peaks, contig, SIZE), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("score", ["trust", "final"])
def test_files__hold_the_mean_of_the_table(both: list[Scores], tmp_path: Path, score: str) -> None:
    export(both, tmp_path / "out", ("parquet", "bigwig", "bedgraph"), "hg38", score)
    table = pd.read_parquet(tmp_path / "out/peaks.parquet")
    values = 1000 * (1 - table["doubt"]) if score == "trust" else table["final"]
    peaks = list(zip(table["contig"], table["start"], table["end"], values, strict=True))
    graph = {"chr1": [], "chr2": []}
    for line in (tmp_path / "out" / BEDGRAPH_FILE).read_text().splitlines():
        contig, start, end, value = line.split("\t")
        graph[contig].append((int(start), int(end), float(value)))
    with pyBigWig.open(str(tmp_path / "out" / BIGWIG_FILE)) as wig:
        assert wig.isBigWig() and set(wig.chroms()) == {"chr1", "chr2"}
        for contig, segments in graph.items():
            size = max(end for c, _, end, _ in peaks if c == contig)
            expected = by_bp(peaks, contig, size)
            np.testing.assert_allclose(wig.values(contig, 0, size), expected, rtol=1e-5)
            found = np.full(size, np.nan)
            for start, end, value in segments:
                found[start:end] = value
            np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.isnan(expected).any() and np.nanstd(expected) > 0


def test_bedgraph__needs_no_sizes(both: list[Scores], tmp_path: Path) -> None:
    export(both[0], tmp_path / "out", ("bedgraph",))
    lines = (tmp_path / "out" / BEDGRAPH_FILE).read_text().splitlines()
    keys = [(line.split("\t")[0].encode(), int(line.split("\t")[1])) for line in lines]
    assert keys == sorted(keys) and all(len(line.split("\t")) == 4 for line in lines)
