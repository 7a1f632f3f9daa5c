"""`verify`: its options reach the library, and what it says of damage."""

import re
import shutil
from pathlib import Path
from unittest.mock import call

import pytest

from atypeak_scale.errors import AtypeakError
from atypeak_scale.store.verify import Verified
from tests.cli.helpers import (
    EXECUTORS,
    Finished,
    Refuse,
    Replace,
    Where,
    invoke,
    printed,
)


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_verify__where_and_what_it_says(replace: Replace, options: list[str], where: Where) -> None:
    verify = replace("store.verify.verify", Verified(3, 1234, []))
    result = invoke("verify", "s.zarr", *options)
    invoke("verify", "s.zarr", "--results", "r", *options)
    assert verify.call_args_list == [call("s.zarr", results, executor=where) for results in (None, "r")]
    assert result.stdout == "1,234 chunks of 3 arrays read; nothing is damaged\n"


def test_verify__damage_is_a_failure(replace: Replace) -> None:
    replace("store.verify.verify", Verified(3, 4, ["a/b, chunk 1: damaged", "a/c, chunk 2: lost"]))
    with pytest.raises(AtypeakError, match=r"^s\.zarr: is damaged, as listed above$"):
        invoke("verify", "s.zarr")


# For real


def test_verify__of_a_scored_store_and_of_a_damaged_one(steps: Finished, tmp_path: Path) -> None:
    store = Path(shutil.copytree(steps.store, tmp_path / "s.zarr"))
    assert re.fullmatch(
        r"[\d,]+ chunks of [\d,]+ arrays read; nothing is damaged\n", printed("verify", store)
    )
    chunk = next(file for file in sorted(store.rglob("rebuilt_score/c/*")) if file.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-1])
    with pytest.raises(AtypeakError, match=r"s\.zarr: is damaged, as listed above$"):
        invoke("verify", store)


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["verify", "no.zarr"], r"^no\.zarr: not a store; make one with"),
        (["verify", "{folder}"], r"folder: not a store; make one with"),
    ],
)  # fmt: skip
def test_verify__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)
