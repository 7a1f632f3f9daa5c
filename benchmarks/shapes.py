"""Catalogues and models of the sizes of HeLa and K562, with random weights, for measuring speed."""

from pathlib import Path

from atypeak_scale import build_store, load_config, open_store, simulate
from atypeak_scale.catalogue.artificial import CELL_LINE, ArtificialSettings
from atypeak_scale.config import Config
from atypeak_scale.model.files import TrainedModel
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.store.cell_line import CellLine

ARTICLE_WINDOWS = 107_867
STACK_RATE = 1.31  # about 12 peaks a window


def k562_config() -> Config:
    """Return the K562 configuration for a catalogue without counts in its CRM file."""
    config = load_config("k562")
    return config.model_copy(update={"store": config.store.model_copy(update={"min_crm_peaks": 0})})


def k562_shaped_catalogue(folder: Path, windows: int = ARTICLE_WINDOWS) -> tuple[Path, Path]:
    """Write an artificial catalogue whose sources have the names of the 71 of K562: 67 datasets, 20 TRs.

    It is drawn on a grid of 9 x 8 sources, of which one is left out. Returns (peaks, CRMs).
    """
    settings = ArtificialSettings(crms=windows, datasets=9, trs=8, stack_rate=STACK_RATE)
    files = simulate(settings, folder / "artificial")
    names = iter(load_config("k562").selection.sources or ())
    grid = [f"dataset{d:02d}.tr{t:02d}" for d in range(9) for t in range(8)]
    renamed = dict(
        zip((f"{name}.{CELL_LINE}" for name in grid[1:]), (f"{n}.k562" for n in names), strict=True)
    )
    peaks = folder / "peaks.bed"
    with files.peaks.open() as lines, peaks.open("w") as out:
        for line in lines:
            contig, start, end, name, *_ = line.split("\t")
            if name in renamed:
                out.write(f"{contig}\t{start}\t{end}\t{renamed[name]}\n")
    return peaks, files.crms


def k562_shaped_store(folder: Path, windows: int = ARTICLE_WINDOWS) -> CellLine:
    """Build the store of a K562-shaped catalogue."""
    peaks, crms = k562_shaped_catalogue(folder, windows)
    build_store(peaks, crms, folder / "k562.zarr", k562_config())
    return open_store(folder / "k562.zarr")


def random_model(cell_line: CellLine, config: Config) -> TrainedModel:
    """Return an untrained model of the configuration's sizes for the labels of a cell line."""
    m, n = map(len, cell_line.labels)
    network = build_autoencoder(config.store.bins, m, n, config.model, seed=1)
    return TrainedModel(network, cell_line.labels, config)
