"""What a column and a table are."""

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from atypeak_scale.registry.ranges import Range
from atypeak_scale.registry.variables import Variable, with_views

REFERENCE = re.compile(r" \(method, [^)]*\)")
ColumnType = Literal["text", "int32", "int64", "float32", "float64"]


@dataclass(frozen=True)
class Column:
    """One column: name, type, unit ("" if it has none), range (None if it can be any number) and meaning."""

    name: str
    dtype: ColumnType
    description: str
    unit: str = ""
    range: Range | None = None

    def named(self, views: tuple[str, str]) -> "Column":
        """Return the column with the views' own names."""
        text = self.description.format(view0=views[0], view1=views[1])
        return replace(self, name=with_views(self.name, views), description=text)

    def without_reference(self) -> "Column":
        """Return the column without references to the method, for readers who do not have our documents."""
        return replace(self, description=REFERENCE.sub("", self.description))


VIEW0 = Column("view0", "text", "name of the {view0}")
VIEW1 = Column("view1", "text", "name of the {view1}")


@dataclass(frozen=True)
class Table:
    """The columns of one kind of table; `name` is that of the file without its ending.

    has_others: whether a table may have further columns, named after its data.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    has_others: bool = False

    def named(self, views: tuple[str, str]) -> tuple[Column, ...]:
        """Return the columns with the views' own names."""
        return tuple(column.named(views) for column in self.columns)


_TYPES: dict[object, ColumnType] = {
    str: "text", np.int32: "int32", np.int64: "int64", np.float32: "float32", np.float64: "float64",
}  # fmt: skip


def column_of(variable: Variable, prefix: str = "") -> Column:
    """Return the column of an array that has a value for each row of a table."""
    name, dtype = variable.name.removeprefix(prefix), _TYPES[variable.dtype]
    # Arrays know no names of views, tables do.
    description = variable.description.replace("the label of the second view", "its {view1}")
    return Column(name, dtype, description, range=variable.range)
