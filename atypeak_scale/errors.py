"""What the command line shows instead of a traceback."""

import difflib
from collections.abc import Iterable
from typing import Any

MOST_COMPARED = 20_000  # names
MOST_SHOWN = 100  # characters of an input's own text in an error message


class AtypeakError(Exception):
    """Something failed while running. The message is one line that users can act on.

    argument: name of the parameter that fixes it; the command line adds the name of its option.
    """

    exit_code = 1

    def __init__(self, message: str, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument

    def __reduce__(self) -> Any:
        # The default would lose the argument on its way from a worker.
        return type(self), (str(self), self.argument)


class InputError(AtypeakError):
    """An input, setting or argument is wrong: the message says what was found, expected, and what to do."""

    exit_code = 2


class DamagedError(AtypeakError):
    """A chunk of a store does not read back as it was written. The message names it and the remedy."""


class StageMissingError(InputError):
    """A stage has not been run yet. `stage` names it; `scores` are the results it would make, if known."""

    def __init__(self, message: str, stage: str, scores: object = None, exit_code: int = 2) -> None:
        super().__init__(message)
        self.stage, self.scores, self.exit_code = stage, scores, exit_code

    def __reduce__(self) -> Any:
        return type(self), (str(self), self.stage, self.scores, self.exit_code)


class InterruptedStageError(AtypeakError):
    """The user stopped a stage. The message says what was kept and how to continue."""


def shortened(text: str) -> str:
    """Return text from an input as part of an error message; long text is cut."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..., {len(text):,} characters"


def quoted(value: object) -> str:
    """Return what was found in an input, as part of an error message; long text is cut."""
    try:
        text = value if isinstance(value, str) else str(value)
    except ValueError:  # Python does not spell out integers of thousands of digits
        return "a number of thousands of digits"
    shown = repr(text) if isinstance(value, str) else text
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..., {len(text):,} characters"


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return `count` known names, nearest to `name` first, as the end of an error message."""
    choices = sorted(known)
    if len(choices) > MOST_COMPARED:  # each takes some microseconds
        choices = [choice for choice in choices if choice[:1].lower() == name[:1].lower()] or choices
        choices = choices[:MOST_COMPARED]
    close = difflib.get_close_matches(name, choices, n=count, cutoff=0.5)
    if not close:
        folded = {choice.lower(): choice for choice in choices}
        close = [
            folded[near] for near in difflib.get_close_matches(name.lower(), folded, n=count, cutoff=0.5)
        ]
    if close:
        return f"the nearest known are {', '.join(map(shortened, close))}"
    if not choices:
        return "none are known"
    shown = ", ".join(map(shortened, choices[:10])) + (", ..." if len(choices) > 10 else "")
    return f"known are {shown}"
