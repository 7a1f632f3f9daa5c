"""Parts of the CRMs that are drawn by seed: folds for cross-fitting, and those kept out of training.

A part follows from the row of a CRM in its file, so all windows and peaks of a CRM are in the same part,
whoever asks, without a list of CRMs anywhere.
"""

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
# The finalizer of the generator SplitMix64: close numbers become unrelated ones.
_STEP, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def fold_of_crm(crm: IntArray, folds: int, seed: int) -> IntArray:
    """Return the fold of each CRM, from 0 to `folds` - 1: int64, like `crm`, which holds rows of the file."""
    return np.minimum((uniform_of_crm(crm, seed) * folds).astype(np.int64), folds - 1)


def is_kept_out(crm: IntArray, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Return whether each CRM is kept out of training for validation (method, section 9.2)."""
    # Another stream than that of the folds, so that the two are independent for the same seed.
    return uniform_of_crm(crm, seed, stream=1) < share


def half_of_crm(crm: IntArray) -> IntArray:
    """Return the half, 1 or 2, that each CRM is in: int64, like `crm`; the same for every model and seed."""
    return 1 + (uniform_of_crm(crm, seed=0, stream=2) >= 0.5).astype(np.int64)


def uniform_of_crm(crm: IntArray, seed: int, stream: int = 0) -> npt.NDArray[np.float64]:
    """Return a number in [0, 1) for each CRM; the same CRM, seed and stream give the same number."""
    start = np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0]
    with np.errstate(over="ignore"):
        mixed = (np.asarray(crm).astype(np.uint64) + np.uint64(1)) * _STEP + start
        for shift, factor in ((30, _FIRST), (27, _SECOND)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * factor
        mixed ^= mixed >> np.uint64(31)
    number: npt.NDArray[np.float64] = (mixed >> np.uint64(11)) / 2.0**53
    return number
