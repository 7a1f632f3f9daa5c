"""The examples of the documentation run as they stand, in order, in an empty folder."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str) -> list[tuple[int, str]]:
    """Return each block with the line on which it begins."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(1)), found[1]) for found in BLOCK.finditer(text)]


@pytest.mark.parametrize("document, fewest", [("README.md", 1), ("docs/python.md", 10)])
def test_docs__python_blocks_run(
    document: str, fewest: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = blocks(document)
    assert len(found) >= fewest
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for line, source in found:
        # Empty lines in front, so that a traceback names the line of the document.
        exec(compile("\n" * line + source, str(ROOT / document), "exec"), namespace)
