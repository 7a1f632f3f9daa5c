"""The sizes of the contigs of an assembly: a few that are known, or a file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from atypeak_scale.errors import InputError, quoted
from atypeak_scale.storage.locations import Location, name_of
from atypeak_scale.storage.targets import target

ASSEMBLIES = ("hg38", "hg19", "mm10", "mm39")
LARGEST = 2**32 - 1  # bigBed and bigWig hold positions in 32 bits
MOST_BYTES = 1 << 28  # of a file of sizes; those of a million contigs are a tenth of it


@dataclass(frozen=True)
class Genome:
    """An assembly: its name, the size of each contig in bp, and whether they are the known main ones."""

    name: str
    sizes: Mapping[str, int]
    is_known: bool = False

    def past_end(self, contig: str, end: int) -> str | None:
        """Return why an interval that ends at `end` bp lies outside a contig; None if it does not."""
        if contig not in self.sizes:
            return self._lacks(contig)
        if end > self.sizes[contig]:
            return f"ends after {contig}, which has {self.sizes[contig]} bp in {self.name}; name its assembly"
        return None

    def size_of(self, contigs: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the size of each contig in bp, int64 (contigs,); -1 if it is not known."""
        return np.array([self.sizes.get(contig, -1) for contig in contigs], np.int64)

    def _lacks(self, contig: str) -> str:
        main = f" among its main ones, {', '.join(self.sizes)}" if self.is_known else ""
        return f"no size of {contig} is known of {self.name}{main}; give a file of all sizes"

    def require_plain_name(self) -> None:
        """Raise InputError if the name, which comes from a file, cannot be that of an assembly."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.name):
            raise InputError(
                f"assembly {quoted(self.name)}, from the name of the file of sizes; browsers need a name of "
                "letters, digits, - and _: name the file ASSEMBLY.chrom.sizes, such as dm6.chrom.sizes"
            )


def genome(assembly_or_file: Location) -> Genome:
    """Return an assembly by name (`ASSEMBLIES`), or that of a file; its name is that up to the first dot.

    A file has a line for each contig: its name, a blank or tab, its size in bp; further columns are
    ignored, so that the index of a FASTA file will do. Lines that begin with # are left out.

    Raises
    ------
    InputError
        If there is no such file, or a line of it is something else.

    """
    if str(assembly_or_file) in ASSEMBLIES:
        name = str(assembly_or_file)
        text = (files(__package__) / "sizes" / f"{name}.chrom.sizes").read_text("utf-8")
        return Genome(name, _parsed(text, name), is_known=True)
    name = name_of(assembly_or_file).partition(".")[0]
    return Genome(name, _parsed(_read(assembly_or_file), str(assembly_or_file)))


def _read(file: Location) -> str:
    known = f"expected a file of sizes, or one of {', '.join(ASSEMBLIES)}"
    try:
        with target(file).open_bytes() as stream:
            found = stream.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{file}: not found; {known}") from None
    except OSError as problem:
        raise InputError(f"{file}: cannot be read: {problem.strerror or problem}; {known}") from None
    if len(found) > MOST_BYTES:
        raise InputError(f"{file}: has over {MOST_BYTES} bytes; {known}")
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise InputError(f"{file}: is not UTF-8 text; {known}") from None


def _parsed(text: str, file: str) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.match(r"(\S+)[ \t]+([0-9]{1,10})(\s|$)", line)
        if found is None or not 0 < int(found[2]) <= LARGEST:
            raise InputError(f"{file}, line {number}: {quoted(line)}; expected a contig and its size in bp")
        if found[1] in sizes:
            raise InputError(f"{file}, line {number}: {quoted(found[1])} is there twice; remove one")
        sizes[found[1]] = int(found[2])
    if not sizes:
        raise InputError(f"{file}: holds no sizes; expected a contig and its size in bp on each line")
    return sizes
