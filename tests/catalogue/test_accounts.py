"""No row leaves silently: accounts add up and equal brute force; what looks like a mistake is told."""

import logging
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale import build_store, open_store
from atypeak_scale.catalogue.accounts import (
    CrmAccount,
    PeakAccount,
    alike,
    are_alike,
    tell_contigs_without_crm,
    tell_repeated_peaks,
    tell_repeated_regions,
    tell_similar_cell_lines,
)
from atypeak_scale.config import parse_config
from atypeak_scale.errors import InputError

place = st.integers(0, 60).map(lambda number: number * 100)
peak = st.tuples(
    st.sampled_from(["chr1", "chr2", "1", "chrUn"]), place, st.integers(1, 900), st.sampled_from("abc"),
    st.sampled_from("xyz"), st.sampled_from(["cell", "cell", "cell", "Cell", "z.cell", "other"]),
)  # fmt: skip
crm = st.tuples(st.sampled_from(["chr1", "chr2", "chr3"]), place, st.integers(1, 9), st.integers(98, 103))
selected = st.fixed_dictionaries(
    {},
    optional={
        "trs": st.lists(st.sampled_from("xyz"), min_size=1, unique=True),
        "datasets": st.lists(st.sampled_from("abc"), min_size=1, unique=True),
        "top_trs": st.integers(1, 2),
    },
)


def accounts(
    peaks: list[tuple[str, int, int, str, str, str]], crms: list[tuple[str, int, int, int]],
    selection: dict[str, object],
) -> tuple[PeakAccount, CrmAccount]:  # fmt: skip
    """Say of every row why it is used or not; the formula of the docs, row by row."""
    wanted = {
        (dataset, tr)
        for _, _, _, dataset, tr, cell_line in peaks
        if cell_line == "cell"
        and dataset in selection.get("datasets", "abc")  # type: ignore[operator]
        and tr in selection.get("trs", "xyz")  # type: ignore[operator]
    }
    datasets = Counter(tr for _, tr in wanted)
    top = sorted(datasets, key=lambda tr: (-datasets[tr], tr))[: selection.get("top_trs")]  # type: ignore[misc]
    seen, too_few, repeated = set(), 0, 0
    for contig, start, bins, count in crms:
        interval = contig, start, start + bins * 100
        too_few += count < 100
        repeated += count >= 100 and interval in seen
        if count >= 100:
            seen.add(interval)
    contigs = {contig for contig, *_ in crms}
    why: Counter[str] = Counter()
    for contig, start, length, dataset, tr, cell_line in peaks:
        if cell_line != "cell":
            why["other_cell_line"] += 1
        elif (dataset, tr) not in wanted or tr not in top:
            why["not_selected"] += 1
        elif contig not in contigs:
            why["on_contigs_without_crm"] += 1
        elif any(contig == c and start < e and s < start + length for c, s, e in seen):
            why["used"] += 1
        else:
            why["outside_crms"] += 1
    names = ("used", "other_cell_line", "not_selected", "on_contigs_without_crm", "outside_crms")
    return (
        PeakAccount(len(peaks), *(why[name] for name in names)),
        CrmAccount(len(crms), len(seen), too_few, repeated),
    )


