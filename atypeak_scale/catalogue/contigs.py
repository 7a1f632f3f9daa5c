"""The contig names of a BED file."""

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed import BedBlock, BedReader

MOST_CONTIGS = 100_000  # all are held in memory, and the peaks of each are a file


class ContigNames:
    """The distinct contig names of a file in the order they appear, each checked once.

    names: the names, in this order.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._code: dict[bytes, int] = {}

    def encode(self, reader: BedReader, block: BedBlock) -> npt.NDArray[np.int64]:
        """Return the index of the name of each interval: int64 (rows,).

        Raises
        ------
        InputError
            If a name is wrong, or they are too many; the error names the line.

        """
        return np.array([self._of(reader, block, number) for number in range(len(block.contig.values))])[
            block.contig.codes
        ]

    def _of(self, reader: BedReader, block: BedBlock, number: int) -> int:
        name = block.contig.values[number]
        if name not in self._code:
            line = int(block.line[block.contig.first_row(number)])
            if len(self.names) == MOST_CONTIGS:
                raise reader.fail(
                    line, f"over {MOST_CONTIGS:,} different contigs; expected those of one genome"
                )
            self.names.append(reader.text(name, line))
            self._code[name] = len(self._code)
        return self._code[name]
