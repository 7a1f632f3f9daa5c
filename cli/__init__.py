"""The command line. Each command is a file that parses, calls one function of the library, and prints."""

import logging
import os
import signal
import sys
import threading

import click

from atypeak_scale.errors import AtypeakError

_report_dropped = sys.unraisablehook


class _OneLine(logging.Formatter):
    """Log records as lines that a user can read."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.capitalize()}: {record.getMessage()}"


def _interrupt_again(dropped: "sys.UnraisableHookArgs") -> None:
    """Bring back a Ctrl-C that Python dropped because it arrived in a callback. Imports are full of these."""
    if dropped.exc_type is KeyboardInterrupt:
        # A signal, because nothing else ends a sleep or a wait.
        main_thread = threading.main_thread().ident
        assert main_thread is not None
        threading.Timer(0.05, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
    else:
        _report_dropped(dropped)


def main() -> None:
    """Run the command line; errors become a line and an exit code: 1 failed while running, 2 bad input."""
    # TensorFlow reads these when it is first imported: print only errors, and nothing about its own build.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.unraisablehook = _interrupt_again
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logger = logging.getLogger("atypeak_scale")
    logger.addHandler(handler)
    from .commands import commands

    try:
        commands(standalone_mode=False)
    except AtypeakError as error:
        from .messages import explain

        click.echo(f"Error: {explain(error)}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        # A full disk or a folder without permission: print the system's own words and the file it names.
        click.echo(f"Error: {error.filename or 'input or output'}: {error.strerror or error}", err=True)
        sys.exit(1)
    except MemoryError as error:
        reason = f": {error}" if str(error) else ""
        told = f"out of memory{reason}; use a machine with more memory, or smaller settings"
        click.echo(f"Error: {told}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; nothing is half written. Run the same command again.", err=True)
        sys.exit(1)
