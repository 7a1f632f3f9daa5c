"""A store scored by an untrained model, and what is in its CRMs, found without it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atypeak_scale.config import Config, for_support
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry.variables import (
    DOUBT,
    FINAL,
    NETWORK,
    OVERLAPPING,
    P_RANDOM,
    Q_RANDOM,
    REGRESSION,
    SUPPORT,
)
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.arrays import write_chunks
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store
from atypeak_scale.store.groups import open_group
from atypeak_scale.store.result_groups import CHANCE


def scored(peaks: Path, crms: Path, config: Config, folder: Path) -> Scores:
    """Build a store of datasets d1 to d3 and TRs x to z in a folder, score and normalize it."""
    scores = unscored(peaks, crms, config, folder)
    complete(scores)
    return normalize(scores, config.normalization)


def unscored(peaks: Path, crms: Path, config: Config, folder: Path) -> Scores:
    """Build the store, and save the untrained model."""
    store = folder / "s.zarr"
    build_store(peaks, crms, store, config)
    network = build_autoencoder(320, 3, 3, config.model, seed=1)
    network.get_layer("sources").bias.assign(np.linspace(-0.2, 1, 9))
    model = TrainedModel(network, (("d3", "d1", "d2"), ("z", "x", "y")), config)
    return open_scores(open_store(store), save_model(model, folder / "model"))


def fill(scores: Scores) -> None:
    """Write every chunk of new results, so that none counts as lost; nothing is in them yet."""
    group = open_group(scores.location, scores.path, "r+")
    for _, array in group.arrays():
        write_chunks(array, 0, np.full(array.shape, array.fill_value, array.dtype))


def random_support(scores: Scores, folder: Path) -> Scores:
    """Give the peaks of the same store random support, as by another model, which was not trained.

    Two sources cannot be judged: d3.z, the only one of its TR, and d2.y.
    """
    cell_line = scores.cell_line
    config = for_support(scores.config)
    network = build_autoencoder(320, 3, 3, config.model, seed=2)
    model = TrainedModel(network, (("d1", "d2", "d3"), ("x", "y", "z")), config)
    support = open_scores(cell_line, save_model(model, folder / "support"))
    support.create()
    fill(support)
    rng, number = np.random.default_rng(2), cell_line.peak_count
    source = cell_line.peaks(0, number).source
    unjudged = np.isin(source, [cell_line.sources.index(one) for one in (("d3", "z"), ("d2", "y"))])
    for variable in (SUPPORT, NETWORK, REGRESSION):
        support.write(variable, 0, rng.normal(0, 4, number).astype(np.float32))
    for variable in (P_RANDOM, Q_RANDOM, DOUBT):
        values = rng.random(number).round(2).astype(np.float32)  # with ties
        if variable is not P_RANDOM:
            values[unjudged] = np.nan
        support.write(variable, 0, values)
    support.write(OVERLAPPING, 0, rng.integers(0, 5, number).astype(np.int32))
    support.set_attribute(CHANCE, support.chance.model_dump(mode="json"))
    return support


@dataclass(frozen=True)
class Member:
    """A peak in a CRM, found by hand: the CRM's line, the peak's labels and its (final) score."""

    crm: int
    dataset: str
    tr: str
    final: float


def members_by_hand(
    peaks: Path, crms: Path, scores: Scores, values: list[float] | None = None
) -> list[Member]:
    """Return the members of all CRMs, with `values` as their scores if they are given.

    A peak over the border of two CRMs is in both. Of equal CRMs, only the first has members.
    """
    finals = final_of_peak(scores) if values is None else value_of_peak(scores, values)
    regions = [line.split("\t")[:3] for line in crms.read_text().splitlines()]
    found = []
    for line in peaks.read_text().splitlines()[1:]:
        contig, start, end, name = line.split("\t")[:4]
        for row, (contig_of_crm, left, right) in enumerate(regions):
            is_first = regions.index([contig_of_crm, left, right]) == row
            if is_first and contig == contig_of_crm and int(start) < int(right) and int(left) < int(end):
                final = finals[contig, int(start), int(end), name]
                found.append(Member(row, *name.split(".")[:2], final))
    return found


def final_of_peak(scores: Scores) -> dict[tuple[str, int, int, str], float]:
    """Return the final score of each peak, by what its line says."""
    return value_of_peak(scores, scores.read(FINAL).tolist())


def value_of_peak(scores: Scores, values: list[float]) -> dict[tuple[str, int, int, str], float]:
    """Return the value of each peak of the catalogue, by what its line says."""
    data = scores.cell_line.data.drop_vars("occupancy").load()
    labels = [data[view].to_numpy()[data[f"source_{view}"].to_numpy()] for view in ("dataset", "tr")]
    names = [f"{dataset}.{tr}.cell" for dataset, tr in zip(*labels, strict=True)]
    found = {
        (str(data["contig"].values[contig]), int(start), int(end), names[source]): value
        for contig, start, end, source, value in zip(
            *(data[f"catalogue_{what}"].to_numpy() for what in ("contig", "start", "end", "source")),
            values,
            strict=True,
        )
    }
    assert len(found) == data.sizes["catalogue_peak"]  # no two peaks have the same line
    return found
