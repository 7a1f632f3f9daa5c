"""Does a newer release of the catalogue add peaks where this one scored low (article, Fig. S7)?

exported scores -> scored peaks, one file a contig                (as a stream)
newer peaks     -> those of the same cell line and labels, likewise
CRMs            -> both counted in every CRM, by blocks of CRMs   (one file a block)
counts          -> tables, rank correlation of ratio and score
"""

import logging
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from atypeak_scale.assess.regions.release_counts import ExportedScores, reading_scores, write_counts
from atypeak_scale.catalogue.peak_names import NothingSelectedError
from atypeak_scale.catalogue.peaks import PeakSpool, spool_peaks
from atypeak_scale.catalogue.windows import Regions, read_regions
from atypeak_scale.config import Selection
from atypeak_scale.errors import InputError, shortened
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.provenance import new_output, refuse_existing_output
from atypeak_scale.registry.crm_columns import (
    RELEASE_CRMS,
    RELEASE_CRMS_JUDGED,
    RELEASE_PAIRS,
    RELEASE_PAIRS_JUDGED,
    RELEASE_SUMMARY,
)
from atypeak_scale.registry.dictionary import DICTIONARY
from atypeak_scale.registry.table import Table
from atypeak_scale.scoring.named_scores import NAMED_SCORES, NamedScore
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target
from atypeak_scale.tables import COLUMNS_FILE, file_name, parquet_schema, write_dictionary, write_tsv

log = logging.getLogger(__name__)

CRM_TABLE, PAIR_TABLE = f"{RELEASE_CRMS.name}.parquet", f"{RELEASE_PAIRS.name}.parquet"
SUMMARY = file_name(RELEASE_SUMMARY)
TYPICAL = 500.0  # the article sets aside CRMs with a lower mean when it looks at (TR, CRM) pairs
TYPICAL_TRUST = 0.5  # most peaks of such a CRM do not lie at random (method, section 9.5)
USUAL = {"final": TYPICAL, "trust": TYPICAL_TRUST}  # by score
FEWEST = 3  # points for a rank correlation


