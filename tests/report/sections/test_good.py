"""The section of the model: its parts, and releases."""

import json
import shutil
from pathlib import Path

from atypeak_scale.provenance import MADE_FROM
from atypeak_scale.report.page import Listing, Missing
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.good import section

SUMMARY = (
    "unit\tlabel\tcount\tspearman\tp\ttypical_count\ttypical_spearman\ttypical_p\n"
    "crm\t\t7\t-0.25\t0.01\t5\t-0.5\t0.02\n"
)


def test_section__says_how_to_compare_releases_or_shows_it(
    results: Results, workdir: Path, tmp_path: Path
) -> None:
    assert results.article is not None
    assert "releases" in [one.stage for one in section(results).blocks if isinstance(one, Missing)]
    shutil.copytree(workdir / "evidence", tmp_path / "evidence")
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "summary.tsv").write_text(SUMMARY)
    (tmp_path / "releases" / MADE_FROM).write_text(json.dumps({"scores": results.article.provenance()}))
    blocks = section(Results(results.article, results.support, tmp_path)).blocks
    listing = {one.name: one for one in blocks if isinstance(one, Listing)}["releases"]
    assert listing.frame["spearman"].tolist() == [-0.25]
