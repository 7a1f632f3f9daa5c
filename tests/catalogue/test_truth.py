"""Truth tables: what is kept of them, what is read back, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from atypeak_scale.catalogue import artificial
from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.catalogue.truth import read_truth
from atypeak_scale.errors import InputError

HEADER = "contig\tstart\tend\tname\tkind\tgroup\n"
NOISE = "chr1\t5\t9\td1.x.cell\tnoise\t-1\n"


def test_truth__knows_what_the_generator_drew_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artificial, "CRMS_PER_CONTIG", 70)
    settings = ArtificialSettings(crms=200, datasets=5, trs=12, group_rule="fours", groups=2, seed=3)
    truth = read_truth(simulate(settings, tmp_path / "out").truth)
    assert truth.watermarks == {("dataset00", "tr00")}
    assert truth.reliable == {"dataset02", "dataset03", "dataset04"}
    assert truth.groups == {0: {f"tr{i:02d}" for i in range(4)}, 1: {f"tr{i:02d}" for i in range(4, 8)}}
    whole = pd.read_csv(truth.file, sep="\t")
    assert list(truth.contigs) == ["chr1", "chr2", "chr3"]
    for contig in truth.contigs:
        expected = whole[whole["contig"] == contig].drop(columns="contig").reset_index(drop=True)
        pd.testing.assert_frame_equal(
            truth.rows(contig), expected, check_dtype=False, check_categorical=False
        )


def test_truth__of_a_contig_that_is_not_there_is_empty(write: Callable[[str, str], Path]) -> None:
    truth = read_truth(write("truth.tsv", HEADER + NOISE))
    assert truth.rows("chr2").empty
    assert list(truth.rows("chr2").columns) == ["start", "end", "name", "kind", "group"]
    assert truth.rows("chr1").iloc[0].tolist() == [5, 9, "d1.x.cell", "noise", -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr1\t5\t9\td1.x.cell\n", "line 1: not the header of a truth table; give the truth.tsv"),
        ("", "line 1: not the header"),
        (HEADER + NOISE + "chr1\t5\t9\td1.x.cell\tnoise\n", "line 3: expected contig, start, end, name"),
        (HEADER + "chr1\n", "line 2: expected contig, start"),
        (HEADER + "chr1\t5\t9\td1\tnoise\t-1\n", "line 2: expected contig, start"),
        (HEADER + "chr1\t5\t9\td1.x.cell\tghost\t-1\n", "line 2: kind 'ghost' does not go with group -1"),
        (HEADER + "chr1\t5\t9\td1.x.cell\tnoise\t1\n", "line 2: kind 'noise' does not go with group 1"),
        (HEADER + "chr1\t5\t9\td1.x.cell\tstack\t-1\n", "line 2: kind 'stack' does not go with group -1"),
        (HEADER + NOISE + NOISE.replace("chr1", "chr2") + NOISE, "line 4: contig 'chr1' appears again"),
    ],
)
def test_truth__names_the_line(write: Callable[[str, str], Path], text: str, message: str) -> None:
    with pytest.raises(InputError) as failure:
        read_truth(write("truth.tsv", text))
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)


def test_truth__positions_are_numbers(write: Callable[[str, str], Path]) -> None:
    truth = read_truth(write("truth.tsv", HEADER + NOISE.replace("5", "five")))
    with pytest.raises(InputError, match="contig chr1: not a truth table"):
        truth.rows("chr1")


def test_truth__absent_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_truth(tmp_path / "truth.tsv")
