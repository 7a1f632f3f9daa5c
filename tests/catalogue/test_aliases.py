"""Names that mean the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from atypeak_scale.catalogue.aliases import Aliases, read_aliases
from atypeak_scale.errors import InputError

HEAD = "kind\tname\tmeans\n"


def test_aliases__merge_each_kind_of_name(write: Callable[[str, str], Path]) -> None:
    found = read_aliases(write("a.tsv", f"{HEAD}cell_line\tHeLa-S3\thela\ntr\tCTCF \tctcf\n\n"))
    assert found.of(("GSE1", "CTCF"), "HeLa-S3") == ("GSE1", "ctcf", "hela")
    assert found.of(("CTCF", "x"), "ctcf") == ("CTCF", "x", "ctcf")
    assert Aliases().of(("a", "b"), "c") == ("a", "b", "c")


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "line 1: ''; expected the columns kind, name, means"),
        ("a\tb\n", "line 1: .*; expected the columns"),
        (f"{HEAD}line\ta\tb\n", "line 2: .*; expected one of dataset, tr, cell_line, a name"),
        (f"{HEAD}tr\ta\n", "line 2: "),
        (f"{HEAD}tr\ta\t\n", "line 2: "),
        (f'{HEAD}tr\ta\t"b\nc"\n', r"line 2: 'b\\nc' holds a control character; remove it"),
        (f"{HEAD}tr\ta\tb\ntr\ta\tc\n", "line 3: tr 'a' means 'b' above; keep one"),
        (f"{HEAD}tr\ta\tb\ntr\tb\tc\n", "tr 'a' means 'b', which means 'c'; name the last one for both"),
    ],
)
def test_aliases__wrong_rows_are_named(write: Callable[[str, str], Path], text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"a\.tsv(, |: ){message}"):
        read_aliases(write("a.tsv", text))


def test_aliases__no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent: cannot be read"):
        read_aliases(tmp_path / "absent")


def test_aliases__as_spreadsheets_write_them(write: Callable[[str, str], Path]) -> None:
    text = f"\ufeff{HEAD}tr\ta\tb\n\t\t\n".replace("\n", "\r\n")
    assert read_aliases(write("a.tsv", text)).means == {"tr": {"a": "b"}}
