"""Draw the README's picture: two CRMs of the demo, every peak shaded by its score.

`python -m benchmarks.picture DEMO OUT`, with DEMO the folder that `atypeak-scale demo` left.
"""

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

KEY = ["contig", "start", "end", "name"]
PEAKS_TO_SHOW = (12, 22)


def scored_truth(demo: Path) -> pd.DataFrame:
    """Return every peak with its scores and what it really is."""
    scores = pd.read_parquet(demo / "scores/peaks.parquet")
    truth = pd.read_csv(demo / "catalogue/truth.tsv", sep="\t").drop_duplicates(KEY)
    return scores.merge(truth, on=KEY)


def choose(peaks: pd.DataFrame, group: int) -> pd.DataFrame:
    """Return the first CRM of a group whose number of peaks makes a readable picture, with two of noise."""
    for _, of_crm in peaks.groupby("crm"):
        kinds = of_crm["kind"].value_counts()
        of_group = (of_crm["group"] == group).any()
        low, high = PEAKS_TO_SHOW
        if of_group and low <= len(of_crm) <= high and kinds.get("noise", 0) >= 2 and "watermark" in kinds:
            return of_crm
    raise SystemExit(f"no CRM of group {group} with {PEAKS_TO_SHOW} peaks")


def draw(axes: Axes, peaks: pd.DataFrame, colours: Any) -> None:
    """Draw the peaks of a CRM, a line for each source, TR by TR; noise has a red outline."""
    rows: list[dict[str, Any]] = peaks.to_dict("records")  # type: ignore[assignment]
    lines = sorted({(row["tr"], row["dataset"]) for row in rows}, reverse=True)
    for row in rows:
        noise = row["kind"] == "noise"
        axes.add_patch(
            Rectangle(
                (row["start"] - row["crm_start"], lines.index((row["tr"], row["dataset"])) - 0.36),
                row["end"] - row["start"], 0.72,
                facecolor=colours(min(max(row["final"], 0), 1000) / 1000),
                edgecolor="#c0392b" if noise else "#555555", linewidth=1.8 if noise else 0.4,
            )
        )  # fmt: skip
    axes.set_xlim(0, 3200)
    axes.set_ylim(-0.7, len(lines) - 0.3)
    axes.set_yticks(range(len(lines)), [f"{tr} in {dataset}" for tr, dataset in lines], fontsize=8)
    axes.set_xlabel("position in the regulatory module, bp")
    axes.spines[["top", "right"]].set_visible(False)


def main(demo: Path, out: Path) -> None:
    """Write the picture."""
    peaks = scored_truth(demo)
    colours = mpl.colormaps["Blues"]
    figure, both = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for group, axes in enumerate(both):
        draw(axes, choose(peaks, group), colours)
        axes.set_title(f"a module of group {group + 1} of the TRs", fontsize=10)
    scale = mpl.cm.ScalarMappable(mpl.colors.Normalize(0, 1000), colours)
    figure.colorbar(scale, ax=both, label="final score (750 is average for the TR)", fraction=0.03)
    figure.savefig(out, dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
