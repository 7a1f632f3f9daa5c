"""`make-crms`: its options reach the library, what it says, what uses its file, and what it refuses."""

import json
import re
from pathlib import Path
from unittest.mock import call

import pytest

from atypeak_scale.catalogue.merging import MadeCrms
from tests.cli.helpers import HERE, PEAK, Catalogue, Refuse, Replace, Run, invoke, printed

MADE = MadeCrms("out.bed", 3, 20, 17, 2, 0, 1500, 700)


def test_make_crms__every_option_reaches_the_library(replace: Replace) -> None:
    make_crms = replace("catalogue.merging.make_crms", MADE)
    invoke("make-crms", "a.bed", "b.bed.gz", "out.bed", "--distance", "100", "--min-peaks", "7",
           "--width", "50")  # fmt: skip
    invoke("make-crms", "-", "out.bed")
    assert make_crms.call_args_list == [
        call(["a.bed", "b.bed.gz"], "out.bed", 100, 7, 50, HERE),
        call(["-"], "out.bed", 0, 2, 0, HERE),
    ]


def test_make_crms__says_what_was_made_and_what_next(replace: Replace) -> None:
    replace("catalogue.merging.make_crms", MADE)
    lines = [line.split("  ") for line in printed("make-crms", "a b.bed", "out.bed").splitlines()]
    told = {line[0]: line[-1].strip() for line in lines}
    assert told["crms"] == "3"
    assert told["peaks in crms"] == "17"
    assert told["bp in crms"] == "1,500"
    command = "next: atypeak-scale build-store 'a b.bed' out.bed STORE --cell-line NAME --min-crm-peaks 0"
    assert lines[-1] == [command]
    assert json.loads(printed("make-crms", "a.bed", "out.bed", "--json")) == {
        "file": "out.bed", "crms": 3, "peaks": 20, "peaks_in_crms": 17, "modules_with_few_peaks": 2,
        "modules_too_long": 0, "bp_in_crms": 1500, "longest_bp": 700,
    }  # fmt: skip


# For real


def test_make_crms__are_those_of_a_store(atypeak: Run, catalogue: Catalogue, tmp_path: Path) -> None:
    """Every peak of its catalogue lies in a CRM, if no module is left out."""
    crms, store = tmp_path / "crms.bed.gz", tmp_path / "s.zarr"
    assert atypeak("make-crms", catalogue[0], crms, "--min-peaks", 1).code == 0
    built = atypeak("build-store", catalogue[0], crms, store, "--cell-line", "cell", "--min-crm-peaks", 0,
                    "--json")  # fmt: skip
    assert built.code == 0, built
    told = json.loads(built.out)["rows_of_peaks"]
    peaks = sum(line.startswith("chr") for line in catalogue[0].read_text().splitlines())
    assert told["used"] == told["rows"] == peaks
    crowded = atypeak("build-store", catalogue[0], crms, store, "--cell-line", "cell", "--min-crm-peaks", 3,
                      "--json", "--dry-run")  # fmt: skip
    assert 0 < json.loads(crowded.out)["windows_at_most"] < json.loads(built.out)["rows_of_crms"]["used"]


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["make-crms", "a.bed"], "Missing argument 'PEAKS...'"),
        (["make-crms", "a.bed", "o", "--distance", "-1"], "-1 is not in the range"),
        (["make-crms", "a.bed", "o", "--min-peaks", "0"], "0 is not in the range"),
    ],
)
def test_make_crms__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)


@pytest.mark.parametrize(
    "text, message",
    [
        (PEAK, r"no module has 2 peaks or more; the most that one has is 1; .* with --min-peaks$"),
        (PEAK + "chr1\t1\t20000000\n", r"no module is left: .* with --distance$"),
        (PEAK + "chr1\tx\t5\n", r"p\.bed, line 2: start 'x'; expected a whole number of bp, 0 or more$"),
    ],
)
def test_make_crms__refusal_is_one_line(atypeak: Run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.bed").write_text(text)
    assert re.search(message, atypeak("make-crms", tmp_path / "p.bed", tmp_path / "out.bed").message())
    assert [file.name for file in tmp_path.iterdir()] == ["p.bed"]
