from pathlib import Path

import pyranges
import pytest

from atypeak_scale.catalogue.genomes import ASSEMBLIES, genome
from atypeak_scale.errors import InputError

# Sums over all these contigs, as publications of the assemblies give them, and the mitochondrion.
TOTALS = {
    "hg38": 3_088_269_832 + 16_569,
    "hg19": 3_095_677_412 + 16_571,
    "mm10": 2_725_521_370 + 16_299,
    "mm39": 2_723_414_844 + 16_299,
}


@pytest.mark.parametrize("name", ASSEMBLIES)
def test_genome__knows_the_main_contigs(name: str) -> None:
    found = genome(name)
    autosomes = 22 if name.startswith("hg") else 19
    expected = [f"chr{number}" for number in [*range(1, autosomes + 1), "X", "Y", "M"]]
    assert (found.name, list(found.sizes)) == (name, expected)
    assert sum(found.sizes.values()) == TOTALS[name]


def test_genome__hg19_is_that_of_pyranges() -> None:
    known = pyranges.data.chromsizes().df
    assert genome("hg19").sizes == dict(zip(known["Chromosome"].astype(str), known["End"], strict=True))


@pytest.mark.parametrize("name", ["dm6.chrom.sizes", "dm6.fa.fai", "dm6"])
def test_genome__reads_files_of_sizes_and_indices_of_fasta(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("# sizes\nchr2L\t23513712\t7\t50\t51\n\nchrM 19524\r\n")
    found = genome(tmp_path / name)
    assert (found.name, found.sizes) == ("dm6", {"chr2L": 23513712, "chrM": 19524})
    found.require_plain_name()


@pytest.mark.parametrize(
    "text, message",
    [
        ("chr1\n", r"a\.sizes, line 1: 'chr1'; expected a contig and its size in bp$"),
        ("chr1\t9\nchr2\t-4\n", r"line 2: 'chr2\\t-4'; expected"),
        ("chr1\t0\n", r"line 1"),
        ("chr1\t4294967296\n", r"line 1"),
        ("chr1\t9x\n", r"line 1"),
        ("chr1\t9\nchr1\t9\n", r"line 2: 'chr1' is there twice; remove one$"),
        ("", r"a\.sizes: holds no sizes; expected a contig and its size in bp on each line$"),
    ],
)
def test_genome__refuses_other_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.sizes").write_text(text)
    with pytest.raises(InputError, match=message):
        genome(tmp_path / "a.sizes")


def test_genome__refuses_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hg83: not found; expected a file of sizes, or one of hg38, hg19"):
        genome(tmp_path / "hg83")
    (tmp_path / "x.2bit").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"x\.2bit: is not UTF-8 text; expected a file"):
        genome(tmp_path / "x.2bit")
    with pytest.raises(InputError, match=r"cannot be read"):
        genome(tmp_path)


def test_genome__name_is_that_of_an_assembly(tmp_path: Path) -> None:
    (tmp_path / "my genome.sizes").write_text("chr1\t9\n")
    found = genome(tmp_path / "my genome.sizes")
    with pytest.raises(InputError, match=r"^assembly 'my genome'.*: name the file ASSEMBLY.chrom.sizes"):
        found.require_plain_name()
