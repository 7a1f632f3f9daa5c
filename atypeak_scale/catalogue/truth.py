"""The truth table of an artificial catalogue, read one contig at a time (method, section 8)."""

import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from atypeak_scale.catalogue.names import Source, split_name
from atypeak_scale.errors import InputError
from atypeak_scale.storage.locations import local_path

HEADER = b"contig\tstart\tend\tname\tkind\tgroup\n"
KINDS = ("watermark", "noise", "stack")
HINT = "give the truth.tsv that simulate wrote beside the peaks"


@dataclass(frozen=True)
class Truth:
    """A truth table: what it says about sources and groups, and where its contigs lie in the file.

    contigs: name -> (first byte, number of bytes); watermarks: sources of watermark peaks; reliable: first
    labels of the sources of stack peaks; groups: group -> second labels of the sources of its stack peaks. A
    table of some thousand CRMs shows all the labels that the generator drew from.
    """

    file: Path
    contigs: dict[str, tuple[int, int]]
    watermarks: frozenset[Source]
    reliable: frozenset[str]
    groups: dict[int, frozenset[str]]

    def rows(self, contig: str) -> pd.DataFrame:
        """Return start, end (int64, bp), name, kind, group (int64) of the peaks of a contig, in file order.

        Raises
        ------
        InputError
            If a position is not a number, or the file has changed.

        """
        types = {"start": "int64", "end": "int64", "name": "category", "kind": "category", "group": "int64"}
        if contig not in self.contigs:
            return pd.DataFrame(columns=list(types)).astype(types)
        first, length = self.contigs[contig]
        with self.file.open("rb") as table:
            table.seek(first)
            text = table.read(length)
        try:
            return pd.read_csv(
                io.BytesIO(text), sep="\t", names=["contig", *types], usecols=list(types), dtype=types,
                keep_default_na=False,
            )  # fmt: skip
        except ValueError as problem:
            reason = str(problem).splitlines()[0]
            raise InputError(f"{self.file}: contig {contig}: not a truth table ({reason}); {HINT}") from None


def read_truth(file: str | Path) -> Truth:
    """Read a truth table once, as a stream, and keep what is small.

    Raises
    ------
    InputError
        If a line does not belong to a truth table (the error names it), or the rows of a contig are
        not contiguous.

    """
    path = local_path(file)
    contigs: dict[bytes, int] = {}  # first byte of each
    endings: dict[bytes, int] = {}  # name, kind and group as spelled -> first line with them
    try:
        with path.open("rb") as table:
            if table.readline() != HEADER:
                raise InputError(f"{path}, line 1: not the header of a truth table; {HINT}")
            position, contig = len(HEADER), b""
            for number, line in enumerate(table, 2):
                fields = line.split(b"\t", 3)
                if fields[0] != contig:
                    contig = fields[0]
                    if contig in contigs:
                        again = contig.decode(errors="replace")
                        raise _wrong(path, number, f"contig {again!r} appears again")
                    contigs[contig] = position
                endings.setdefault(fields[-1], number)
                position += len(line)
    except OSError as problem:
        raise InputError(f"{path}: cannot be read: {problem.strerror}") from None
    bounds = [*contigs.values(), position]
    spans = {
        name.decode(errors="replace"): (first, stop - first)
        for name, first, stop in zip(contigs, bounds[:-1], bounds[1:], strict=True)
    }
    return _vocabulary(path, spans, endings)


def _vocabulary(path: Path, contigs: dict[str, tuple[int, int]], endings: dict[bytes, int]) -> Truth:
    """Build the truth table from the distinct ends of lines: name, kind and group."""
    watermarks, reliable = set[Source](), set[str]()
    groups: dict[int, set[str]] = {}
    for ending, number in endings.items():
        try:
            name, kind, group = ending.decode().rstrip("\r\n").split("\t")
            source, _ = split_name(name)
            of_group = int(group)
        except ValueError:
            raise _wrong(path, number, "expected contig, start, end, name, kind and group") from None
        if kind not in KINDS or (kind == "stack") != (of_group >= 0):
            raise _wrong(path, number, f"kind {kind!r} does not go with group {of_group}")
        if kind == "watermark":
            watermarks.add(source)
        elif kind == "stack":
            reliable.add(source[0])
            groups.setdefault(of_group, set()).add(source[1])
    of_groups = {group: frozenset(labels) for group, labels in sorted(groups.items())}
    return Truth(path, contigs, frozenset(watermarks), frozenset(reliable), of_groups)


def _wrong(path: Path, line: int, found: str) -> InputError:
    return InputError(f"{path}, line {line}: {found}; {HINT}")
