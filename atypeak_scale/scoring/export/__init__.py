"""Write scores as files that others read: BED tracks, tables of weights, and every peak as Parquet."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import zarr

from atypeak_scale.catalogue.bed import track_line, write_bed6
from atypeak_scale.catalogue.names import peak_name
from atypeak_scale.errors import InputError
from atypeak_scale.execution.cluster import Event, Progress, no_progress
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.scoring.ensemble import SPREAD
from atypeak_scale.scoring.normalize import NORMALIZATION
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target
from atypeak_scale.store import schema
from atypeak_scale.store.result_groups import results as results_of

RAW_BED, FINAL_BED, PEAKS = "raw.bed", "final.bed", "peaks.parquet"
WEIGHTS, LABELS, MADE_FROM = "weights.tsv", "labels.tsv", "made-from.json"
DESCRIPTIONS = {
    FINAL_BED: "normalized scores, 0-1000, 750 is average for the TR",
    RAW_BED: "scores before normalization, 0-1000; compare within a source only",
    PEAKS: "every scored peak with all its scores, its percentile and its CRM",
    WEIGHTS: "normalization weight of each source, every factor and its error",
    LABELS: "mean and standard deviation behind the final scores",
}
RAW_SCALE = 1000  # raw scores are shown in thousandths of the original signal, as the article does


@dataclass(frozen=True)
class Exported:
    """The files of an export and what they hold."""

    folder: Location
    peaks: int = 0

    def names(self) -> set[str]:
        """Return the names of all its files."""
        return {MADE_FROM, *DESCRIPTIONS}

    def files(self) -> list[tuple[Location, str]]:
        """Return each file with what it is."""
        return [(join(self.folder, name), what) for name, what in DESCRIPTIONS.items()]


def bed_scores(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.int64]:
    """Round to whole numbers and clip to 0-1000, as column 5 of a BED file must be (SPEC 4.4)."""
    rounded: npt.NDArray[np.int64] = np.clip(np.rint(values), 0, 1000).astype(np.int64)
    return rounded


def open_normalized(data: zarr.Group, place: Location, run: ScoreRun | None) -> zarr.Group:
    """Open the results of a run, or, without one, the only ones of the cell line; `place`: where they are.

    Raises
    ------
    InputError
        Where there are none, or several and no run, or they are not normalized.

    """
    groups = results_of(data, place)
    complete = sorted(name for name, group in groups.items() if NORMALIZATION in group.attrs)
    if run is not None:
        name = run.group.removeprefix(f"{schema.SCORES}/")
        if name not in groups:
            raise InputError(f"{place}: not scored by this model ({name}); run 'atypeak-scale score' first")
        if name not in complete:
            raise InputError(f"{place}: {name} is not normalized; run 'atypeak-scale normalize' first")
        return groups[name]
    if not complete:
        what = "not normalized; run" if groups else "not scored; run 'atypeak-scale score' and"
        raise InputError(f"{place}: {what} 'atypeak-scale normalize' first")
    if len(complete) > 1:
        raise InputError(
            f"{place}: scored by {len(complete)} models ({', '.join(complete)}); name one with --model"
        )
    return groups[complete[0]]


def export_scores(
    store: Location,
    out: Location,
    cell_line: str | None = None,
    run: ScoreRun | None = None,
    progress: Progress = no_progress,
    results: Location | None = None,
) -> Exported:
    """Write the files of `Exported` into the new folder `out`, whole or not at all.

    `cell_line` and `run` may be left out where there is only one. results: where the scores are, if not in
    the store; `run` knows. Peaks are in C order of their contig, then by start. At most one chunk of peaks is
    in memory, and one float32 for every peak for the percentiles.

    Raises
    ------
    InputError
        Where `out` exists, or the store has no normalized scores, or several.

    """
    target(out).refuse_existing(last=MADE_FROM)
    data = schema.open_cell_line(store, cell_line)
    scores = open_normalized(data, (results or store) if run is None else run.results, run)
    with target(out).new_folder(last=MADE_FROM) as folder:
        peaks = _write_peaks(data, scores, folder, progress)
        write_table(folder / WEIGHTS, *_weights_table(data, scores))
        write_table(folder / LABELS, *_labels_table(data, scores))
        made = json.dumps(made_from(data, scores), indent=1) + "\n"
        (folder / MADE_FROM).write_text(made, encoding="utf-8")
    return Exported(join(out), peaks)


def made_from(data: zarr.Group, scores: zarr.Group) -> dict[str, Any]:
    """Return which input, model, settings and versions made the scores."""
    return {
        "store": dict(data.attrs)["made_from"],
        "scores": dict(scores.attrs),
        "versions": {
            "store": dict(data.attrs)["versions"],
            "export": {name: version(name) for name in ("atypeak-scale", "zarr", "numpy", "pyarrow")},
        },
    }


def _write_peaks(data: zarr.Group, scores: zarr.Group, folder: Path, progress: Progress) -> int:
    cell_line = str(data.attrs["cell_line"])
    length, total = schema.array(scores, "final").chunks[0], schema.array(scores, "final").shape[0]
    reader = _PeakReader(data, scores)
    with (
        (folder / RAW_BED).open("w", encoding="utf-8", newline="") as raw_out,
        (folder / FINAL_BED).open("w", encoding="utf-8", newline="") as final_out,
        pq.ParquetWriter(folder / PEAKS, reader.schema(), compression="zstd") as table,
    ):
        raw_out.write(
            track_line(f"{cell_line} raw", f"{cell_line} peaks, atyPeak score before normalization")
        )
        final_out.write(
            track_line(f"{cell_line} final", f"{cell_line} peaks, atyPeak score; 750 is average for the TR")
        )
        for start in range(0, total, length):
            rows = reader.read(start, min(start + length, total))
            table.write_table(pa.table(rows, reader.schema()))
            for out, values in ((raw_out, rows["raw"] * RAW_SCALE), (final_out, rows["final"])):
                _append_bed(out, rows, bed_scores(values))
            progress(Event("export", min(start + length, total), total))
    return total


def _append_bed(out: TextIO, rows: dict[str, Any], scores: npt.NDArray[np.int64]) -> None:
    columns = (rows["contig"], rows["start"], rows["end"], rows["name"], scores)
    write_bed6(out, *(column.tolist() for column in columns))


class _PeakReader:
    """Reads catalogue peaks with everything that is known about them."""

    def __init__(self, data: zarr.Group, scores: zarr.Group) -> None:
        self._data, self._scores = data, scores
        self._views = schema.views_of(data)
        self._sources = schema.source_labels(data)
        cell_line = str(data.attrs["cell_line"])
        self._names = np.array([peak_name(source, cell_line) for source in self._sources], object)
        self._labels = [np.array([s[view] for s in self._sources], object) for view in (0, 1)]
        self._contigs = schema.read_array(data, "contig").astype(object)
        self._label_of_source = schema.read_array(data, f"source_{self._views[1]}")
        self._has_spread = SPREAD in scores
        self._sorted_finals = self._sort_finals()

    def schema(self) -> pa.Schema:
        """Columns of the table of peaks."""
        described = [
            ("contig", pa.string(), "contig"),
            ("start", pa.int64(), "start of the peak, bp, 0-based"),
            ("end", pa.int64(), "end of the peak, bp, exclusive"),
            ("name", pa.string(), "name column of the input"),
            (self._views[0], pa.string(), "first label of the source"),
            (self._views[1], pa.string(), "second label of the source"),
            ("crm", pa.int64(), "row of the peak's (first) CRM in the CRM file, from 0"),
            ("crm_start", pa.int64(), "start of that CRM, bp, 0-based"),
            ("crm_end", pa.int64(), "end of that CRM, bp, exclusive"),
            ("other_sources", pa.int32(), "number of other sources with a peak in that CRM"),
            ("raw", pa.float32(), "rebuilt over original signal, before normalization"),
            ("k_normalized", pa.float32(), "raw times the weight of the source"),
            ("final", pa.float32(), "final score, not clipped; 750 is average for the second label"),
            (
                "percentile",
                pa.float32(),
                "share in % of the second label's peaks with a lower score, ties half",
            ),
        ]
        if self._has_spread:
            described.append((SPREAD, pa.float32(), "standard deviation of the models' final scores"))
        return pa.schema(
            [pa.field(name, kind, metadata={"description": text}) for name, kind, text in described]
        )

    def read(self, start: int, stop: int) -> dict[str, Any]:
        """Return the columns of peaks [start, stop) as NumPy arrays."""
        data = {
            name: schema.read_array(self._data, f"catalogue_{name}", start, stop)
            for name in ("contig", "start", "end", "source", "first_row")
        }
        scores = {
            name: schema.read_array(self._scores, name, start, stop)
            for name in ("raw", "k_normalized", "final", *([SPREAD] if self._has_spread else []))
        }
        source = data["source"]
        return {
            "contig": self._contigs[data["contig"]],
            "start": data["start"],
            "end": data["end"],
            "name": self._names[source],
            self._views[0]: self._labels[0][source],
            self._views[1]: self._labels[1][source],
            **self._crms(data["first_row"]),
            **scores,
            "percentile": self._percentiles(self._label_of_source[source], scores["final"]),
        }

    def _crms(self, first_row: npt.NDArray[np.int64]) -> dict[str, Any]:
        low = int(first_row.min())
        window = schema.read_array(self._data, "peak_window", low, int(first_row.max()) + 1)[first_row - low]
        low, high = int(window.min()), int(window.max()) + 1
        columns = {
            name: schema.read_array(self._data, name, low, high)[window - low]
            for name in ("crm", "crm_start", "crm_end", "crm_sources")
        }
        others = columns.pop("crm_sources") - 1  # a peak's own source is among them
        return {**columns, "other_sources": others.astype(np.int32)}

    def _sort_finals(self) -> list[npt.NDArray[np.float32]]:
        """Final scores of each label of the second view, sorted."""
        labels = schema.array(self._data, self._views[1]).shape[0]
        parts: list[list[npt.NDArray[np.float32]]] = [[] for _ in range(labels)]
        final = schema.array(self._scores, "final")
        for start in range(0, final.shape[0], final.chunks[0]):
            stop = start + final.chunks[0]
            values = schema.read_array(self._scores, "final", start, stop)
            label = self._label_of_source[schema.read_array(self._data, "catalogue_source", start, stop)]
            for number in np.unique(label):
                parts[number].append(values[label == number])
        return [np.sort(np.concatenate(part)) if part else np.empty(0, np.float32) for part in parts]

    def _percentiles(
        self, label: npt.NDArray[np.int32], final: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        result = np.empty(len(final), np.float32)
        for number in np.unique(label):
            of_label, everyone = label == number, self._sorted_finals[number]
            lower = np.searchsorted(everyone, final[of_label], side="left")
            not_higher = np.searchsorted(everyone, final[of_label], side="right")
            result[of_label] = 50.0 * (lower + not_higher) / len(everyone)
        return result


def _weights_table(data: zarr.Group, scores: zarr.Group) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    names = [
        "k1", "k2", "k3", "weight", "weight_flag", "sampled_windows",
        "theta_mean", "theta_error", "eta_mean", "eta_error",
    ]  # fmt: skip
    columns = [schema.read_array(scores, name).tolist() for name in names]
    rows = zip(schema.source_labels(data), *columns, strict=True)
    return [*schema.views_of(data), *names], ((*source, *values) for source, *values in rows)


def _labels_table(data: zarr.Group, scores: zarr.Group) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    view1 = schema.views_of(data)[1]
    names = ["peaks", "mean", "sd", "flag"]
    columns = [schema.read_array(scores, f"{view1}_{name}").tolist() for name in names]
    return [view1, *names], zip(schema.read_array(data, view1).tolist(), *columns, strict=True)


def write_table(file: Path, header: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Write a tab-separated file; a label that holds a quote is quoted, as `csv` reads it back."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
