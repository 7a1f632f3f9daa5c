"""The main job on the artificial catalogue, for which the truth is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.catalogue.names import source_name, split_name
from atypeak_scale.config import load_config
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.pipeline import StageReport, run, support_of
from atypeak_scale.report.current import PAGE
from atypeak_scale.report.render import TABLES
from atypeak_scale.scoring.export import FINAL_BED_FILE, PEAKS_FILE, SUPPORT_BED_FILE
from atypeak_scale.scoring.support.summary import summary
from atypeak_scale.storage.locations import local_path
from atypeak_scale.workdir import REPORT

CRMS = 4000
PEAK_KEY = ["contig", "start", "end", "name"]
MEANINGS = {
    "stack": "peaks of a group of TRs that belong together",
    "noise": "peaks placed at random",
    "watermark": "one source, {watermark}, that is almost everywhere, whatever else is there",
}


@dataclass(frozen=True)
class DemoResult:
    """Stages of the run, what support found, and the median scores of each kind of peak.

    medians: by kind, of doubt and of the final score; watermark: name of the source of that kind.
    """

    workdir: Path
    reports: list[StageReport]
    found: list[str]
    medians: dict[str, tuple[float, float]]
    watermark: str

    def explain(self) -> str:
        """Say where the files are and what to look at."""
        kinds = [
            f"  {kind:<10} {doubt:5.2f} {final:7.0f}  {MEANINGS[kind].format(watermark=self.watermark)}"
            for kind, (doubt, final) in sorted(self.medians.items(), key=lambda item: item[1])
        ]
        return "\n".join(
            [
                "",
                *self.found,
                "",
                f"The report, for any browser:  {self.workdir / REPORT / PAGE}",
                f"Every peak with its support, as a BED track:  {self.workdir / 'scores' / SUPPORT_BED_FILE}",
                f"Every peak with the article's score, likewise:  {self.workdir / 'scores' / FINAL_BED_FILE}",
                f"Everything known about each peak, as a table:  {self.workdir / 'scores' / PEAKS_FILE}",
                f"What each peak really is:  {self.workdir / 'catalogue' / 'truth.tsv'}",
                "",
                "Median doubt and median final score by kind of peak, which the models did not know",
                "(doubt: the probability that a peak lies at random; final score: 750 is average for a TR):",
                *kinds,
                "",
                "Half of the datasets hold no stacks, on purpose; most of their sources cannot be judged.",
                "",
                "Look at the peaks with the most doubt, some of each source:",
                f"  head {self.workdir / REPORT / TABLES / 'lowest-peaks.tsv'}",
            ]
        )


def run_demo(
    workdir: str | Path, executor: Executor | None = None, commands: Mapping[str, str] | None = None
) -> DemoResult:
    """Make an artificial catalogue in `workdir`, score it, and compare the scores with the truth.

    If you run it again, it keeps what is up to date.

    Parameters
    ----------
    workdir
        Folder on this machine; created if it does not exist.
    executor
        Where the work runs; None means this process.
    commands
        How the reader of the report runs what is not in it yet, by stage; None means from Python.

    Returns
    -------
    DemoResult
        The stages, what support found, and the median scores of each kind of peak.

    """
    executor = executor or InProcess()
    folder = local_path(workdir)
    catalogue = folder / "catalogue"
    if not catalogue.exists():
        folder.mkdir(parents=True, exist_ok=True)
        simulate(ArtificialSettings(crms=CRMS), catalogue, executor)
    config = load_config("artificial")
    files = catalogue / "peaks.bed", catalogue / "crms.bed"
    reports = run(config, folder, *files, executor=executor, commands=commands)
    scores = pd.read_parquet(folder / "scores" / PEAKS_FILE, columns=[*PEAK_KEY, "doubt", "final"])
    truth = pd.read_csv(catalogue / "truth.tsv", sep="\t").drop_duplicates(PEAK_KEY)
    medians = scores.merge(truth, on=PEAK_KEY).groupby("kind")[["doubt", "final"]].median()
    of_kinds = {str(kind): (float(row.doubt), float(row.final)) for kind, row in medians.iterrows()}
    (watermark,) = truth.loc[truth["kind"] == "watermark", "name"].unique()
    source = source_name(split_name(str(watermark))[0])
    return DemoResult(folder, reports, summary(support_of(config, folder)), of_kinds, source)
