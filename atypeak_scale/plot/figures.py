"""The article's figures as files, as far as what is stored allows: each as SVG and PDF."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.plot.canvas import style
from atypeak_scale.plot.drawings import all_drawings
from atypeak_scale.plot.figure_data import FigureData
from atypeak_scale.provenance import refuse_existing_output
from atypeak_scale.scoring.export import new_export
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join

# Without dates, so that the same data give the same bytes.
FORMATS = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def save_figures(
    article: Scores | None,
    support: Scores | None,
    out: Location,
    executor: Executor | None = None,
    truth: Location | None = None,
    search: Location | None = None,
    releases: Location | None = None,
) -> tuple[list[tuple[Location, str]], list[tuple[str, str]]]:
    """Write each figure that can be made as SVG and PDF into a new folder, whole or not at all.

    The same data give the same bytes. Nothing is trained and nothing is kept in the store.

    Parameters
    ----------
    article, support
        Complete scores of one cell line by a model of the article and by one of support, or one of them.
    out
        The new folder, or a URL.
    executor
        Where the work runs; None means this process.
    truth
        What `simulate` wrote of an artificial catalogue, for the article's Fig. 2; None if there is none.
    search, releases
        Folders that `search` and `compare_releases` wrote, for Fig. 3 and S7; None if there are none.

    Returns
    -------
    list of (Location, str), list of (str, str)
        The files with what they are; and the figures that are not there, each with what it would be and the
        command that makes its data.

    Raises
    ------
    InputError
        If `out` exists, matplotlib is not installed, there are no scores, or they are of other data.
    StageMissingError
        If scores are not complete.

    """
    refuse_existing_output(out)
    given = [one for one in (article, support) if one is not None]
    if not given:
        raise InputError("no scores to draw; score the cell line first", "model")
    for one in given:
        one.require_complete()
    data = FigureData(article, support, truth, search, releases, executor or InProcess())
    files: list[tuple[Location, str]] = []
    missing: list[tuple[str, str]] = []
    with _as_everywhere(), new_export(out, given) as folder:
        drawings = all_drawings(data)
        for number, drawing in enumerate(drawings):
            data.executor.tell("figures", number, len(drawings))
            figure = drawing.draw(data)
            if figure is None:
                missing.append((drawing.what, f"atypeak-scale {drawing.command}"))
                continue
            figure.draw_without_rendering()  # lays it out, once for both files
            figure.set_layout_engine("none")
            for ending, metadata in FORMATS.items():
                name = f"{drawing.name}.{ending}"
                figure.savefig(folder / name, metadata=metadata)
                files.append((join(out, name), drawing.what))
        data.executor.tell("figures", len(drawings), len(drawings))
    return files, missing


@contextmanager
def _as_everywhere() -> Iterator[None]:
    """Draw with matplotlib's defaults and our style, whatever the caller's settings are."""
    with style(), warnings.catch_warnings():
        from matplotlib import rcdefaults

        # A letter that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        rcdefaults()
        with style():
            yield
