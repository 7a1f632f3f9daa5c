"""The name column of peaks, spelled and split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.catalogue.names import (
    CONVENTIONS,
    NON_REDUNDANT,
    peak_name,
    recognised_convention,
    source_name,
    split_merged_name,
    split_name,
    split_source,
)

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


label = st.text(st.sampled_from("aZ.% 25E0é"), min_size=1).filter(lambda text: text == text.strip())


@given(label, label, part)
def test_name__labels_with_dots_and_blanks_come_back(dataset: str, tr: str, cell_line: str) -> None:
    name = peak_name((dataset, tr), cell_line)
    assert split_name(name) == ((dataset, tr), cell_line)
    assert " " not in name.removesuffix(cell_line)


def test_merged_name__one_source_in_each_cell_line() -> None:
    of_one = (NON_REDUNDANT, "ctcf")
    assert split_merged_name("ctcf:hela,k-562,hela") == [(of_one, "hela"), (of_one, "k-562")]
    assert split_merged_name("ctcf: hela,hela ") == [(of_one, "hela")]
    for wrong in ("ctcf", ":hela", "ctcf:", "ctcf:hela,"):
        with pytest.raises(ValueError, match="expected TR:cell_line"):
            split_merged_name(wrong)


@pytest.mark.parametrize(
    "names, number", [(["a.b.c", "d.e.f:g"], 0), (["b:c", "b:d,e"], 1), (["b:c.d"], 1), ([], 0)]
)
def test_convention__of_most_names(names: list[str], number: int) -> None:
    assert recognised_convention(names) == list(CONVENTIONS)[number]