@given(st.lists(peak, min_size=1, max_size=40), st.lists(crm, min_size=1, max_size=12), selected)
@settings(max_examples=60, deadline=None)
def test_accounts__equal_brute_force_and_add_up(
    peaks: list[tuple[str, int, int, str, str, str]], crms: list[tuple[str, int, int, int]],
    selection: dict[str, object],
) -> None:  # fmt: skip
    config = parse_config({"cell_line": "cell", "selection": selection}, "test")
    expected = accounts(peaks, crms, selection)
    with tempfile.TemporaryDirectory() as folder:
        peak_file, crm_file, store = (Path(folder) / name for name in ("peaks.bed", "crms.bed", "s.zarr"))
        peak_file.write_text("track name=x\n" + "".join(
            f"{contig}\t{start}\t{start + length}\t{dataset}.{tr}.{cell_line}\n"
            for contig, start, length, dataset, tr, cell_line in peaks
        ))  # fmt: skip
        crm_file.write_text("".join(
            f"{contig}\t{start}\t{start + 100 * bins}\tcrm\t{count}\n" for contig, start, bins, count in crms
        ))  # fmt: skip
        if not expected[0].used:
            with pytest.raises(InputError):
                build_store(peak_file, crm_file, store, config)
            return
        built = build_store(peak_file, crm_file, store, config)
        stored = open_store(store).attributes["accounts"]
    assert (built.rows_of_peaks, built.rows_of_crms) == expected
    assert (PeakAccount(**stored["peaks"]), CrmAccount(**stored["crms"])) == expected
    for account in expected:
        rows, *reasons = vars(account).values()
        assert rows == sum(reasons)


@pytest.mark.parametrize(
    "asked, rows, told",
    [
        ("hela", {"HeLa": 2, "HELA": 3, "k562": 9}, "'HELA' (3), 'HeLa' (2)"),
        ("hela", {"hela-s3": 1_234}, "'hela-s3' (1,234)"),
        ("hela-s3", {"hela": 2, "HeLaS3": 1}, "'hela' (2), 'HeLaS3' (1)"),
        ("HeLa", {"Z.HeLa": 3}, "'Z.HeLa' (3); a name is dataset.TR.cell_line: spell a TR"),
        ("hela", {f"hela_peak_{n}": 1 for n in range(100)}, "and 95 more (95)"),
        ("hela", {"k562": 9, "he": 1, "gm12878": 5}, None),
    ],
)
def test_similar_cell_lines(
    caplog: pytest.LogCaptureFixture, asked: str, rows: dict[str, int], told: str | None
) -> None:
    with caplog.at_level(logging.WARNING):
        tell_similar_cell_lines("p.bed", asked, rows)
    if told is None:
        assert not caplog.records
    else:
        (record,) = caplog.records
        assert told in record.getMessage()
        assert record.getMessage().startswith("p.bed: left out peaks of ")


@pytest.mark.parametrize(
    "rows, contigs, told",
    [
        ({"1": 3, "chrUn": 4}, ["chr1"], "'chrUn' (4), '1' (3); rename them if '1' means 'chr1'"),
        ({"chr1": 3}, ["1"], "'chr1' (3); rename them if 'chr1' means '1'"),
        ({"MT": 3}, ["chrM"], "rename them if 'MT' means 'chrM'"),
        ({"chrM": 3}, ["MT"], "rename them if 'chrM' means 'MT'"),
        ({"CHRX": 3}, ["chrX"], "rename them if 'CHRX' means 'chrX'"),
        ({"scaffold": 1}, ["chr1"], "'scaffold' (1)"),
    ],
)
def test_contigs_without_crm(
    caplog: pytest.LogCaptureFixture, rows: dict[str, int], contigs: list[str], told: str
) -> None:
    with caplog.at_level(logging.WARNING):
        tell_contigs_without_crm("p.bed", {}, contigs)
        assert not caplog.records
        tell_contigs_without_crm("p.bed", rows, contigs)
    (message,) = caplog.messages
    assert message.startswith("p.bed: peaks lie on contigs that no CRM has: ")
    assert message.endswith(told)


def test_repeats(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        tell_repeated_peaks("p.bed", 0)
        tell_repeated_peaks("p.bed", 1_500)
        tell_repeated_regions("c.bed", 2, 7)
    assert caplog.messages == [
        "p.bed: selected peaks with the same place and source as another: 1,500; each counts as a peak",
        "c.bed: 2 rows repeat an earlier interval, first line 7; each is used once",
    ]


@given(st.lists(st.text("aAb-1", min_size=1, max_size=7), unique=True, max_size=30))
def test_alike__brute_force(names: list[str]) -> None:
    expected = {
        name: [other for other in names if other != name and are_alike(other, name)] for name in names
    }
    assert alike(names) == expected
