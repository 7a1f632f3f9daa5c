import pytest

from atypeak_scale.plot.labels import clean, cut


def test_clean__leaves_text_and_replaces_what_is_obeyed() -> None:
    assert clean("GSE1.ctcf <b>&$x$ ü 日本") == "GSE1.ctcf <b>&$x$ ü 日本"
    assert clean("a\x1b[2J\n\t\u202e\ufffe") == "a\ufffd[2J" + 4 * "\ufffd"


@pytest.mark.parametrize("label, most, shown", [
    ("GSE1.ctcf", 9, "GSE1.ctcf"), ("GSE1.ctcf", 8, "…E1.ctcf"), ("GSE1.ctcf", 5, "…ctcf"), ("", 3, ""),
    ("a\x07.b", 9, "a\ufffd.b"),
])  # fmt: skip
def test_cut__keeps_the_end(label: str, most: int, shown: str) -> None:
    assert cut(label, most) == shown
    assert len(shown) <= most
