"""Every scored peak with everything known about it, as one Parquet table."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from atypeak_scale.registry.columns import PEAKS
from atypeak_scale.scoring.peak_table import Columns, PeakTable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.tables import parquet_schema

PEAKS_FILE = f"{PEAKS.name}.parquet"


class ParquetWriter:
    """Writes the table with one row group per block; columns carry their description and unit."""

    files: ClassVar[Mapping[str, str]] = {PEAKS_FILE: PEAKS.description}

    def __init__(self, scores: Scores, table: PeakTable, folder: Path) -> None:
        self.columns = {PEAKS_FILE: table.columns}
        self._schema = parquet_schema(table.columns)
        self._file = pq.ParquetWriter(folder / PEAKS_FILE, self._schema, compression="zstd")

    def write(self, peaks: Columns) -> None:
        """Append a row for each peak."""
        self._file.write_table(pa.table(peaks, self._schema))

    def close(self) -> None:
        """Write the footer."""
        self._file.close()
