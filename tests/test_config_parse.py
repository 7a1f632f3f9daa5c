"""Which settings are refused, and that one line says which one, what it is and what it may be."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.config import parse_config
from atypeak_scale.errors import InputError
from atypeak_scale.registry.variables import SCORE_VARIABLES, STORE_VARIABLES, with_views


def refused(values: Any) -> str:
    """Return the message with which these settings of a cell line are refused."""
    with pytest.raises(InputError) as failure:
        parse_config({"cell_line": "x", **values} if isinstance(values, dict) else values, "my.yaml")
    message = str(failure.value)
    assert message.startswith("my.yaml: ")
    assert len(message.splitlines()) == 1, message
    return message.removeprefix("my.yaml: ")


@pytest.mark.parametrize(
    "values, unknown, near",
    [
        ({"stoer": {}}, "stoer", "store"),
        ({"store": {"vews": ["a", "b"]}}, "store.vews", "views"),
        ({"training": {"learning_rat": 1}}, "training.learning_rat", "learning_rate"),
        ({"normalization": {"Sample": 1}}, "normalization.Sample", "sample"),
        ({"inputs": {"peak": "p.bed"}}, "inputs.peak", "peaks"),
    ],
)
def test_parse__unknown_key_names_the_nearest(values: dict[str, Any], unknown: str, near: str) -> None:
    message = refused(values)
    assert message.startswith(f"unknown setting {unknown!r}; the nearest known are ")
    assert near in message.split(" are ")[1].split(", ")


def test_parse__unknown_key_like_nothing_lists_the_known_ones() -> None:
    message = refused({"store": {"zzzz": 1}})
    assert message == (
        "unknown setting 'store.zzzz'; known are bin, frame, min_crm_peaks, rows_per_block, views, "
        "windows_per_chunk"
    )


def test_parse__missing_cell_line() -> None:
    with pytest.raises(InputError, match=r"^my\.yaml: the setting 'cell_line' is missing; add it$"):
        parse_config({"store": {}}, "my.yaml")


def test_parse__misspelt_cell_line_is_told() -> None:
    with pytest.raises(InputError, match=r"unknown setting 'cell_lin'; the nearest known are cell_line"):
        parse_config({"cell_lin": "x"}, "my.yaml")


@pytest.mark.parametrize(
    "values, location, found",
    [
        ({"cell_line": ""}, "cell_line", "''"),
        ({"cell_line": 7}, "cell_line", "7"),
        ({"store": {"frame": 0}}, "store.frame", "0"),
        ({"store": {"frame": 80 * 10**6}}, "store.frame", "80000000"),
        ({"store": {"bin": -10}}, "store.bin", "-10"),
        ({"store": {"min_crm_peaks": -1}}, "store.min_crm_peaks", "-1"),
        ({"store": {"windows_per_chunk": 0}}, "store.windows_per_chunk", "0"),
        ({"store": {"rows_per_block": 1.5}}, "store.rows_per_block", "1.5"),
        ({"store": {"views": ["a", "b", "c"]}}, "store.views", "['a', 'b', 'c']"),
        ({"store": None}, "store", "None"),
        ({"model": {"kernel_width": 3}}, "model.kernel_width", "3"),
        ({"model": {"filters": 0}}, "model.filters", "0"),
        ({"model": {"dropout": 1}}, "model.dropout", "1"),
        ({"model": {"l2": -1}}, "model.l2", "-1"),
        ({"training": {"seed": -1}}, "training.seed", "-1"),
        ({"training": {"seed": 2**31}}, "training.seed", str(2**31)),
        ({"training": {"learning_rate": 0}}, "training.learning_rate", "0"),
        ({"training": {"learning_rate": "fast"}}, "training.learning_rate", "'fast'"),
        ({"training": {"crumbs": float("nan")}}, "training.crumbs", "nan"),
        ({"training": {"patience": 0}}, "training.patience", "0"),
        ({"training": {"stop_at_loss": 0}}, "training.stop_at_loss", "0"),
        ({"training": {"source_weights": {"a.x": -1}}}, "training.source_weights.a.x", "-1"),
        ({"scoring": {"crumbs": -0.1}}, "scoring.crumbs", "-0.1"),
        ({"scoring": {"precision": "float16"}}, "scoring.precision", "'float16'"),
        ({"normalization": {"seed": -1}}, "normalization.seed", "-1"),
        ({"selection": {"top_trs": 0}}, "selection.top_trs", "0"),
        ({"selection": {"trs": "ctcf"}}, "selection.trs", "'ctcf'"),
    ],
)
def test_parse__out_of_range_names_setting_and_value(
    values: dict[str, Any], location: str, found: str
) -> None:
    message = refused(values)
    assert message.startswith(f"{location}: ")
    assert message.endswith(f"(found {found})")


@pytest.mark.parametrize("sample", [0, -1, 1.5, 0.0, "al", None])
def test_parse__sample_out_of_range(sample: Any) -> None:
    assert f"(found {sample!r})" in refused({"normalization": {"sample": sample}})


def test_parse__sample_out_of_range_says_all_that_it_may_be() -> None:
    message = refused({"normalization": {"sample": 0}})
    assert message.startswith("normalization.sample: ")
    assert "fraction" in message


@pytest.mark.parametrize("sample, kind", [("all", str), (1, int), (500, int), (0.5, float), (0.001, float)])
def test_parse__sample_is_a_number_a_fraction_or_all(sample: Any, kind: type) -> None:
    found = parse_config({"cell_line": "x", "normalization": {"sample": sample}}, "t").normalization.sample
    assert found == sample
    assert isinstance(found, kind)


RESERVED = [
    "window", "bin", "source", "contig", "crm", "peak", "catalogue_peak", "row", "rows",
    "score", "scores", "input", "version",  # with an s, facts of `info`
]  # fmt: skip


@pytest.mark.parametrize("name", RESERVED)
def test_parse__reserved_view_name(name: str) -> None:
    assert f"view name {name!r} must be" in refused({"store": {"views": ["a", name]}})


@pytest.mark.parametrize("name", ["", "A", "1a", "a b", "a-b", "a/b", "..", "ünï", "a\n"])
def test_parse__invalid_view_name(name: str) -> None:
    assert f"view name {name!r} must be lower-case letters" in refused({"store": {"views": [name, "b"]}})


def test_parse__equal_view_names() -> None:
    assert "the two views must have different names, but both are 'a'" in refused(
        {"store": {"views": ["a", "a"]}}
    )


def test_parse__one_view_name() -> None:
    assert refused({"store": {"views": ["a"]}}) == "the setting 'store.views.1' is missing; add it"


def test_parse__view_name_that_is_a_variable_or_an_exported_column() -> None:
    columns = ["name", "start", "end", "raw", "k_normalized", "final", "percentile", "other_sources"]
    variables = ["window_start", "catalogue_start", "crm_start", "peak_window", "view0", "view1"]
    statistics = ["of", "label", "other_tr", "correlation_tr", "jaccard_tr", "bp_tr", "peaks_tr", "mean_crm"]
    pairs = ["other_label", "both_peaks", "alone_median", "median_difference", "superiority", "cohens_d", "p"]
    for name in columns + variables + statistics + pairs:
        for views in ([name, "assay"], ["assay", name]):
            assert f"view name {name!r}" in refused({"store": {"views": views}})


def test_parse__accepted_view_names_give_distinct_variables() -> None:
    """Also if a name is a part of a variable's name, as `theta` of `theta_mean`."""
    accepted = 0
    for variables in (STORE_VARIABLES, SCORE_VARIABLES):
        words = [variable.name.split("_") for variable in variables]
        parts = {"_".join(w[i:j]) for w in words for i in range(len(w)) for j in range(i + 1, len(w) + 1)}
        for views in itertools.chain.from_iterable(((part, "x0"), ("x0", part)) for part in sorted(parts)):
            try:
                config = parse_config({"cell_line": "x", "store": {"views": views}}, "test")
            except InputError:
                continue
            accepted += 1
            names = [with_views(variable.name, config.store.views) for variable in variables]
            assert len(set(names)) == len(names), views
    assert accepted


