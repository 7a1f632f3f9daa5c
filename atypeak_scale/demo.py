"""The main job on the artificial catalogue, for which the truth is known."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.config import load_config
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.pipeline import StageReport, run
from atypeak_scale.scoring.export import FINAL_BED_FILE, PEAKS_FILE
from atypeak_scale.storage.locations import local_path

CRMS = 4000
PEAK_KEY = ["contig", "start", "end", "name"]
MEANINGS = {
    "stack": "peaks of a group of TRs that belong together",
    "noise": "peaks placed at random",
    "watermark": "one source that is almost everywhere, whatever else is there",
}


@dataclass(frozen=True)
class DemoResult:
    """Stages of the run, and the median final score of each kind of peak."""

    workdir: Path
    reports: list[StageReport]
    medians: dict[str, float]

    def explain(self) -> str:
        """Say where the files are and what to look at."""
        kinds = [
            f"  {kind:<10} {self.medians[kind]:5.0f}  {MEANINGS[kind]}"
            for kind in sorted(self.medians, key=self.medians.__getitem__, reverse=True)
        ]
        return "\n".join(
            [
                "",
                f"Every peak with its score, as a BED track:  {self.workdir / 'scores' / FINAL_BED_FILE}",
                f"Everything known about each peak, as a table:  {self.workdir / 'scores' / PEAKS_FILE}",
                f"What each peak really is:  {self.workdir / 'catalogue' / 'truth.tsv'}",
                "",
                "Median final score by kind of peak, which the model did not know (750 is average for a TR):",
                *kinds,
                "",
                "Look at the peaks with the lowest scores:",
                f"  grep -v ^track {self.workdir / 'scores' / FINAL_BED_FILE} | sort -k5,5n | head",
            ]
        )


def run_demo(workdir: str | Path, executor: Executor | None = None) -> DemoResult:
    """Make an artificial catalogue in `workdir`, score it, and compare the scores with the truth.

    If you run it again, it keeps what is up to date.

    Parameters
    ----------
    workdir
        Folder on this machine; created if it does not exist.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    DemoResult
        The stages, and the median final score of each kind of peak.

    """
    executor = executor or InProcess()
    folder = local_path(workdir)
    catalogue = folder / "catalogue"
    if not catalogue.exists():
        folder.mkdir(parents=True, exist_ok=True)
        simulate(ArtificialSettings(crms=CRMS), catalogue, executor)
    config = load_config("artificial")
    reports = run(config, folder, catalogue / "peaks.bed", catalogue / "crms.bed", executor)
    scores = pd.read_parquet(folder / "scores" / PEAKS_FILE, columns=[*PEAK_KEY, "final"])
    truth = pd.read_csv(catalogue / "truth.tsv", sep="\t").drop_duplicates(PEAK_KEY)
    medians = scores.merge(truth, on=PEAK_KEY).groupby("kind")["final"].median()
    return DemoResult(folder, reports, {str(kind): float(score) for kind, score in medians.items()})
