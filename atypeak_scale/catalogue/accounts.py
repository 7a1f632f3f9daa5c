"""What became of every row of the inputs, and what is told of rows that look left out by mistake."""

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from atypeak_scale.errors import quoted

log = logging.getLogger(__name__)
MOST_TOLD = 5  # names in one warning
SHORTEST_ALIKE = 3  # letters; shorter names begin too many others


@dataclass(frozen=True)
class PeakAccount:
    """Rows of a peak file. Each is counted once, by the first reason that holds; together they are `rows`."""

    rows: int
    used: int
    other_cell_line: int
    not_selected: int
    on_contigs_without_crm: int
    outside_crms: int
    malformed: int = 0
    """None in a store: a malformed row stops the build, with its line."""


@dataclass(frozen=True)
class CrmAccount:
    """Rows of a CRM file. Each is counted once, by the first reason that holds; together they are `rows`."""

    rows: int
    used: int
    too_few_peaks: int
    repeated: int
    malformed: int = 0
    """None in a store: a malformed row stops the build, with its line."""


def tell_similar_cell_lines(file: str, cell_line: str, rows: Mapping[str, int]) -> None:
    """Log the other cell lines that may be meant to be this one; rows: number by cell line."""
    alike = {name: count for name, count in rows.items() if are_alike(name, cell_line)}
    if alike:
        log.warning(
            "%s: left out peaks of cell lines whose names are like %s: %s; if they are the same, spell them "
            "alike", file, quoted(cell_line), _counted(alike),
        )  # fmt: skip
    ending = f".{cell_line}".casefold()
    dotted = {name: count for name, count in rows.items() if name.casefold().endswith(ending)}
    if dotted:
        log.warning(
            "%s: left out peaks of other cell lines: %s; a name is dataset.TR.cell_line: spell a TR such as "
            "H2A.Z without its dot", file, _counted(dotted),
        )  # fmt: skip


def tell_contigs_without_crm(file: str, rows: Mapping[str, int], contigs: Iterable[str]) -> None:
    """Log the contigs of selected peaks that no CRM has; rows: number by contig; contigs: those of CRMs."""
    if not rows:
        return
    known = set(contigs)
    meant = {name: near for name in rows for near in _other_spellings(name) if near in known}
    hint = ""
    if meant:
        name, near = next((name, meant[name]) for name in _by_count(rows) if name in meant)
        hint = f"; rename them if {quoted(name)} means {quoted(near)}"
    log.warning("%s: peaks lie on contigs that no CRM has: %s%s", file, _counted(rows), hint)


def tell_repeated_peaks(file: str, count: int) -> None:
    """Log the number of selected peaks that repeat another one."""
    if count:
        log.warning(
            "%s: selected peaks with the same place and source as another: %s; each counts as a peak", file,
            f"{count:,}",
        )  # fmt: skip


def tell_repeated_regions(file: str, count: int, line: int) -> None:
    """Log the number of rows that repeat an interval, and the line of the first."""
    log.warning(
        "%s: %s rows repeat an earlier interval, first line %d; each is used once", file, f"{count:,}", line
    )


def are_alike(name: str, other: str) -> bool:
    """Whether two names differ in case or punctuation alone, or one begins with the other."""
    short, long = sorted((_letters(name), _letters(other)), key=len)
    return long == short or (len(short) >= SHORTEST_ALIKE and long.startswith(short))


def alike(names: Sequence[str]) -> dict[str, list[str]]:
    """Return, for each of some distinct names, the others that `are_alike`, in their order."""
    by_letters: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_letters[_letters(name)].append(name)
    lengths = sorted({len(letters) for letters in by_letters if len(letters) >= SHORTEST_ALIKE})
    found: dict[str, set[str]] = {name: set() for name in names}
    for letters, of_these in by_letters.items():
        for name in of_these:
            found[name].update(of_these)
        for length in lengths[: bisect_left(lengths, len(letters))]:
            for shorter in by_letters.get(letters[:length], ()):
                found[shorter].update(of_these)
                for name in of_these:
                    found[name].add(shorter)
    place = {name: number for number, name in enumerate(names)}
    return {name: sorted(others - {name}, key=place.__getitem__) for name, others in found.items()}


@lru_cache(maxsize=10_000)
def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _other_spellings(contig: str) -> list[str]:
    """Return how other assemblies' files spell a contig of this name."""
    bare = contig.strip().casefold().removeprefix("chr")
    bare = {"mt": "m"}.get(bare, bare)
    spelled = (bare, bare.upper(), "MT" if bare == "m" else bare)
    return [name for one in spelled for name in (one, f"chr{one}") if name != contig]


def _by_count(rows: Mapping[str, int]) -> list[str]:
    return sorted(rows, key=lambda name: (-rows[name], name))


def _counted(rows: Mapping[str, int]) -> str:
    """Return the names with the most rows, each with their number."""
    names = _by_count(rows)
    shown = ", ".join(f"{quoted(name)} ({rows[name]:,})" for name in names[:MOST_TOLD])
    others = sum(rows[name] for name in names[MOST_TOLD:])
    return f"{shown}, and {len(names) - MOST_TOLD:,} more ({others:,})" if others else shown
