"""What the command line shows instead of a traceback."""

import difflib
from collections.abc import Iterable
from typing import Any


class AtypeakError(Exception):
    """Something failed while running; the message is one line that a user can act on.

    argument: name of the parameter that mends it; the command line names its own option in addition.
    """

    exit_code = 1

    def __init__(self, message: str, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument

    def __reduce__(self) -> Any:
        # The default would lose the argument on the way from a worker.
        return type(self), (str(self), self.argument)


class InputError(AtypeakError):
    """An input, setting or argument is wrong: what was found, what was expected, what to do."""

    exit_code = 2


class DamagedError(AtypeakError):
    """A chunk of a store cannot be read back as it was written; the message names it and the remedy."""


class StageMissingError(InputError):
    """A stage was not run yet: `stage` names it; `scores` are the results it would make, if known."""

    def __init__(self, message: str, stage: str, scores: object = None, exit_code: int = 2) -> None:
        super().__init__(message)
        self.stage, self.scores, self.exit_code = stage, scores, exit_code

    def __reduce__(self) -> Any:
        return type(self), (str(self), self.stage, self.scores, self.exit_code)


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
