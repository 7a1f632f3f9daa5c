"""The page about a catalogue, and its tables."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet

from atypeak_scale.assess.description.survey import survey
from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.report.survey_page import write_survey


def test_survey__tables_say_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "p.bed").write_text("chr1\t1\t9\ta.<script>alert(1)</script>.h\nchr1\t1\t9\tb.x.h\n")
    catalogue = split_catalogue([tmp_path / "p.bed"], tmp_path / "c")
    found = survey(catalogue)
    page = write_survey(found, catalogue, tmp_path / "out")
    tables = tmp_path / "out" / "tables"
    for name, frame in (("cell-lines", found.cell_lines), ("survey-sources", found.sources)):
        text = pd.read_csv(tables / f"{name}.tsv", sep="\t", keep_default_na=False, na_values={"in_crms": ""})
        parquet = pyarrow.parquet.read_table(tables / f"{name}.parquet").to_pandas()
        assert text.columns.tolist() == parquet.columns.tolist() == frame.columns.tolist()
        assert text["peaks"].tolist() == parquet["peaks"].tolist() == frame["peaks"].tolist()
    html = Path(str(page)).read_text()
    assert "<script>alert(1)" not in html
    assert "What is in this catalogue?" in html
    columns = pd.read_csv(tables / "columns.tsv", sep="\t")
    assert set(columns["file"]) == {"cell-lines.tsv", "survey-sources.tsv"}