def test_parse__view_weights_of_an_unknown_view() -> None:
    weights = {"training": {"view_weights": {"datase": {"a": 1}}}}
    assert refused(weights) == "training.view_weights names view 'datase', but the views are dataset, tr"


def test_parse__view_weights_follow_the_names_of_the_views() -> None:
    values = {"store": {"views": ["model", "variable"]}, "training": {"view_weights": {"model": {"a": 2}}}}
    config = parse_config({"cell_line": "x", **values}, "test")
    assert config.training.view_weights == {"model": {"a": 2.0}}
    values["training"] = {"view_weights": {"tr": {"a": 2}}}
    assert refused(values) == "training.view_weights names view 'tr', but the views are model, variable"


@pytest.mark.parametrize("frame, bin_", [(3205, 10), (5, 10), (3200, 7)])
def test_parse__frame_is_a_multiple_of_the_bin(frame: int, bin_: int) -> None:
    message = refused({"store": {"frame": frame, "bin": bin_}})
    assert f"frame ({frame} bp) must be a multiple of bin ({bin_} bp)" in message


@given(st.integers(1, 60), st.integers(1, 2000))
def test_check_frame__is_the_rule_of_the_method(kernel: int, bins: int) -> None:
    config = parse_config({"cell_line": "x", "model": {"kernel_width": max(kernel, 4)}}, "test")
    k = max(kernel, 4)
    if k % 4 == 0 and bins % (4 * k) == 0:
        config.model.check_frame(bins)
    else:
        with pytest.raises(InputError, match=rf"frame of {bins} bins .* kernel of {k} bins.*{4 * k} bins"):
            config.model.check_frame(bins)


@pytest.mark.parametrize(
    "values, found", [([], "list"), (None, "NoneType"), ("hela", "str"), (3, "int"), (["cell_line"], "list")]
)
def test_parse__not_a_mapping(values: Any, found: str) -> None:
    assert refused(values) == (
        f"expected a mapping of settings, found {found}; write 'cell_line: NAME' at least"
    )


@pytest.mark.parametrize(
    "values",
    [
        {"a\nb": 1},
        {"store": {"a\nb": 1}},
        {"training": {"patience": "a\nb"}},
        {"store": {"views": ["a\nb", "c"]}},
        {"training": {"view_weights": {"a\nb": {}}}},
        {1: 2},
        {None: 2},
        {"cell_line": ["a\nb"]},
    ],
)
def test_parse__message_is_one_line_whatever_the_settings_are(values: dict[Any, Any]) -> None:
    refused(values)


def test_parse__message_is_one_line_if_a_label_has_a_line_break() -> None:
    refused({"training": {"view_weights": {"dataset": {"a\nb": -1}}}})
