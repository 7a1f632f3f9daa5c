"""What is wrong with a setting is said in words that need no knowledge of Python, and briefly."""

from pathlib import Path
from typing import Any

import pytest

from atypeak_scale.config import load_config, parse_config
from atypeak_scale.errors import InputError


@pytest.mark.parametrize(
    "values, message",
    [
        ({"training": {"seed": "three"}}, "training.seed: expected a whole number (found 'three')"),
        ({"model": {"filters": 8.5}}, "model.filters: expected a whole number (found 8.5)"),
        ({"model": {"dropout": "half"}}, "model.dropout: expected a number (found 'half')"),
        ({"model": {"filters": 0}}, "model.filters: expected greater than or equal to 1 (found 0)"),
        ({"cell_line": 697}, "cell_line: expected text; if it looks like a number or a date, put it in quotes"
                             " (found 697)"),
        ({"selection": {"trs": "ctcf"}}, "selection.trs: expected a list, such as [a, b] (found 'ctcf')"),
        ({"training": [1, 2]}, "training: expected a section of settings, such as {name: value}"
                               " (found [1, 2])"),
        ({"training": {"precision": "half"}}, "training.precision: expected 'float32' or 'mixed_bfloat16' "
                                              "(found 'half')"),
    ],
)  # fmt: skip
def test_first_problem__in_words(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as failure:
        parse_config({"cell_line": "x", **values}, "c.yaml")
    assert str(failure.value) == f"c.yaml: {message}"


@pytest.mark.parametrize(
    "text, message",
    [
        ("cell_line: 2024-13-45", "not a YAML file: month must be in 1..12"),
        ("cell_line: " + "[" * 5000, "nested too deeply"),
        ("model: {filters: " + "9" * 5000 + "}", "not a YAML file: Exceeds the limit"),
        ("cell_line: x\ntraining: {precision: " + "x" * 100_000 + "}", "100,000 characters)"),
        ("cell_line: x\n" + "k" * 900 + ": 1", "unknown setting"),
        ("#" * 1_000_001, "has 1,000,001 bytes; expected a configuration of at most 1,000,000"),
    ],
    ids=["date", "deep", "number", "text", "key", "size"],
)
def test_load_config__refuses_what_no_one_writes_in_a_short_line(
    text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as failure:
        load_config(file)
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)
    assert len(str(failure.value)) < 600 + len(str(file))
