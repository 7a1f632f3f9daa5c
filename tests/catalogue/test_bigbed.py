"""bigBed files that other tools wrote, and damaged ones, of which some end the process that reads them."""

import random
from pathlib import Path

import pybigtools
import pytest

from atypeak_scale.catalogue.bigbed import bed_of_bigbed
from atypeak_scale.errors import InputError

ROWS = [("chr1", 5, 50, "p\t0"), ("chr1", 60, 90, "q\t1"), ("chr2", 1, 2, "r\t2")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    pybigtools.open(str(tmp_path / "a.bb"), "w").write({"chr1": 999, "chr2": 99}, iter(ROWS))
    return tmp_path / "a.bb"


def test_bigbed__gives_its_rows(file: Path) -> None:
    with bed_of_bigbed(file) as (bed, rows):
        assert bed.read_text().splitlines() == ["\t".join(map(str, row)) for row in ROWS]
        assert rows == len(ROWS)
    assert not bed.exists()


def test_bigbed__damaged_ones_are_told_in_one_line(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Some make the library ask for so much memory that the process is aborted, some make it panic."""
    whole, chance, refused = file.read_bytes(), random.Random(0), 0
    tree = int.from_bytes(whole[8:16], "little")  # where its contigs are
    for at in (tree + 13, tree + 19, *(chance.randrange(4, len(whole)) for _ in range(20))):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xE7]) + whole[at + 1 :])
        try:
            with bed_of_bigbed(file):
                pass
        except InputError as problem:
            refused += 1
            assert "\n" not in str(problem)
            assert "a.bb: is damaged or no bigBed" in str(problem)
    assert refused > 3
    assert capfd.readouterr() == ("", "")
