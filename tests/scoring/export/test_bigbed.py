import re
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from scoring.by_hand import save_untrained

from atypeak_scale.config import Config, with_seed
from atypeak_scale.registry.table import Column
from atypeak_scale.scoring.export import BIGBED_FILE, export
from atypeak_scale.scoring.export.bigbed import field_name
from atypeak_scale.scoring.export.colours import COLOURS, UNKNOWN
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores

BED9 = ["chrom", "chromStart", "chromEnd", "name", "score", "strand", "thickStart", "thickEnd", "itemRgb"]
OF_ARTICLE, OF_SUPPORT = ["final", "percentile", "raw"], ["support", "p_random", "q_random", "doubt"]
VIEWS, REST = ["dataset", "tr"], ["other_sources", "crm"]


def fields_of(file: Path) -> list[tuple[str, str]]:
    """Return (type, name) of each field, as the file describes them."""
    with pyBigWig.open(str(file)) as found:
        text = found.SQL().decode()
    return re.findall(r'^\s*(\S+) (\w+); ".*"$', text, re.MULTILINE)


def read(file: Path) -> pd.DataFrame:
    """Return all rows as text, in order, by the names that the file gives its fields."""
    rows = []
    with pyBigWig.open(str(file)) as found:
        for contig, size in sorted(found.chroms().items()):
            for start, end, rest in found.entries(contig, 0, size):
                rows.append([contig, str(start), str(end), *rest.split("\t")])
    return pd.DataFrame(rows, columns=[name for _, name in fields_of(file)])


def assert_is_table(found: pd.DataFrame, table: pd.DataFrame) -> None:
    """Every field further than BED is the column of its name, to the last bit."""
    assert len(found) == len(table) > 50
    assert (found["chrom"].tolist(), found["name"].tolist()) == (
        table["contig"].tolist(),
        table["name"].tolist(),
    )
    for start, end in (("chromStart", "chromEnd"), ("thickStart", "thickEnd")):
        assert found[start].astype(int).tolist() == table["start"].tolist()
        assert found[end].astype(int).tolist() == table["end"].tolist()
    assert set(found["strand"]) == {"."}
    for name in found.columns[len(BED9) :]:
        column = table[name]
        if column.dtype == object or isinstance(column.dtype, pd.StringDtype):
            assert found[name].tolist() == column.tolist()
        else:
            values = found[name].astype(column.dtype).to_numpy()
            assert np.array_equal(values, column.to_numpy(), equal_nan=values.dtype.kind == "f"), name
            assert set(found[name][column.isna()]) <= {"NaN"}


@pytest.mark.parametrize(
    "which, score, columns",
    [
        ([0], None, [*VIEWS, *OF_ARTICLE, *REST]),
        ([1], None, [*VIEWS, *OF_SUPPORT, "other_sources", "overlapping_sources", "crm"]),
        ([0, 1], None, [*VIEWS, *OF_ARTICLE, *OF_SUPPORT, "other_sources", "overlapping_sources", "crm"]),
        ([0, 1], "final", None),
    ],
)
def test_bigbed__every_field_is_read_as_in_the_table(
    both: list[Scores], tmp_path: Path, which: list[int], score: str | None, columns: list[str] | None
) -> None:
    scores = [both[number] for number in which]
    export(scores, tmp_path / "out", ("bigbed", "parquet"), "hg38", score)
    file = tmp_path / "out" / BIGBED_FILE
    found, table = read(file), pd.read_parquet(tmp_path / "out/peaks.parquet")
    assert list(found)[:9] == BED9
    assert columns is None or list(found)[9:] == columns
    with file.open("rb") as data:
        assert struct.unpack_from("<HH", data.read(36), 32) == (len(found.columns), 9)
    assert_is_table(found, table)
    values = table["final"] if "doubt" not in table or score else 1000 * (1 - table["doubt"])
    expected = np.clip(np.rint(values), 0, 1000).fillna(0).astype(int)
    assert found["score"].astype(int).tolist() == expected.tolist() and expected.nunique() > 5
    rgb = [COLOURS[one // 100] for one in expected]
    rgb = [UNKNOWN if missing else one for one, missing in zip(rgb, values.isna(), strict=True)]
    assert found["itemRgb"].tolist() == [",".join(map(str, one)) for one in rgb]
    assert values.isna().any() == (1 in which and score is None)


def test_bigbed__of_ensembles_has_both_spreads(
    both: list[Scores], config: Config, support_config: Config, tmp_path: Path
) -> None:
    several = []
    for name, settings in (("several", config), ("several-support", support_config)):
        for seed in (1, 2):
            save_untrained(tmp_path / name / f"seed-{seed}", with_seed(settings, seed))
        several.append(open_scores(both[0].cell_line, tmp_path / name))
        complete(several[-1])
    normalize(several[0], config.normalization)
    export(several, tmp_path / "out", ("bigbed", "parquet"), "hg38", "final")
    found = read(tmp_path / "out" / BIGBED_FILE)
    assert list(found)[-2:] == ["spread", "support_spread"]
    assert all((found[name].astype(float) > 0).any() for name in ("spread", "support_spread"))
    assert_is_table(found, pd.read_parquet(tmp_path / "out/peaks.parquet"))


def test_autosql__says_what_a_field_means_and_how_a_missing_number_is_spelled(
    both: list[Scores], tmp_path: Path
) -> None:
    export(both, tmp_path / "out", ("bigbed",), "hg38")
    with pyBigWig.open(str(tmp_path / "out" / BIGBED_FILE)) as found:
        fields = re.findall(r'^\s*(\S+) \w+; "(.*)"$', found.SQL().decode(), re.MULTILINE)
    assert len(fields) > len(BED9)
    assert all(text.count("NaN") == (kind == "float") for kind, text in fields)
    # Who sees them in a browser has no article and no method at hand.
    assert not [text for _, text in fields if "method" in text or "until" in text]


def test_bigbed__is_the_same_file_twice(both: list[Scores], tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(both, tmp_path / name, ("bigbed",), "hg38")
    one, two = (tmp_path / name / BIGBED_FILE for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_bigbed__hostile_names_survive(hostile: Scores, tmp_path: Path) -> None:
    export(hostile, tmp_path / "out", ("bigbed", "parquet"), "hg38")
    found = read(tmp_path / "out" / BIGBED_FILE)
    assert_is_table(found, pd.read_parquet(tmp_path / "out/peaks.parquet"))
    assert found["dataset"].str.contains("<script>", regex=False).any()


@pytest.mark.parametrize(
    "view, name", [("tr", "tr"), ("chrom", "chrom_"), ("strand", "strand_"), ("set", "set_")]
)
def test_field_name__is_not_a_word_of_autosql(view: str, name: str) -> None:
    assert field_name(Column(view, "text", "").name) == name
