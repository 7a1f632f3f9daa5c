"""What training will do and how much memory it takes, known before TensorFlow is loaded."""

from dataclasses import dataclass

from atypeak_scale.config import Config, for_support
from atypeak_scale.errors import InputError
from atypeak_scale.model.sizes import filters_that_exist, parameters_of_layers
from atypeak_scale.store.cell_line import CellLine

PROCESS_BYTES = 850_000_000  # the interpreter with TensorFlow, and the graph
COPIES = {"second_view": 10.0, "sources": 11.0}  # of the weights of a layer
FEWER_COPIES = 8.0  # of other layers
OCCUPANCY_COPIES, DENSE_COPIES = 6.5, 1.6  # of a batch
CHUNK_COPIES = 3  # of a chunk of windows that is read


@dataclass(frozen=True)
class TrainPlan:
    """What training will do.

    `windows_at_once` are those of a batch whose gradients are computed together, fewer than the batch has if
    memory is limited. `parameters` counts all filters of the last layer, `trained_parameters` those that
    exist (method, 3.6).
    """

    cell_line: str
    objective: str
    windows: int
    sources: int
    batch_windows: int
    windows_at_once: int
    steps_at_most: int
    parameters: int
    trained_parameters: int
    projected_memory_bytes: int


def plan_training(cell_line: CellLine, config: Config, memory_limit: int | None = None) -> TrainPlan:
    """Return what `train` would do, without loading anything but the store's labels.

    memory_limit: bytes that training may take; batches are then cut, as far as needed.

    Raises
    ------
    InputError
        If the configuration is for other data, the frame does not fit the kernel, or a single window at once
        takes more memory than the limit.

    """
    check_same_data(cell_line, config)
    if config.training.objective == "support":
        config = for_support(config)
    config.model.check_frame(cell_line.shape.bins)
    m, n = map(len, cell_line.labels)
    filters = filters_that_exist(config.model, (m, n), [(i, j) for i, j in cell_line.cells.tolist()])
    existing = m * n if filters is None else len(filters)
    settings = config.training
    at_once, memory = _windows_at_once(cell_line, config, existing, memory_limit)
    return TrainPlan(
        cell_line=cell_line.name,
        objective=settings.objective,
        windows=cell_line.shape.windows,
        sources=cell_line.shape.sources,
        batch_windows=settings.batch_windows,
        windows_at_once=at_once,
        steps_at_most=settings.max_epochs * settings.batches_per_epoch,
        parameters=sum(parameters_of_layers(config.model, (m, n), m * n).values()),
        trained_parameters=sum(parameters_of_layers(config.model, (m, n), existing).values()),
        projected_memory_bytes=memory,
    )


def _windows_at_once(
    cell_line: CellLine, config: Config, filters: int, memory_limit: int | None
) -> tuple[int, int]:
    """Return the most windows of a batch that the limit allows at once, and the memory they take, bytes."""
    batch = config.training.batch_windows
    at_once, memory = batch, _projected_memory(cell_line, config, filters, batch)
    while memory_limit is not None and memory > memory_limit:
        if at_once == 1:
            raise InputError(
                f"training takes {memory / 1e9:.1f} GB even if it looks at one window at once; the memory "
                f"limit is {memory_limit / 1e9:.1f} GB; raise it, or lower filters or deep_dimension",
                argument="memory_limit",
            )
        at_once = -(-at_once // 2)
        memory = _projected_memory(cell_line, config, filters, at_once)
    return at_once, memory


def check_same_data(cell_line: CellLine, config: Config) -> None:
    """Raise InputError if a configuration is for another cell line, or for windows of another size."""
    if config.cell_line != cell_line.name:
        raise InputError(
            f"the configuration is for cell line {config.cell_line!r}, the data for {cell_line.name!r}; "
            "use the same cell line for both"
        )
    wanted = config.store.frame, config.store.bin
    if cell_line.frame != wanted:
        frame, width = cell_line.frame
        raise InputError(
            f"{cell_line.store}: has frames of {frame} bp in bins of {width} bp; the configuration has "
            f"{wanted[0]} and {wanted[1]}; set store.frame and store.bin as the store was built"
        )


def _projected_memory(cell_line: CellLine, config: Config, filters: int, at_once: int) -> int:
    """Return how many bytes training takes at most, with so many windows of a batch at once.

    The factors were fitted to measurements (benchmarks/dense.py). Of weights there are also Adam's moments,
    gradients, transposed or summed copies, and the kept epoch; of parts of a batch, the summed gradients.
    """
    bins, sources = cell_line.shape.bins, cell_line.shape.sources
    is_cut, deep = at_once < config.training.batch_windows, config.model.deep_dimension
    m, n = map(len, cell_line.labels)
    weights = parameters_of_layers(config.model, (m, n), filters)
    copies = {name: (COPIES.get(name, FEWER_COPIES) + is_cut) * count for name, count in weights.items()}
    positions = bins // 4 + config.model.kernel_width
    floats = sum(copies.values()) + at_once * (
        OCCUPANCY_COPIES * bins * sources + DENSE_COPIES * positions * deep
    )
    first = cell_line.blocks("windows")[0]
    chunk = (first.stop - first.start) * bins * sources
    buffer = min(config.training.shuffle_windows, cell_line.shape.windows) * bins * -(-sources // 8)
    return PROCESS_BYTES + int(4 * floats) + CHUNK_COPIES * chunk + buffer
