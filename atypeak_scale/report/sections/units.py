"""What single units of the article's model look for: their ur-examples."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from atypeak_scale.assess.interpretation.ur_examples import strongest_cells
from atypeak_scale.registry.columns import UR_STRONGEST
from atypeak_scale.registry.results import UR_EXAMPLES
from atypeak_scale.report.drawing import GREEN, hover, new_figure, plain
from atypeak_scale.report.matrices import shades
from atypeak_scale.report.page import Block, Choice, Chooser, Listing, Missing, Text
from atypeak_scale.report.results import Results
from atypeak_scale.store.cell_line import CellLine

MOST_UNITS = 24
IN_PAGE = 6_000  # rows of a table that is in the page


def unit_blocks(results: Results) -> Iterator[Block]:
    """Yield the ur-examples of the units that are excited most."""
    if results.article is None:
        return
    found = results.kept(UR_EXAMPLES)
    if found is None:
        yield Missing("What does each unit of the model look for?", "ur-examples")
        return
    table = pd.concat([part for _, part in strongest_cells(found, results.cell_line)], ignore_index=True)
    activation = found["activation"].to_numpy()
    dead = int((activation <= 0).sum())
    yield Text(
        (f"Nothing excites {dead:,} of the {len(activation):,} units, so the model does not use its whole "
         "information budget." if dead else f"All {len(activation):,} units are in use.",)
    )  # fmt: skip
    yield _chooser(found, table, results.cell_line)
    yield Listing(
        "ur-strongest", "The strongest experiments of every unit", UR_STRONGEST, table,
        "Experiments with a high value in one unit are what that unit looks for together.",
        in_page=len(table) <= IN_PAGE,
    )  # fmt: skip


def _chooser(found: xr.Dataset, table: pd.DataFrame, cell_line: CellLine) -> Chooser:
    from bokeh.models import ColumnDataSource, FactorRange
    from bokeh.transform import linear_cmap

    view0, view1 = cell_line.views
    drawn = new_figure(
        340, view1, view0, x_range=FactorRange(name="columns"), y_range=FactorRange(name="rows")
    )
    cells = ColumnDataSource(
        {name: [] for name in ("row", "column", "value", "shade", "absent")}, name="cells"
    )
    drawn.rect(x="column", y="row", width=0.94, height=0.94, source=cells, line_color=None,
               fill_color=linear_cmap("shade", shades(GREEN), 0, 1))  # fmt: skip
    hover(drawn, [("", "@row.@column@absent"), ("mean along the window", "@value{0.000}")], drawn.renderers)
    drawn.grid.visible = False
    drawn.xaxis.major_label_orientation = "vertical"
    activation = found["activation"].to_numpy()
    order = np.argsort(-activation, kind="stable")[:MOST_UNITS]
    of_unit = dict(iter(table.groupby("unit")))
    choices = []
    for unit in order.tolist():
        rows = of_unit[unit]
        largest = max(float(rows["value"].max()), 1e-9)
        row, column = ([plain(str(one)) for one in rows[view]] for view in (view0, view1))
        data = {
            "row": row, "column": column,
            "absent": ["" if seen else " (no such experiment)" for seen in rows["observed"]],
            "value": np.round(rows["value"], 4).tolist(),
            "shade": np.round(np.clip(rows["value"] / largest, 0, 1), 3).tolist(),
        }  # fmt: skip
        choices.append(
            Choice(f"unit {unit}", f"Activation {activation[unit]:.3g}.", {"cells": data},
                   {"rows": sorted(set(row))[::-1], "columns": sorted(set(column))})
        )  # fmt: skip
    return Chooser(
        "ur-examples", f"What the {len(choices)} most excitable units look for", drawn,
        "The strongest cells are the experiments whose peaks excite the unit most, in a window made for it; "
        "units that look for a whole group have learned it.",
        "ur-strongest", "Unit", tuple(choices),
    )  # fmt: skip
