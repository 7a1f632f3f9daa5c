from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.scoring.export import FINAL_BED_FILE, RAW_BED_FILE, export
from atypeak_scale.scoring.export.bed import bed_scores
from atypeak_scale.scoring.scores import Scores


def test_bed_scores__are_whole_and_within_0_to_1000() -> None:
    values = np.array([-3.0, 0.49, 0.5, 1.5, 749.6, 1000.4, 5000.0])
    assert bed_scores(values).tolist() == [0, 0, 0, 2, 750, 1000, 1000]
    assert bed_scores(values.astype(np.float32)).dtype == np.int64


@pytest.mark.parametrize(
    "name, track",
    [
        (RAW_BED_FILE, 'name="cell raw" description="cell peaks, atyPeak score before normalization"'),
        (
            FINAL_BED_FILE,
            'name="cell final" description="cell peaks, atyPeak score; 750 is average for the TR"',
        ),
    ],
)  # fmt: skip
def test_tracks__have_a_line_for_each_peak(normalized: Scores, tmp_path: Path, name: str, track: str) -> None:
    export(normalized, tmp_path / "plain", ("bed",))
    export(normalized, tmp_path / "out", ("track",))
    first, *lines = (tmp_path / "out" / name).read_bytes().decode().split("\n")
    assert first == f"track {track} useScore=1"
    assert (tmp_path / "plain" / name).read_text() == "\n".join(lines)
    assert lines.pop() == ""
    peaks = normalized.peaks.to_dataframe()
    values = peaks["raw"] * 1000 if name == RAW_BED_FILE else peaks["final"]
    expected = [
        f"{contig}\t{start}\t{end}\t{peak}\t{min(max(round(float(value)), 0), 1000)}\t."
        for contig, start, end, peak, value in zip(
            peaks["contig"], peaks["start"], peaks["end"], peaks["name"], values, strict=True
        )
    ]
    assert lines == expected
    keys = [(line.split("\t")[0].encode(), int(line.split("\t")[1])) for line in lines]
    assert keys == sorted(keys)
