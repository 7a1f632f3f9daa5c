"""Which setting of a search to use: the smallest model that is as good as the best, as far as seeds tell."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from atypeak_scale.assess.quality.criteria import JUDGEMENTS, Judgement


@dataclass(frozen=True)
class Recommendation:
    """The setting to use, by configuration key, and why."""

    setting: dict[str, Any]
    reason: str


def summarize_search(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each setting: means over seeds, and the standard error of what was judged.

    Parameters
    ----------
    trials
        What `search` returned.

    Returns
    -------
    pandas.DataFrame
        Columns: the settings, seeds, loss, validation_loss (of support), epochs, parameters, seconds, and
        q_score and q_error, or power and power_error. Errors are NaN for a single seed.

    """
    keys, judgement = _keys(trials), _judgement(trials)
    # As text, because a value may be a list or a mapping.
    grouped = trials.groupby([trials[key].map(str) for key in keys], sort=False)
    columns = {key: grouped[key].first() for key in keys} | {"seeds": grouped["seed"].count()}
    columns |= {field.name: grouped[field.name].mean() for field in fields(judgement.trial)[1:]}
    columns[judgement.error] = grouped[judgement.measure].sem()
    return pd.DataFrame(columns).reset_index(drop=True)


def recommend(trials: pd.DataFrame) -> Recommendation:
    """Choose the setting with the fewest parameters that is the best, or hardly worse.

    The lowest Q-score is the best, or the highest power. "Hardly" means by no more than the standard error of
    the best, which is how much seeds differ. If settings have equally many parameters, the better one wins.

    Parameters
    ----------
    trials
        What `search` returned.

    Returns
    -------
    Recommendation
        The setting, and why.

    """
    keys, judgement = _keys(trials), _judgement(trials)
    measure, name = judgement.measure, judgement.name
    table = summarize_search(trials).astype(object)  # so that a row keeps whole numbers as they are
    table["worse"] = judgement.sign * table[measure]
    best = table.sort_values("worse", kind="stable").iloc[0]
    error = 0.0 if np.isnan(best[judgement.error]) else float(best[judgement.error])
    close = table[table["worse"] <= best["worse"] + error]
    chosen = close.sort_values(["parameters", "worse"], kind="stable").iloc[0]
    reason = f"its mean {name}, {chosen[measure]:.4g}, is the {judgement.best} of {len(table)}"
    if chosen.name != best.name:
        of_best = ", ".join(f"{key} {best[key]}" for key in keys)
        reason = (
            f"its mean {name}, {chosen[measure]:.4g}, is within a standard error ({error:.2g}) of the "
            f"{judgement.best}, {best[measure]:.4g} ({of_best}), with {chosen['parameters']:,.0f} parameters "
            f"instead of {best['parameters']:,.0f}"
        )
    return Recommendation({key: chosen[key] for key in keys}, reason)


def _keys(trials: pd.DataFrame) -> list[str]:
    """Return the settings that were searched, by configuration key."""
    return list(trials.columns[: trials.columns.get_loc("seed")])


def _judgement(trials: pd.DataFrame) -> Judgement:
    return JUDGEMENTS["power" if JUDGEMENTS["power"].measure in trials.columns else "q-score"]
