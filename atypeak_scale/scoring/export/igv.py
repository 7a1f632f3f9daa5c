"""A session of the Integrative Genomics Viewer that opens the bigBed and bigWig files beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

from atypeak_scale.scoring.export.bigbed import BIGBED_FILE
from atypeak_scale.scoring.export.browser import BrowserWriter, Drawn
from atypeak_scale.scoring.export.mean_score import BIGWIG_FILE
from atypeak_scale.scoring.peak_table import PeakTable
from atypeak_scale.scoring.scores import Scores

IGV_FILE, SIZES_FILE = "igv-session.xml", "genome.chrom.sizes"
VERSION = "8"  # of the format


class IgvWriter(BrowserWriter):
    """Writes the session when it is created; it needs no peaks."""

    needs_name = True
    files: ClassVar[Mapping[str, str]] = {
        IGV_FILE: f"IGV session of {BIGBED_FILE} and {BIGWIG_FILE} beside it: File > Open Session in IGV",
        SIZES_FILE: "size of each contig: the genome of the session, unless IGV has it by its name",
    }

    def __init__(self, scores: Scores, table: PeakTable, folder: Path, drawn: Drawn) -> None:
        name = scores.cell_line.name
        tracks = ((BIGBED_FILE, f"{name} peaks"), (BIGWIG_FILE, f"{name} mean of {drawn.what}"))
        genome = drawn.assembly
        sizes = "".join(f"{contig}\t{size}\n" for contig, size in genome.sizes.items())
        (folder / SIZES_FILE).write_text(sizes, encoding="utf-8", newline="")
        # IGV fetches the assemblies that it knows, with their genes; it opens no session of another name.
        opened = genome.name if genome.is_known else SIZES_FILE
        session = ElementTree.Element("Session", genome=opened, locus=_first_crm(scores), version=VERSION)
        resources = ElementTree.SubElement(session, "Resources")
        for file, label in tracks:
            # Relative to the session, so that the folder may be moved.
            ElementTree.SubElement(resources, "Resource", path=file, name=label)
        ElementTree.indent(session)
        ElementTree.ElementTree(session).write(folder / IGV_FILE, encoding="UTF-8", xml_declaration=True)


def _first_crm(scores: Scores) -> str:
    """Return the place of the first CRM as browsers write it, from 1."""
    windows = scores.cell_line.windows(0, 1)
    contig = scores.cell_line.contigs[windows.contig[0]]
    return f"{contig}:{windows.crm_start[0] + 1}-{windows.crm_end[0]}"
