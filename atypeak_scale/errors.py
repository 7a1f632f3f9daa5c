"""What the command line shows instead of a traceback."""

import difflib
from collections.abc import Iterable


class AtypeakError(Exception):
    """Something failed while running; the message is one line that a user can act on.

    Parameters
    ----------
    message
        One line, which names no option of the command line.
    argument
        Name of the Python parameter that mends it, such as "cell_line"; the command line names its option.

    """

    exit_code = 1

    def __init__(self, message: str, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class InputError(AtypeakError):
    """An input, setting or argument is wrong: what was found, what was expected, what to do."""

    exit_code = 2


class DamagedError(AtypeakError):
    """A chunk of a store cannot be read back as it was written; the message names it and the remedy."""


class InterruptedStageError(AtypeakError):
    """The user stopped a stage; the message says what was kept and how to go on."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return `count` known names, nearest to `name` first, as the end of an error message."""
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=count, cutoff=0.5)
    if not close:
        folded = {choice.lower(): choice for choice in choices}
        close = [
            folded[near] for near in difflib.get_close_matches(name.lower(), folded, n=count, cutoff=0.5)
        ]
    if close:
        return f"the nearest known are {', '.join(close)}"
    if not choices:
        return "none is known"
    shown = ", ".join(choices[:10]) + (", ..." if len(choices) > 10 else "")
    return f"known are {shown}"
