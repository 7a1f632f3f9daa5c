"""Does a newer release of the catalogue add peaks where this one scored low (SPEC 7.5; article, Fig. S7)?

exported scores -> scored peaks, one file a contig                (as a stream)
newer peaks     -> those of the same cell line and labels, likewise
CRMs            -> both counted in every CRM, by blocks of CRMs   (one file a block)
counts          -> tables, rank correlation of ratio and score
"""

import json
import logging
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from atypeak_scale.assess.regions.release_counts import ExportedScores, reading_scores, write_counts
from atypeak_scale.catalogue.peaks import NothingSelectedError, PeakSpool, spool_peaks
from atypeak_scale.catalogue.windows import Regions, read_regions
from atypeak_scale.config import Selection
from atypeak_scale.errors import InputError
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, Event, Progress, connect, no_progress
from atypeak_scale.scoring.export import MADE_FROM, write_table
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target

log = logging.getLogger(__name__)

CRM_TABLE, PAIR_TABLE, SUMMARY = "crms.parquet", "pairs.parquet", "summary.tsv"
TYPICAL = 500.0  # the article sets CRMs with a lower mean aside when it looks at (TR, CRM) pairs
FEWEST = 3  # points for a rank correlation


@dataclass(frozen=True)
class Association:
    """Spearman correlation of mean final score and ratio over `count` CRMs, or pairs of a CRM and a label.

    unit: crm, or crm_<second view>; label: of the second view, empty for all. p is two-sided, as if CRMs were
    independent. `typical_*`: the same in CRMs whose mean score is 500 or more. NaN where there are fewer than
    3 points or no differences.
    """

    unit: str
    label: str
    count: int
    spearman: float
    p: float
    typical_count: int
    typical_spearman: float
    typical_p: float


@dataclass(frozen=True)
class ReleaseComparison:
    """The files of a comparison; of its associations, those over all labels come first: CRMs, then pairs."""

    folder: Location
    associations: list[Association]

    def overall(self) -> list[Association]:
        """Return the associations over all labels: of CRMs, then of pairs."""
        return [row for row in self.associations if not row.label]

    def files(self) -> list[tuple[Location, str]]:
        """Return each file with what it is."""
        return [
            (join(self.folder, CRM_TABLE), "every CRM: mean score, peaks in this and in the newer catalogue"),
            (join(self.folder, PAIR_TABLE), "the same for every label of the second view in every CRM"),
            (join(self.folder, SUMMARY), "rank correlation of mean score and ratio, overall and by label"),
        ]


