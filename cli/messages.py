"""Put the library's errors in the words of the command line: which option to set, which command to run.

The library names parameters and knows nothing of options. What a command says about missing scores is said
here.
"""

import shlex
from typing import TYPE_CHECKING

from atypeak_scale.errors import AtypeakError, StageMissingError

if TYPE_CHECKING:
    from atypeak_scale.scoring.scores import Scores

# What a parameter of the library is called on the command line. If an argument is missing here, the words of
# the message already fit the option.
OPTIONS = {
    "chrom_sizes": "--chrom-sizes",
    "cell_line": "--cell-line",
    "convention": "--convention",
    "crumbs": "--crumbs",
    "crms": "--crms",
    "distance": "--distance",
    "memory_limit": "--memory-limit",
    "min_crm_peaks": "--min-crm-peaks, or store.min_crm_peaks in the configuration",
    "min_peaks": "--min-peaks",
    "model": "--model",
    "peaks": "--peaks",
    "placements": "--placements",
    "results": "--results",
    "typical": "--typical",
    "work": "--work",
    "workdir": "--workdir",
    "workers": "--workers",
}


def explain(error: AtypeakError) -> str:
    """Return the message of an error as the command line shows it."""
    message = str(error)
    if isinstance(error, StageMissingError):
        # The message ends with a remedy that names a function; here it must name a command.
        found, _, _ = message.rpartition("; ")
        return f"{found or message}; {_other_scores(error)}run {_commands(error)} first"
    option = OPTIONS.get(error.argument or "")
    return f"{message} with {option}" if option else message


def _other_scores(error: StageMissingError) -> str:
    """Return how to ask for what there is with another number of placements; "" if there is nothing."""
    from atypeak_scale.scoring.scores import Scores

    others = error.scores.other_placements() if isinstance(error.scores, Scores) else []
    return f"add --placements {others[-1]}, or " if others else ""


def _commands(error: StageMissingError) -> str:
    """Return the command of a stage; if the results are not known yet, the commands of all missing stages."""
    from atypeak_scale.scoring.scores import Scores

    if isinstance(error.scores, Scores):
        return f"'atypeak-scale {error.stage} {arguments_of(error.scores)}'"
    stages = ("score", "normalize") if error.stage == "score" else (error.stage,)
    return " and ".join(f"'atypeak-scale {stage}'" for stage in stages)


def arguments_of(scores: "Scores") -> str:
    """Return the store and the options that name these scores, without those that are the model's default."""
    from atypeak_scale.store.cell_line import cell_lines

    store = scores.cell_line.store
    words = [str(store), "--model", str(scores.model)]
    if len(cell_lines(store)) > 1:
        words += ["--cell-line", scores.cell_line.name]
    if scores.crumbs != scores.config.scoring.crumbs:
        words += ["--crumbs", f"{scores.crumbs:g}"]
    if scores.precision != scores.config.scoring.precision:
        words += ["--precision", scores.precision]
    placements = scores.chance.placements
    if scores.objective == "support" and placements != scores.config.chance.placements:
        words += ["--placements", str(placements)]
    if scores.location != store:
        words += ["--results", str(scores.location)]
    return shlex.join(words)