@dataclass(frozen=True)
class Association:
    """Spearman correlation of mean score and ratio over `count` CRMs, or pairs of a CRM and a label.

    unit: crm, or crm_<second view>; label: of the second view, empty for all. p is two-sided, as if CRMs were
    independent. `typical_*`: the same in CRMs whose mean score is typical. NaN if there are fewer than 3
    points or no differences.
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
    """The files of a comparison and its associations; those over all labels come first: CRMs, then pairs.

    score: which one was compared; typical: the mean of a CRM that counts as typical.
    """

    folder: Location
    associations: list[Association]
    score: NamedScore = NAMED_SCORES["final"]
    typical: float = TYPICAL

    def overall(self) -> list[Association]:
        """Return the associations over all labels: of CRMs, then of pairs."""
        return [row for row in self.associations if not row.label]

    def files(self) -> list[tuple[Location, str]]:
        """Return each file with its description."""
        return [
            *((join(self.folder, file), one.description) for file, one in _tables(self.score).items()),
            (join(self.folder, SUMMARY), RELEASE_SUMMARY.description),
            (join(self.folder, COLUMNS_FILE), DICTIONARY.description),
        ]


def compare_releases(
    scores_folder: Location,
    new_peaks: Location,
    crms: Location,
    out: Location,
    executor: Executor | None = None,
    score: str | None = None,
    typical: float | None = None,
) -> ReleaseComparison:
    """Write the files of `ReleaseComparison` into a new folder, whole or not at all.

    In both catalogues, a peak counts once in every CRM that it overlaps. CRMs and pairs without a scored
    peak have no ratio and are left out. Peaks without the score, which support may have, count in ratios and
    are left out of means; units without a mean are left out of correlations. Memory holds the peaks of one
    contig, the CRMs, and a few numbers for every pair.

    Parameters
    ----------
    scores_folder
        A folder that `export` wrote, with its Parquet file.
    new_peaks
        The newer catalogue, BED. Its peaks count if they are of the same cell line and their second label
        (TR) has scored peaks, from any dataset, as in the article. Names must be spelled as in this release.
    crms
        The CRM file that the store was built from, filtered as the store was.
    out
        The new folder.
    executor
        Where the work runs; None means this process.
    score
        Name of the score that is compared; None takes the final score, or trust in an export of support only.
    typical
        Mean score of a CRM from which on, in the direction of trust, the CRM is typical. None means 500 for
        the final score and 0.5 for trust; other scores have no usual value.

    Returns
    -------
    ReleaseComparison
        The files that were written, and the rank correlations.

    Raises
    ------
    InputError
        If `out` exists, an input is wrong, no scored peak overlaps a CRM, there is no such score, or it needs
        `typical`.

    """
    refuse_existing_output(out)
    executor = executor or InProcess()
    with reading_scores(scores_folder, score) as origin, target(out).staging_folder() as work:
        typical = _typical(typical, origin.score)
        regions, crm_file = read_regions(crms, origin.min_crm_peaks)
        if crm_file != origin.crms:
            log.warning("%s: not the CRM file that the scores of %s were made with", crms, scores_folder)
        new = _spool_new(origin, new_peaks, regions.contigs, work, executor)
        made_from = {
            "scores": origin.made_from, "new_peaks": asdict(new.input_file), "crms": asdict(crm_file),
            **({} if (origin.score.name, typical) == ("final", TYPICAL) else {
                "score": origin.score.name, "typical": typical,
            }),
        }  # fmt: skip
        with new_output(out, made_from) as folder:
            blocks = write_counts(origin, new, regions, work, executor)
            _write_tables(blocks, regions, origin, folder)
            associations = _associations(folder, origin.view1, origin.score, typical)
            if not associations[0].count:
                raise InputError(
                    f"{crms}: no scored peak of {scores_folder} overlaps a CRM; "
                    "give the CRM file of its store"
                )
            summary = pd.DataFrame(map(asdict, associations))
            write_tsv(summary, RELEASE_SUMMARY, origin.views, folder / SUMMARY)
            written = {**_tables(origin.score), SUMMARY: RELEASE_SUMMARY}
            columns = {file: table.named(origin.views) for file, table in written.items()}
            write_dictionary(columns, folder / COLUMNS_FILE)
    return ReleaseComparison(join(out), associations, origin.score, typical)


def _typical(typical: float | None, score: NamedScore) -> float:
    """Return the mean of a typical CRM, or that of the score if none is given."""
    found = USUAL.get(score.name) if typical is None else typical
    if found is None or not math.isfinite(found):
        told = "no usual mean" if found is None else f"no mean {found}"
        raise InputError(f"score {score.name!r}: has {told} of a typical CRM; choose one", "typical")
    return found


def _tables(score: NamedScore) -> dict[str, Table]:
    """Return the tables of counts with the names of their files."""
    return {
        CRM_TABLE: score.table(RELEASE_CRMS, RELEASE_CRMS_JUDGED),
        PAIR_TABLE: score.table(RELEASE_PAIRS, RELEASE_PAIRS_JUDGED),
    }


def _spool_new(
    origin: ExportedScores, new_peaks: Location, contigs: list[str], work: Path, executor: Executor
) -> PeakSpool:
    size = target(new_peaks).file_size() or 0  # 0: unknown, of standard input

    def read(done: int) -> None:
        executor.tell("read peaks", done, size)

    labels = Selection(trs=tuple(origin.labels))
    try:
        new = spool_peaks(new_peaks, work, origin.cell_line, labels, contigs, read)
    except NothingSelectedError:
        raise InputError(
            f"{new_peaks}: none of its peaks of cell line {origin.cell_line!r} has a label of view "
            f"{origin.view1!r} that has scores ({origin.labels[0]}, ...); spell labels the same way in both"
        ) from None
    if not new.selected:
        first, other = shortened(min(new.other_contigs)), shortened(contigs[0])
        raise InputError(
            f"{new_peaks}: none of its peaks lies on a contig that a CRM has (peaks: {first}, ...; CRMs: "
            f"{other}, ...); rename the contigs of one file"
        )
    return new


def _write_tables(blocks: list[Path], regions: Regions, origin: ExportedScores, folder: Path) -> None:
    contigs, labels = np.array(regions.contigs, object), np.array(origin.labels, object)
    crm_schema, pair_schema = (
        parquet_schema(table.named(origin.views)) for table in _tables(origin.score).values()
    )
    with (
        pq.ParquetWriter(folder / CRM_TABLE, crm_schema, compression="zstd") as of_crms,
        pq.ParquetWriter(folder / PAIR_TABLE, pair_schema, compression="zstd") as of_pairs,
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
                        **{
                            field: records[field]
                            for field in ("peaks", "new_peaks", "mean", "crm_mean", "unjudged_peaks")
                        },
                    }
                    table.write_table(pa.table({n: columns[n] for n in table.schema.names}, table.schema))


def _associations(folder: Path, view1: str, score: NamedScore, typical: float) -> list[Association]:
    """Return the associations over all labels, for CRMs and for pairs, then one for each label, sorted."""
    crms = pq.read_table(folder / CRM_TABLE, columns=["mean", "ratio"]).to_pandas()
    columns = [view1, "mean", "ratio", "crm_mean"]
    pairs = pq.read_table(folder / PAIR_TABLE, columns=columns, read_dictionary=[view1]).to_pandas()
    unit = f"crm_{view1}"
    by_label = {str(label): of_label for label, of_label in pairs.groupby(view1, observed=True)}
    return [
        _associate(unit, label, points[points["mean"].notna()], score, typical)
        for unit, label, points in (
            ("crm", "", crms.assign(crm_mean=crms["mean"])),
            (unit, "", pairs),
            *((unit, label, of_label) for label, of_label in sorted(by_label.items())),
        )
    ]


def _associate(unit: str, label: str, points: pd.DataFrame, score: NamedScore, typical: float) -> Association:
    crm_mean = points["crm_mean"]
    trusted = points[crm_mean >= typical if score.is_trusted_if_high else crm_mean <= typical]
    return Association(
        unit,
        label,
        *rank_correlation(points["mean"].to_numpy(), points["ratio"].to_numpy()),
        *rank_correlation(trusted["mean"].to_numpy(), trusted["ratio"].to_numpy()),
    )


def rank_correlation(
    one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]
) -> tuple[int, float, float]:
    """Return (number of points, Spearman correlation, two-sided p); NaN if it is not defined."""
    from scipy.stats import spearmanr

    if len(one) < FEWEST or not np.ptp(one) or not np.ptp(other):
        return len(one), np.nan, np.nan
    found = spearmanr(one, other)
    return len(one), float(found.statistic), float(found.pvalue)
