"""The table of CRMs on all HeLa data (article, Fig. S7a: low scoring CRMs tend to have less peaks)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from atypeak_scale import assess, normalize, score
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine

pytestmark = pytest.mark.slow

BED = ["contig", "start", "end"]


def counts(crms: pd.DataFrame, peaks: pd.DataFrame) -> np.ndarray:
    """Return the number of peaks in each CRM by bisection: these CRMs do not overlap each other."""
    found = np.zeros(len(crms), int)
    for contig, of_contig in crms.groupby("contig"):
        ordered = of_contig.sort_values("start")
        here = peaks[peaks["contig"] == contig]
        assert (ordered["start"].to_numpy()[1:] >= ordered["end"].to_numpy()[:-1]).all()
        first = np.searchsorted(ordered["end"], here["start"], side="right")
        behind = np.searchsorted(ordered["start"], here["end"], side="left")
        steps = np.bincount(first, minlength=len(ordered) + 1) - np.bincount(
            behind, minlength=len(ordered) + 1
        )
        found[ordered.index] = np.cumsum(steps)[:-1]
    return found


def test_crms__of_hela(shared: Path, hela: CellLine, reference_model: Location, tmp_path: Path) -> None:
    assess.crms(normalize(score(hela, reference_model)), tmp_path / "crms")
    table = pd.read_parquet(tmp_path / "crms" / "crms.parquet")
    crms = pd.read_csv(shared / "data/crm.bed.xz", sep="\t", header=None, usecols=range(3), names=BED)
    peaks = pd.read_csv(
        shared / "data/hela.published-raw.bed.xz",
        sep="\t",
        skiprows=1,
        header=None,
        usecols=range(3),
        names=BED,
    )
    expected = counts(crms, peaks)
    assert len(table) == (expected > 0).sum() == 32_932
    assert table["peaks"].tolist() == expected[table["crm"]].tolist()
    assert (table[BED].to_numpy() == crms.loc[table["crm"], BED].to_numpy()).all()
    rho = spearmanr(table["mean"], table["peaks"]).statistic
    print(f"Spearman of mean score and number of peaks of {len(table)} CRMs: {rho:.3f}")
    assert rho > 0.5
