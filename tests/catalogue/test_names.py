"""The name column of peaks, spelled and split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.catalogue.names import peak_name, source_name, split_name, split_source

part = st.text(st.characters(exclude_characters=".\t\n", exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: text == text.strip()
)


@given(part, part, st.lists(part, min_size=1).map(".".join))
def test_name__round_trip(dataset: str, tr: str, cell_line: str) -> None:
    assert split_name(peak_name((dataset, tr), cell_line)) == ((dataset, tr), cell_line)


@pytest.mark.parametrize("name", ["", "a", "a.b", ".b.c", "a..c", "a.b."])
def test_split_name__refuses(name: str) -> None:
    with pytest.raises(ValueError, match=r"expected dataset\.TR\.cell_line"):
        split_name(name)


@pytest.mark.parametrize("name", ["a .b.c", "a. b.c", "a.b .c", " a.b.c", "a.b.c ", "a.b.\u2003c"])
def test_split_name__refuses_blanks_beside_dots(name: str) -> None:
    with pytest.raises(ValueError, match="has a blank beside a dot"):
        split_name(name)


@pytest.mark.parametrize("source", ["a", "a.b.c", ".b", ""])
def test_split_source__refuses(source: str) -> None:
    with pytest.raises(ValueError, match=r"expected dataset\.TR"):
        split_source(source)


@given(part, part)
def test_source__round_trip(dataset: str, tr: str) -> None:
    assert split_source(source_name((dataset, tr))) == (dataset, tr)
