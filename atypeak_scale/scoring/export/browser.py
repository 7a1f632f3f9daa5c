"""What files for genome browsers have in common: which score they show, and on which assembly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.genomes import ASSEMBLIES, Genome, genome
from atypeak_scale.catalogue.names import peak_name
from atypeak_scale.config import Objective
from atypeak_scale.errors import InputError, nearest, quoted
from atypeak_scale.provenance import fingerprint
from atypeak_scale.registry.table import Column
from atypeak_scale.scoring.named_scores import DEFAULTS, NAMED_SCORES, NamedScore
from atypeak_scale.scoring.peak_table import Columns, PeakTable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine


@dataclass(frozen=True)
class Drawn:
    """The score that browsers show, trust or final, and the assembly, None if it was not named."""

    score: NamedScore
    genome: Genome | None = None

    def values(self, peaks: Columns) -> npt.NDArray[np.float32]:
        """Return the score of each peak on the scale of BED, NaN if it has none: 1000 is trusted.

        Trust is 1000 (1 - doubt). The final score is neither rounded nor clipped.
        """
        values = self.score.of(peaks[self.score.variable.name])
        return values if self.score.objective == "article" else 1000 * values

    @property
    def what(self) -> str:
        """What the values are, for people."""
        return "final score" if self.score.objective == "article" else "1000 (1 - doubt)"

    @property
    def assembly(self) -> Genome:
        """The assembly; formats that need one are refused without it."""
        assert self.genome is not None
        return self.genome

    def provenance(self) -> dict[str, Any]:
        """Return what files made from it add to what the export was made from."""
        told: dict[str, Any] = {"score": self.score.name}
        if self.genome is not None:
            sizes = fingerprint(dict(self.genome.sizes))
            told["assembly"] = {"name": self.genome.name, "sizes_sha256": sizes}
        return {"browser": told}


class BrowserWriter:
    """A `Writer` that also gets what is drawn.

    needs_sizes: whether it needs the sizes of the contigs; needs_name: and the name of the assembly.
    """

    needs_sizes: ClassVar[bool] = True
    needs_name: ClassVar[bool] = False
    files: ClassVar[Mapping[str, str]] = {}
    columns: Mapping[str, Sequence[Column]] = {}

    def __init__(self, scores: Scores, table: PeakTable, folder: Path, drawn: Drawn) -> None:
        raise NotImplementedError

    def write(self, peaks: Columns) -> None:
        """Take the next block of peaks."""

    def close(self) -> None:
        """Close the files, whether they are complete or not."""


def drawn_by(
    writers: Mapping[str, type[BrowserWriter]],
    together: Mapping[Objective, Scores],
    chrom_sizes: Location | None,
    score: str | None,
) -> Drawn | None:
    """Return what these formats draw; None if there are none. Reads the ends of all peaks.

    Raises
    ------
    InputError
        If the sizes of contigs are needed and missing or too small for a peak, the scores do not have the
        score or no peak has it, or an argument has no format to be used in.

    """
    sized = [name for name, writer in writers.items() if writer.needs_sizes]
    for given, users, what in ((score, writers, "a score"), (chrom_sizes, sized, "sizes of contigs")):
        if given is not None and not users:
            raise InputError(f"{given}: no format that was named uses {what}; leave it out")
    if not writers:
        return None
    if sized and chrom_sizes is None:
        raise InputError(
            f"{' and '.join(sized)}: the sizes of the contigs are needed; name an assembly "
            f"({', '.join(ASSEMBLIES)}) or a file of sizes", "chrom_sizes",
        )  # fmt: skip
    drawn = Drawn(_score(together, score), None if chrom_sizes is None else genome(chrom_sizes))
    if drawn.genome is not None:
        if any(writer.needs_name for writer in writers.values()):
            drawn.genome.require_plain_name()
        refuse_outside(drawn.genome, next(iter(together.values())).cell_line)
    _refuse_unscored(drawn.score, together[drawn.score.objective])
    return drawn


def refuse_outside(assembly: Genome, cell_line: CellLine) -> None:
    """Raise InputError with the first catalogue peak on another contig or past the end of its own."""
    contigs = cell_line.contigs
    size = assembly.size_of(contigs)
    for block in cell_line.blocks("peaks"):
        peaks = cell_line.peaks(*block)
        outside = np.flatnonzero(peaks.end_bp > size[peaks.contig])
        if not outside.size:
            continue
        at = outside[0]
        contig, end = contigs[peaks.contig[at]], int(peaks.end_bp[at])
        name = peak_name(cell_line.sources[peaks.source[at]], cell_line.name)
        raise InputError(
            f"peak {quoted(name)}, {contig} from {peaks.start_bp[at]} to {end}: "
            f"{assembly.past_end(contig, end)}",
            "chrom_sizes",
        )


def _score(together: Mapping[Objective, Scores], name: str | None) -> NamedScore:
    known = {DEFAULTS[objective]: objective for objective in together}
    name = name or DEFAULTS["support" if "support" in together else "article"]
    if name not in known:
        raise InputError(f"no score {name!r} to draw; {nearest(name, known)}", "score")
    return NAMED_SCORES[name]


def _refuse_unscored(score: NamedScore, scores: Scores) -> None:
    for block in scores.cell_line.blocks("peaks"):
        if not np.isnan(score.read(scores, *block)).all():
            return
    raise InputError(f"{scores.name}: no peak can be judged, so that there is no {score.name} to draw")
