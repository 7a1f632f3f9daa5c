"""Read bigBed files as BED lines, in a process of its own: a damaged file may end the process that reads it.

This file is also the program of that process, and so imports nothing of the package at its top.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def bed_of_bigbed(file: Path) -> Iterator[tuple[Path, int]]:
    """Yield a temporary BED file with the intervals of a bigBed file, and their number.

    Raises
    ------
    InputError
        If the file is damaged or no bigBed.

    """
    from atypeak_scale.errors import InputError

    with tempfile.TemporaryDirectory(prefix="atypeak-bigbed-") as folder:
        bed = Path(folder) / "peaks.bed"
        # -P: the modules beside this file are none of those that its imports mean.
        done = subprocess.run(
            [sys.executable, "-P", __file__, str(file), str(bed)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        told = done.stdout.strip()
        if done.returncode or not told.isdigit():
            problem = told.replace("\n", " ") or "no program can read it"
            raise InputError(f"{file}: is damaged or no bigBed ({problem})")
        yield bed, int(told)


def _write_bed(file: str, out: str) -> int:
    """Write the intervals of a bigBed file as BED lines; return their number."""
    import pybigtools

    rows = 0
    with pybigtools.open(file) as bigbed, Path(out).open("x", encoding="utf-8", newline="\n") as lines:
        for contig in bigbed.chroms():
            for row in bigbed.records(contig):
                lines.write("\t".join(map(str, (contig, *row))) + "\n")
                rows += 1
    return rows


if __name__ == "__main__":
    try:
        print(_write_bed(*sys.argv[1:]))
    except BaseException as problem:  # panics of the library are no Exception
        print(problem)
        sys.exit(1)
