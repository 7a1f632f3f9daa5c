import json
from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.catalogue.genomes import genome
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.export import FORMATS, Exported, export
from atypeak_scale.scoring.export.browser import refuse_outside
from atypeak_scale.scoring.scores import Scores

BROWSER = ("bigbed", "hub", "igv", "bigwig", "bedgraph")
SIZED = tuple(name for name in BROWSER if name != "bedgraph")


def test_export__names_the_files_of_each_format(both: list[Scores], tmp_path: Path) -> None:
    for name in BROWSER:
        sizes = "hg38" if name in SIZED else None
        found = export(both, tmp_path / name, (name,), sizes)
        assert {file.name for file in (tmp_path / name).iterdir()} == found.names()
        assert all(Path(str(file)).is_file() for file, _ in found.files())
    together = export(both, tmp_path / "all", [*BROWSER, "bed", "tsv", "parquet"], "hg38")
    assert {file.name for file in (tmp_path / "all").iterdir()} == together.names()
    for name in BROWSER:
        for file in (tmp_path / name).iterdir():
            if file.name not in ("made-from.json", "columns.tsv"):
                assert file.read_bytes() == (tmp_path / "all" / file.name).read_bytes()
    assert Exported(tmp_path).names() < together.names() | {"made-from.json"}


def test_export__says_which_score_and_assembly(both: list[Scores], tmp_path: Path) -> None:
    export(both, tmp_path / "a", ("bigbed",), "hg38", "final")
    export(both, tmp_path / "b", ("bedgraph",))
    told = [json.loads((tmp_path / name / "made-from.json").read_text())["browser"] for name in "ab"]
    assert told[0]["score"] == "final" and told[0]["assembly"]["name"] == "hg38"
    assert told[1] == {"score": "trust"}


@pytest.mark.parametrize("name", SIZED)
def test_export__peaks_outside_are_refused_before_anything_is_written(
    both: list[Scores], tmp_path: Path, name: str
) -> None:
    sizes = tmp_path / "cell.chrom.sizes"
    sizes.write_text("chr1\t100000000\nchr2\t5000\n")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(
        InputError, match=r"^peak 'd\d\.\w\.cell', chr2 from \d+ to \d+: ends after chr2, whi"
    ):
        export(both, tmp_path / "out", (name,), sizes)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "formats, sizes, score, message, argument",
    [
        (
            ("bigbed",),
            None,
            None,
            r"^bigbed: the sizes of the contigs are needed; name an assembly \(hg38, ",
            "c",
        ),
        (("igv",), None, None, r"^igv and bigbed and bigwig: the sizes", "c"),
        (
            ("bed",),
            "hg38",
            None,
            r"^hg38: no format that was named uses sizes of contigs; leave it out$",
            None,
        ),
        (("bedgraph",), "hg38", None, r"^hg38: no format", None),
        (
            ("bed", "tsv"),
            None,
            "final",
            r"^final: no format that was named uses a score; leave it out$",
            None,
        ),
        (("bedgraph",), None, "finale", r"^no score 'finale' to draw; the nearest known are final$", "s"),
        (("bedgraph",), None, "doubt", r"^no score 'doubt' to draw; known are final, trust$", "s"),
        (("bigbed",), "hg99", None, r"^hg99: not found; expected a file of sizes, or one of hg38", None),
    ],
)
def test_export__refuses_what_does_not_fit(
    both: list[Scores], tmp_path: Path, formats: tuple[str, ...], sizes: str | None, score: str | None,
    message: str, argument: str | None,
) -> None:  # fmt: skip
    with pytest.raises(InputError, match=message) as told:
        export(both, tmp_path / "out", formats, sizes, score)
    assert told.value.argument == {"c": "chrom_sizes", "s": "score", None: None}[argument]
    assert not (tmp_path / "out").exists()


def test_export__one_objective_has_one_score(both: list[Scores], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^no score 'trust' to draw; known are final$"):
        export(both[0], tmp_path / "out", ("bedgraph",), score="trust")
    both[1].write(v.DOUBT, 0, np.full(both[1].cell_line.peak_count, np.nan, np.float32))
    with pytest.raises(InputError, match=r"no peak can be judged, so that there is no trust to draw$"):
        export(both, tmp_path / "out", ("bigwig",), "hg38")
    assert not (tmp_path / "out").exists()
    export(both, tmp_path / "out", ("bigwig",), "hg38", "final")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, InputError("x")])
def test_export__interrupted_leaves_nothing_and_says_why(
    both: list[Scores], tmp_path: Path, stop: type[BaseException] | BaseException
) -> None:
    def interrupt(event: Event) -> None:
        raise stop

    before = {file.name for file in tmp_path.iterdir()}
    with pytest.raises(stop if isinstance(stop, type) else type(stop)):
        export(both, tmp_path / "out", BROWSER, "hg38", executor=InProcess(interrupt))
    assert {file.name for file in tmp_path.iterdir()} == before


def test_formats__of_browsers_are_those_tested_here() -> None:
    assert {name for name in FORMATS if name not in {"bed", "track", "parquet", "tsv"}} >= set(BROWSER)


def test_refuse_outside__names_the_peak(scores: Scores, tmp_path: Path) -> None:
    file = tmp_path / "cell.chrom.sizes"
    peaks = scores.cell_line.peaks(0, scores.cell_line.peak_count)
    ends = {
        contig: int(peaks.end_bp[peaks.contig == number].max())
        for number, contig in enumerate(scores.cell_line.contigs)
    }
    file.write_text("".join(f"{contig}\t{end}\n" for contig, end in ends.items()))
    refuse_outside(genome(file), scores.cell_line)  # a peak may end where its contig does
    assert list(ends) == ["chr1", "chr2"]
    file.write_text(f"chr1\t{ends['chr1']}\nchr2\t{ends['chr2'] - 1}\n")
    with pytest.raises(InputError) as told:
        refuse_outside(genome(file), scores.cell_line)
    assert f"to {ends['chr2']}: ends after chr2, which has {ends['chr2'] - 1} bp in cell" in str(told.value)
    assert str(told.value).startswith("peak 'd") and told.value.argument == "chrom_sizes"
    file.write_text(f"chr1\t{ends['chr1']}\n")
    with pytest.raises(InputError, match=r"cell', chr2 from .*: no size of chr2 is known of cell; give a"):
        refuse_outside(genome(file), scores.cell_line)
