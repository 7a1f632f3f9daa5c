"""What an output was made from, and that it is whole or not there."""

import json
from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.provenance import (
    MADE_FROM,
    fingerprint,
    new_output,
    read_provenance,
    refuse_existing_output,
    write_provenance,
)


def test_fingerprint__does_not_depend_on_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": [2, 3]}) == fingerprint({"b": [2, 3], "a": 1})
    assert fingerprint({"a": 1, "b": [2, 3]}) != fingerprint({"a": 1, "b": [3, 2]})
    assert fingerprint([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"


def test_new_output__appears_whole_with_what_it_was_made_from(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    with new_output(out, {"store": {"cell_line": "é"}}) as folder:
        (folder / "a.txt").write_text("x")
        assert not out.exists()
    assert {file.name for file in out.iterdir()} == {"a.txt", MADE_FROM}
    assert read_provenance(out) == {"store": {"cell_line": "é"}}
    text = (out / MADE_FROM).read_text()
    assert text == json.dumps({"store": {"cell_line": "é"}}, indent=1) + "\n"


@pytest.mark.parametrize("problem", [KeyboardInterrupt, ValueError])
def test_new_output__of_a_block_that_fails_is_nothing(tmp_path: Path, problem: type[BaseException]) -> None:
    with pytest.raises(problem), new_output(tmp_path / "out", {}) as folder:
        (folder / "a.txt").write_text("x")
        raise problem
    assert list(tmp_path.iterdir()) == []


def test_new_output__refuses_what_exists(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for use in (lambda: refuse_existing_output(tmp_path / "out"), new_output(tmp_path / "out", {}).__enter__):
        with pytest.raises(InputError, match=r"out: exists; remove it or name another folder$"):
            use()
    refuse_existing_output(tmp_path / "other")
    assert {file.name for file in tmp_path.iterdir()} == {"out"}


@pytest.mark.parametrize("text", [None, "", "{", "[1]", '"x"'])
def test_read_provenance__is_none_if_it_cannot_be_told(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / MADE_FROM).write_text(text)
    assert read_provenance(tmp_path) is None


def test_write_provenance__is_read_back(tmp_path: Path) -> None:
    write_provenance(tmp_path, {"a": [1, 2.5, None]})
    assert read_provenance(tmp_path) == {"a": [1, 2.5, None]}
