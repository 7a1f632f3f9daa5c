"""What every command runs in: messages as lines, errors as a line and an exit code."""

import errno
import io
import logging
import os
import re
import sys

import click

from atypeak_scale.errors import AtypeakError


class _OneLine(logging.Formatter):
    """Log records as lines that a user can read."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.capitalize()}: {record.getMessage()}"


class _ClosedOutput(io.TextIOBase):
    """Standard output where the shell has closed it: work is done, but what is said is not lost silently."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "is closed; let it go to a file or to /dev/null", "standard output")


def run() -> None:
    """Run the command line; errors become a line and an exit code: 1 failed while running, 2 bad input."""
    # TensorFlow reads this when it is first imported: print only errors, and nothing about its own build.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logger = logging.getLogger("atypeak_scale")
    logger.addHandler(handler)
    _show_sign_of_life()
    from .commands import commands

    if sys.stdout is None:
        sys.stdout = _ClosedOutput()
    try:
        commands(standalone_mode=False)
    except AtypeakError as error:
        from .messages import explain

        _stop(explain(error), error.exit_code)
    except OSError as error:
        # A full disk or a folder without permission: print the system's own words and the file it names.
        _stop(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except MemoryError as error:
        reason = f": {error}" if str(error) else ""
        _stop(f"out of memory{reason}; use a machine with more memory, or smaller settings")
    except ValueError as error:
        # Dask reads its files wherever it is first imported, which may be anywhere.
        file = re.match(r"A dask config file at '(.+)' is malformed", str(error))
        if file is None:
            raise
        _stop(f"{file[1]}: this configuration of Dask is no YAML; mend the file, or move it away")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        raise KeyboardInterrupt from None


def _show_sign_of_life() -> None:
    """Name the command on a terminal before the imports, which may take a second or more."""
    words = sys.argv[1:]
    is_help = {"-h", "--help", "--version"} & set(words)
    if words and not is_help and sys.stderr is not None and sys.stderr.isatty():
        print(f"atypeak-scale {words[0]} ...", file=sys.stderr, flush=True)


def _stop(message: str, exit_code: int = 1) -> None:
    click.echo(f"Error: {message}", err=True)
    sys.exit(exit_code)
