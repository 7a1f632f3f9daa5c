"""The command line. Each command is a file that parses, calls one function of the library, and prints."""

import signal
import sys
import threading

_report_dropped = sys.unraisablehook


TERMINATED = 143  # as shells call the end by SIGTERM


def _terminate(number: int, frame: object) -> None:
    """End as an error does, so that nothing stays behind; a second signal ends at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(TERMINATED)


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
    """Run the command line. Nothing is imported before, so a Ctrl-C is one line from the first import on."""
    sys.unraisablehook = _interrupt_again
    signal.signal(signal.SIGTERM, _terminate)
    try:
        from .program import run

        run()
    except KeyboardInterrupt:
        print("Interrupted; nothing is half written. Run the same command again.", file=sys.stderr)
        sys.exit(1)
    except SystemExit as stop:
        if stop.code == TERMINATED:
            print("Terminated; nothing is half written. Run the same command again.", file=sys.stderr)
        raise
