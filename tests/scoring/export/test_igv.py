from pathlib import Path
from xml.etree import ElementTree

from atypeak_scale.scoring.export import IGV_FILE, export
from atypeak_scale.scoring.scores import Scores


def test_igv__opens_the_files_beside_it(both: list[Scores], tmp_path: Path) -> None:
    export(both, tmp_path / "out", ("igv",), "hg38")
    session = ElementTree.parse(tmp_path / "out" / IGV_FILE).getroot()
    assert (session.tag, session.get("genome"), session.get("version")) == ("Session", "hg38", "8")
    paths = [one.get("path", "") for one in session.iter("Resource")]
    assert len(paths) == 2 and all(Path(path).name == path for path in paths)
    assert all((tmp_path / "out" / path).is_file() for path in paths)
    first = both[0].peaks.isel(catalogue_peak=0).compute()
    windows = both[0].cell_line.windows(0, 1)
    assert session.get("locus") == f"chr1:{windows.crm_start[0] + 1}-{windows.crm_end[0]}"
    assert first["contig"] == "chr1" and windows.crm[0] == first["crm"]


def test_igv__of_another_assembly_opens_its_sizes(both: list[Scores], tmp_path: Path) -> None:
    """IGV 2.16 opens such a session, and refuses one that names an assembly it does not know."""
    contigs = both[0].cell_line.contigs
    sizes = "".join(f"{contig}\t{10**9}\n" for contig in contigs)
    (tmp_path / "mine.chrom.sizes").write_text(sizes)
    export(both, tmp_path / "out", ("igv",), tmp_path / "mine.chrom.sizes")
    session = ElementTree.parse(tmp_path / "out" / IGV_FILE).getroot()
    assert session.get("genome") == "genome.chrom.sizes"
    assert (tmp_path / "out" / "genome.chrom.sizes").read_text() == sizes


def test_igv__hostile_names_survive(hostile: Scores, tmp_path: Path) -> None:
    export(hostile, tmp_path / "out", ("igv",), "hg38")
    session = ElementTree.parse(tmp_path / "out" / IGV_FILE).getroot()
    assert [one.get("name") for one in session.iter("Resource")] == [
        f"{hostile.cell_line.name} peaks",
        f"{hostile.cell_line.name} mean of final score",
    ]
