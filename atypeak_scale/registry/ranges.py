"""Between which numbers a column can lie, by its name, wherever it stands."""

Range = tuple[float | None, float | None]

_SHARES = """p p_adjusted p_random p_from p_to pos_p neg_p typical_p q_random doubt median_doubt trust_mean
    trust_max share_random share_below share_doubted share power auroc average_precision equal_counts
    superiority jaccard mean_occupancy correlated pos neg kept observed present overlaps"""
_SIGNED = "correlation spearman typical_spearman silhouette over_counts"
_NOT_NEGATIVE = """start end crm crm_start crm_end other_sources overlapping_sources peaks new_peaks
    unjudged_peaks crms bp bin sampled_windows count typical_count both_peaks alone_peaks noise_peaks
    stack_peaks sources placements pairs parameters epochs seconds seed view1s ratio raw spread support_spread
    share_random_error sd trust_sum contribution squares mann_whitney_u rows crm_peaks_from crm_peaks_to
    others_of_label weight"""
RANGES: dict[str, Range] = {
    **dict.fromkeys(_SHARES.split(), (0, 1)),
    **dict.fromkeys(_SIGNED.split(), (-1, 1)),
    **dict.fromkeys(_NOT_NEGATIVE.split(), (0, None)),
    **dict.fromkeys(("rank", "trust_rank", "epoch"), (1, None)),
    "percentile": (0, 100),
    "score": (0, 1000),  # of BED files; in other tables it is text
}


def range_of(name: str) -> Range | None:
    """Return the least and the greatest value of a column, None where it has none of both.

    The ends of an interval lie where its figure does.
    """
    return RANGES.get(name) or RANGES.get(name.removesuffix("_low").removesuffix("_high"))


def range_text(name: str, is_text: bool) -> str:
    """Return the range as words; nothing for text and for what may be any number."""
    found = None if is_text else range_of(name)
    if found is None:
        return ""
    low, high = found
    if high is None:
        return f"{low:g} or more"
    return f"{low:g} to {high:g}"
