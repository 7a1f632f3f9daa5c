"""`python -m benchmarks NAME [--json FILE] [--reference DIR --reference-command COMMAND]`."""

import argparse
import os
from importlib import import_module
from pathlib import Path

NAMES = {
    "inference": "windows a second of the engine against the article's dense network",
    "k562": "a K562-shaped catalogue, scored, normalized and written",
    "training": "one step of gradient descent against the article's dense network",
    "growth": "time of a further window and peak memory from 10,000 to 1,000,000 windows",
    "million": "1,000,000 windows on a local cluster with a fast model: what the cluster costs",
    "scaling": "HeLa scored on a real cluster of 1, 2 and 4 workers",
    "faults": "faults put into runs on a real cluster, and what becomes of each",
    "whole_catalogue": "a catalogue of ReMap 2022's shape: split, surveyed, built, stopped and started",
    "store": "codec chains for the occupancy: size, time to write, time to read",
    "detection": "noise among the stacks of artificial data, found by our scores and by simple ones",
    "power": "real peaks told from random placements, by support and by every other score",
    "calibration": "p, the share like random and doubt against the truth of artificial data",
    "sizes": "power of support by size of its network and number of sources",
    "broken": "a real source replaced by random intervals, or mixed with them, and what support says",
    "leave_one_out": "support at K562 sizes: peaks without their source, a training step, memory",
    "confirmation": "peaks that a dataset the model never saw confirms, told from those it does not",
    "budget": "the article's Fig. 3: deep dimensions against 8 groups, told by the Q-score and by the truth",
    "dense": "memory and time a window with 300, 600, 900 and 1,200 sources on as many labels",
    "hela": "every stage of `atypeak-scale run` on all HeLa data, and its peak memory",
}

WITH_REFERENCE = ("hela", "k562")


def main() -> None:
    """Run one benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "list"])
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument(
        "--reference", type=Path, metavar="DIR", help="a checkout of the published program, to be timed too"
    )
    parser.add_argument(
        "--reference-command",
        metavar="COMMAND",
        help=f"run in that folder, for the same job ({', '.join(WITH_REFERENCE)}); its own README names it",
    )
    arguments = parser.parse_args()
    if bool(arguments.reference) != bool(arguments.reference_command):
        parser.error("--reference and --reference-command go together")
    if arguments.reference and arguments.name not in WITH_REFERENCE:
        parser.error(f"--reference is for {' and '.join(WITH_REFERENCE)}")
    if arguments.reference and not arguments.reference.is_dir():
        parser.error(f"{arguments.reference}: no such folder")
    if arguments.name == "list":
        for name, what in NAMES.items():
            print(f"{name:<16} {what}")
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.harness import against_reference, markdown, write_json

    rows = import_module(f"benchmarks.{arguments.name}").rows()
    if arguments.reference:
        rows.append(against_reference(rows, arguments.reference, arguments.reference_command))
    print(markdown(NAMES[arguments.name], rows))
    if arguments.json:
        write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
