from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.columns import SOURCES
from atypeak_scale.scoring.export import SOURCES_FILE, SUPPORT_BED_FILE, export
from atypeak_scale.scoring.export.support import sources_table
from atypeak_scale.scoring.scores import Scores


def test_track__has_a_line_for_each_peak_that_can_be_judged(support: Scores, tmp_path: Path) -> None:
    doubt = np.linspace(0, 1, support.cell_line.peak_count).astype(np.float32)
    doubt[::3] = np.nan
    support.write(v.DOUBT, 0, doubt)
    export(support, tmp_path / "plain")
    export(support, tmp_path / "out", ("track",))
    first, *lines = (tmp_path / "out" / SUPPORT_BED_FILE).read_text().splitlines()
    assert first.startswith('track name="cell support"')
    assert (tmp_path / "plain" / SUPPORT_BED_FILE).read_text().splitlines() == lines
    peaks = support.peaks.to_dataframe()
    peaks = peaks[peaks["doubt"].notna()]
    expected = [
        f"{contig}\t{start}\t{end}\t{name}\t{round(1000 * (1 - value))}\t."
        for contig, start, end, name, value in zip(
            peaks["contig"], peaks["start"], peaks["end"], peaks["name"], peaks["doubt"], strict=True
        )
    ]
    assert lines == expected and len(lines) < support.cell_line.peak_count
    keys = [(line.split("\t")[0].encode(), int(line.split("\t")[1])) for line in lines]
    assert keys == sorted(keys)


def test_sources__read_back_as_they_are(support: Scores, tmp_path: Path) -> None:
    export(support, tmp_path / "out", ("tsv",))
    found = pd.read_csv(tmp_path / "out" / SOURCES_FILE, sep="\t")
    assert list(found) == [column.name for column in SOURCES.named(support.cell_line.views)]
    pd.testing.assert_frame_equal(found, sources_table(support), check_dtype=False)


def test_two_of_one_objective_are_refused(support: Scores, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of the article, one of support, or both"):
        export([support, support], tmp_path / "out")
    with pytest.raises(InputError, match="0 models"):
        export([], tmp_path / "out")
    assert not (tmp_path / "out").exists()