def compare_releases(
    scores: Location,
    new_peaks: Location,
    crms: Location,
    out: Location,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> ReleaseComparison:
    """Write the files of `ReleaseComparison` into the new folder `out`, whole or not at all.

    scores: a folder that `export_scores` wrote. new_peaks: the newer catalogue, BED; of it are counted the
    peaks of the same cell line whose second label (TR) has scored peaks, from any dataset, as in the article;
    names must be spelled as in this release. crms: the CRM file that the store was built from, filtered as
    the store was. A peak counts once in every CRM that it overlaps, in both catalogues. CRMs, and pairs,
    without a scored peak have no ratio and are left out. In memory are the peaks of one contig, the CRMs, and
    a few numbers for every pair.

    Raises
    ------
    InputError
        Where `out` exists, an input is wrong, or no scored peak overlaps a CRM.

    """
    target(out).refuse_existing(last=MADE_FROM)
    with reading_scores(scores) as origin:
        regions, crm_file = read_regions(crms, origin.min_crm_peaks)
        if crm_file != origin.crms:
            log.warning("%s: not the CRM file that the scores of %s were made with", crms, scores)
        with target(out).staging_folder() as work, target(out).new_folder(last=MADE_FROM) as folder:
            new = _spool_new(origin, new_peaks, work, progress)
            with connect(cluster, progress) as client:
                blocks = write_counts(origin, new, regions, work, client, progress)
            _write_tables(blocks, regions, origin, folder)
            associations = _associations(folder, origin.view1)
            if not associations[0].count:
                raise InputError(
                    f"{crms}: no scored peak of {scores} overlaps a CRM; give the CRM file of its store"
                )
            write_table(folder / SUMMARY, [f.name for f in fields(Association)], map(astuple, associations))
            made = {"scores": origin.made_from, "new_peaks": asdict(new.input_file), "crms": asdict(crm_file)}
            (folder / MADE_FROM).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return ReleaseComparison(join(out), associations)


def _spool_new(origin: ExportedScores, new_peaks: Location, work: Path, progress: Progress) -> PeakSpool:
    size = target(new_peaks).file_size() or 0  # 0: unknown, of standard input

    def read(done: int) -> None:
        progress(Event("read peaks", done, size))

    try:
        return spool_peaks(new_peaks, work, origin.cell_line, Selection(trs=tuple(origin.labels)), read)
    except NothingSelectedError:
        raise InputError(
            f"{new_peaks}: its peaks of cell line {origin.cell_line!r} have none of the labels of view "
            f"{origin.view1!r} that have scores ({origin.labels[0]}, ...); spell them as there"
        ) from None


def _schema(view1: str | None) -> pa.Schema:
    """Columns of the table of CRMs, or, with the name of the second view, of pairs."""
    described = [
        ("contig", pa.string(), "contig"),
        ("start", pa.int64(), "start of the CRM, bp, 0-based"),
        ("end", pa.int64(), "end of the CRM, bp, exclusive"),
        ("crm", pa.int64(), "row of the CRM in the CRM file, from 0"),
        ("peaks", pa.int64(), "number of scored peaks in the CRM"),
        ("new_peaks", pa.int64(), "number of peaks of the newer catalogue in the CRM"),
        ("ratio", pa.float64(), "new_peaks over peaks"),
        ("mean", pa.float64(), "mean final score of the scored peaks"),
    ]
    if view1 is not None:
        described.insert(4, (view1, pa.string(), "label of the second view; the peaks counted are its own"))
        described.append(("crm_mean", pa.float64(), "mean final score of all scored peaks of the CRM"))
    return pa.schema([pa.field(name, kind, metadata={"description": text}) for name, kind, text in described])


def _write_tables(blocks: list[Path], regions: Regions, origin: ExportedScores, folder: Path) -> None:
    contigs, labels = np.array(regions.contigs, object), np.array(origin.labels, object)
    with (
        pq.ParquetWriter(folder / CRM_TABLE, _schema(None), compression="zstd") as of_crms,
        pq.ParquetWriter(folder / PAIR_TABLE, _schema(origin.view1), compression="zstd") as of_pairs,
    ):
        for block in blocks:
            with np.load(block) as counts:
                for name, table in (("crms", of_crms), ("pairs", of_pairs)):
                    records = counts[name]
                    at = records["region"]
                    columns = {
                        "contig": contigs[regions.contig[at]],
                        "start": regions.start[at],
                        "end": regions.end[at],
                        "crm": regions.row[at],
                        origin.view1: labels[records["label"]],
                        "ratio": records["new_peaks"] / records["peaks"],
                        **{field: records[field] for field in ("peaks", "new_peaks", "mean", "crm_mean")},
                    }
                    table.write_table(pa.table({n: columns[n] for n in table.schema.names}, table.schema))


def _associations(folder: Path, view1: str) -> list[Association]:
    """Return those over all labels, of CRMs and of pairs, then one for each label, sorted."""
    crms = pq.read_table(folder / CRM_TABLE, columns=["mean", "ratio"]).to_pandas()
    columns = [view1, "mean", "ratio", "crm_mean"]
    pairs = pq.read_table(folder / PAIR_TABLE, columns=columns, read_dictionary=[view1]).to_pandas()
    unit = f"crm_{view1}"
    by_label = {str(label): of_label for label, of_label in pairs.groupby(view1, observed=True)}
    return [
        _associate("crm", "", crms.assign(crm_mean=crms["mean"])),
        _associate(unit, "", pairs),
        *(_associate(unit, label, of_label) for label, of_label in sorted(by_label.items())),
    ]


def _associate(unit: str, label: str, points: pd.DataFrame) -> Association:
    typical = points[points["crm_mean"] >= TYPICAL]
    return Association(
        unit,
        label,
        *rank_correlation(points["mean"].to_numpy(), points["ratio"].to_numpy()),
        *rank_correlation(typical["mean"].to_numpy(), typical["ratio"].to_numpy()),
    )


def rank_correlation(
    one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]
) -> tuple[int, float, float]:
    """Return (number of points, Spearman correlation, two-sided p); NaN where it is not defined."""
    from scipy.stats import spearmanr

    if len(one) < FEWEST or not np.ptp(one) or not np.ptp(other):
        return len(one), np.nan, np.nan
    found = spearmanr(one, other)
    return len(one), float(found.statistic), float(found.pvalue)
