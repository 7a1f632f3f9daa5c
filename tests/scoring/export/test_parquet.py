from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from atypeak_scale.registry.columns import PEAKS
from atypeak_scale.registry.variables import FINAL, K_NORMALIZED, RAW
from atypeak_scale.scoring.export import PEAKS_FILE, export
from atypeak_scale.scoring.scores import Scores

COLUMNS = {
    "contig": "string", "start": "int64", "end": "int64", "name": "string", "dataset": "string",
    "tr": "string", "crm": "int64", "crm_start": "int64", "crm_end": "int64", "other_sources": "int32",
    "raw": "float", "k_normalized": "float", "final": "float", "percentile": "float",
}  # fmt: skip


def test_parquet__has_every_column_with_its_description(normalized: Scores, tmp_path: Path) -> None:
    export(normalized, tmp_path / "out", ("parquet",))
    schema = pq.read_schema(tmp_path / "out" / PEAKS_FILE)
    assert {field.name: str(field.type) for field in schema} == COLUMNS
    assert schema.names == list(COLUMNS)
    for column in PEAKS.named(("dataset", "tr")):
        if column.name not in COLUMNS:
            continue
        told = schema.field(column.name).metadata
        assert told[b"description"].decode() == column.description
        assert told.get(b"unit", b"").decode() == column.unit


def test_parquet__holds_the_scores_compressed(normalized: Scores, tmp_path: Path) -> None:
    export(normalized, tmp_path / "out", ("parquet",))
    file = pq.ParquetFile(tmp_path / "out" / PEAKS_FILE)
    assert file.metadata.num_rows == normalized.cell_line.peak_count
    assert file.metadata.num_row_groups == len(normalized.cell_line.blocks("peaks"))
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    table = file.read()
    for variable in (RAW, K_NORMALIZED, FINAL):
        np.testing.assert_array_equal(table[variable.name].to_numpy(), normalized.read(variable))
