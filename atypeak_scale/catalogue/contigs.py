"""The contig names of a BED file."""

from atypeak_scale.catalogue.bed import BedBlock, BedReader

MOST_CONTIGS = 100_000  # all are held in memory, and the peaks of each are a file


class ContigNames:
    """The distinct contig names of a file in the order they appear, each checked once.

    names: the names; code: index into them, by the bytes in the file.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.code: dict[bytes, int] = {}

    def read(self, reader: BedReader, block: BedBlock) -> None:
        """Add the names of a block; raise InputError, with the line, if one is wrong or they are too many."""
        if self.code.keys() >= set(block.contig):
            return
        for contig, line in zip(block.contig, block.line.tolist(), strict=True):
            if contig not in self.code:
                if len(self.names) == MOST_CONTIGS:
                    raise reader.fail(
                        line, f"over {MOST_CONTIGS:,} different contigs; expected those of one genome"
                    )
                self.names.append(reader.text(contig, line))
                self.code[contig] = len(self.code)
