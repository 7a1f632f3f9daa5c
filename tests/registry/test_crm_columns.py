"""Tables of CRMs: two rankings stand side by side, and scores that peaks may lack have one more column."""

from atypeak_scale.registry.crm_columns import (
    CRMS,
    CRMS_BY_BOTH,
    CRMS_BY_TRUST,
    RELEASE_CRMS,
    RELEASE_CRMS_JUDGED,
    RELEASE_PAIRS,
    RELEASE_PAIRS_JUDGED,
    with_unjudged,
)
from atypeak_scale.registry.table import Column, Table


def test_crms__by_both_have_the_columns_of_each_once() -> None:
    names = [column.name for column in CRMS_BY_BOTH.columns]
    assert len(set(names)) == len(names)
    assert {*CRMS.columns, *CRMS_BY_TRUST.columns} == set(CRMS_BY_BOTH.columns)
    assert {"rank", "trust_rank"} <= set(names)
    shared = {column.name for column in CRMS.columns} & {column.name for column in CRMS_BY_TRUST.columns}
    assert shared == {"contig", "start", "end", "crm", "peaks", "view1s"}


def test_with_unjudged__adds_a_column_at_the_end() -> None:
    table = Table("t", "a table", (Column("mean", "float64", "mean"),), has_others=True)
    found = with_unjudged(table)
    assert (found.name, found.description, found.has_others) == ("t", "a table", True)
    assert [column.name for column in found.columns] == ["mean", "unjudged_peaks"]
    assert with_unjudged(RELEASE_CRMS) == RELEASE_CRMS_JUDGED
    assert with_unjudged(RELEASE_PAIRS) == RELEASE_PAIRS_JUDGED
