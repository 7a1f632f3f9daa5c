import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.config import Config, bundled_configs, dump_config, load_config, parse_config, with_seed
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.store import schema

# SPEC 2, 3, 4 and 5, one line a number that the article (or SPEC, where it says so) gives.
ARTICLE = {
    "store.views": ("dataset", "tr"),  # SPEC 1.4
    "store.frame": 3200,  # 2.1
    "store.bin": 10,  # 2.3
    "store.min_crm_peaks": 100,  # 1.2
    "model.kernel_width": 20,  # 3
    "model.dropout": 0.1,
    "model.l2": 2.5e-3,
    "training.crumbs": 0.1,  # 2.5
    "training.batch_windows": 48,  # 3.3
    "training.batches_per_epoch": 48,
    "training.max_epochs": 64,
    "training.min_delta": 2.5e-4,
    "training.patience": 5,
    "training.stop_at_loss": None,
    "training.view_weights": {},  # 3.2: all weights are 1
    "training.source_weights": {},
    "scoring.crumbs": 0.0,  # 4.3
    "scoring.precision": "float32",
    "normalization.sample": 10_000,  # 5.5
    "selection.trs": None,  # 1.3
    "selection.datasets": None,
    "selection.sources": None,
    "selection.top_trs": None,
    "inputs.peaks": None,
    "inputs.crms": None,
}


def at(config: Config, path: str) -> Any:
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name)
    return value


def refused(values: Any) -> str:
    """Return the message with which these settings of a cell line are refused."""
    with pytest.raises(InputError) as failure:
        parse_config({"cell_line": "x", **values} if isinstance(values, dict) else values, "my.yaml")
    message = str(failure.value)
    assert message.startswith("my.yaml: ")
    assert len(message.splitlines()) == 1, message
    return message.removeprefix("my.yaml: ")


@pytest.mark.parametrize("path", ARTICLE)
def test_defaults__are_the_articles(path: str) -> None:
    assert at(parse_config({"cell_line": "x"}, "test"), path) == ARTICLE[path]


def test_defaults__fit_each_other() -> None:
    config = parse_config({"cell_line": "x"}, "test")
    assert config.store.bins == 320
    config.model.check_frame(config.store.bins)


@pytest.mark.parametrize("name", ["artificial", "cd34", "esc", "hela", "jurkat", "k562", "mcf7"])
def test_bundled__loads_by_name_and_fits(name: str) -> None:
    config = load_config(name)
    assert config.cell_line == name
    config.model.check_frame(config.store.bins)
    assert config.inputs.peaks is None


def test_bundled__is_every_yaml_of_the_folder() -> None:
    folder = Path(__file__).parents[1] / "configs"
    assert sorted(bundled_configs()) == sorted(file.stem for file in folder.glob("*.yaml"))


def test_bundled__artificial_has_no_crumbs_and_ten_batches() -> None:
    config = load_config("artificial")
    assert (config.training.crumbs, config.training.batches_per_epoch) == (0.0, 10)  # SPEC 2.5, 3.3


@pytest.mark.parametrize("name", ["cd34", "esc", "hela", "jurkat", "k562", "mcf7"])
def test_bundled__sources_are_sources(name: str) -> None:
    sources = load_config(name).selection.sources
    assert sources
    assert all(source.count(".") == 1 for source in sources)
    assert len(set(sources)) == len(sources)


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
    assert "the two views must have different names, both are 'a'" in refused(
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
    """Also where a name is a part of a variable's name, as `theta` of `theta_mean`."""
    accepted = 0
    for variables in (schema.STORE_VARIABLES, schema.SCORE_VARIABLES):
        words = [variable.name.split("_") for variable in variables]
        parts = {"_".join(w[i:j]) for w in words for i in range(len(w)) for j in range(i + 1, len(w) + 1)}
        for views in itertools.chain.from_iterable(((part, "x0"), ("x0", part)) for part in sorted(parts)):
            try:
                config = parse_config({"cell_line": "x", "store": {"views": views}}, "test")
            except InputError:
                continue
            accepted += 1
            names = [schema.variable_name(variable, config.store.views) for variable in variables]
            assert len(set(names)) == len(names), views
    assert accepted


def test_parse__view_weights_of_an_unknown_view() -> None:
    weights = {"training": {"view_weights": {"datase": {"a": 1}}}}
    assert refused(weights) == "training.view_weights names view 'datase', the views are dataset, tr"


def test_parse__view_weights_follow_the_names_of_the_views() -> None:
    values = {"store": {"views": ["model", "variable"]}, "training": {"view_weights": {"model": {"a": 2}}}}
    config = parse_config({"cell_line": "x", **values}, "test")
    assert config.training.view_weights == {"model": {"a": 2.0}}
    values["training"] = {"view_weights": {"tr": {"a": 2}}}
    assert refused(values) == "training.view_weights names view 'tr', the views are model, variable"


@pytest.mark.parametrize("frame, bin_", [(3205, 10), (5, 10), (3200, 7)])
def test_parse__frame_is_a_multiple_of_the_bin(frame: int, bin_: int) -> None:
    message = refused({"store": {"frame": frame, "bin": bin_}})
    assert f"frame ({frame} bp) must be a multiple of bin ({bin_} bp)" in message


@given(st.integers(1, 60), st.integers(1, 2000))
def test_check_frame__is_the_rule_of_spec(kernel: int, bins: int) -> None:
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


def test_parse__message_is_one_line_where_a_label_has_a_line_break() -> None:
    refused({"training": {"view_weights": {"dataset": {"a\nb": -1}}}})


def test_load__relative_inputs_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    file = tmp_path / "deep" / "my.yaml"
    file.write_text("cell_line: x\ninputs:\n  peaks: ../data/p.bed.gz\n  crms: /elsewhere/c.bed\n")
    inputs = load_config(file).inputs
    assert inputs.peaks is not None
    assert inputs.peaks.resolve() == (tmp_path / "data" / "p.bed.gz").resolve()
    assert inputs.crms == Path("/elsewhere/c.bed")
    file.write_text("cell_line: x\ninputs: {crms: c.bed}\n")
    assert load_config(file).inputs.crms == tmp_path / "deep" / "c.bed"


def test_load__relative_inputs_do_not_depend_on_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.yaml").write_text("cell_line: x\ninputs: {peaks: p.bed}\n")
    (tmp_path / "p.bed").touch()
    monkeypatch.chdir(tmp_path)
    inputs = load_config("my.yaml").inputs
    assert inputs.peaks is not None
    assert inputs.peaks.is_file()
    monkeypatch.chdir("/")
    assert load_config(tmp_path / "my.yaml").inputs.peaks == tmp_path / "p.bed"


def test_load__a_file_wins_over_a_bundled_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config("hela").cell_line == "hela"
    (tmp_path / "hela").write_text("cell_line: mine\n")
    assert load_config("hela").cell_line == "mine"


@pytest.mark.parametrize("name, near", [("k56", "k562"), ("HELA", "hela"), ("jurkad", "jurkat")])
def test_load__unknown_bundled_name_gives_the_nearest(name: str, near: str) -> None:
    with pytest.raises(InputError) as failure:
        load_config(name)
    assert str(failure.value) == (
        f"{name}: no such config file, nor a bundled configuration; the nearest known are {near}"
    )


def test_load__a_folder_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no such config file, nor .*; known are artificial, artificial-overlapping"
    ):
        load_config(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["cell_line: [x\n", "a: b: c\n", "\tcell_line: x\n", "a\x00b", "{", "- a\n b: *none\n", "!x y: z\n"],
)
def test_load__not_yaml(write: Callable[[str, str], Path], text: str) -> None:
    file = write("bad.yaml", text)
    with pytest.raises(InputError, match=r"bad\.yaml: not a YAML file: ") as failure:
        load_config(file)
    assert len(str(failure.value).splitlines()) == 1


def test_load__not_text(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"cell_line: \xff\xfe\n")
    with pytest.raises(InputError, match=r"bad\.yaml: not a YAML file: "):
        load_config(tmp_path / "bad.yaml")


@pytest.mark.parametrize("text, found", [("- hela\n- k562\n", "list"), ("", "NoneType"), ("hela\n", "str")])
def test_load__yaml_that_is_no_mapping(write: Callable[[str, str], Path], text: str, found: str) -> None:
    with pytest.raises(InputError, match=rf"c\.yaml: expected a mapping of settings, found {found}; write"):
        load_config(write("c.yaml", text))


def test_load__yaml_floats_without_a_dot(write: Callable[[str, str], Path]) -> None:
    """YAML 1.1 takes 1e-4 for text; the schema takes it for a number."""
    config = load_config(write("c.yaml", "cell_line: x\ntraining: {learning_rate: 1e-4}\n"))
    assert config.training.learning_rate == 1e-4


labels = st.text("abcXYZ019-+_ üé.", min_size=1, max_size=8)
weights = st.floats(0, 1e6, allow_nan=False)


@st.composite
def settings(draw: st.DrawFn) -> dict[str, Any]:
    bin_ = draw(st.integers(1, 50))
    return {
        "cell_line": draw(st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())),
        "selection": {
            "trs": draw(st.none() | st.lists(labels, max_size=3)),
            "sources": draw(st.none() | st.lists(labels, max_size=3)),
            "top_trs": draw(st.none() | st.integers(1, 99)),
        },
        "store": {
            "views": draw(st.sampled_from([("dataset", "tr"), ("model", "variable")])),
            "frame": bin_ * draw(st.integers(1, 500)),
            "bin": bin_,
            "min_crm_peaks": draw(st.integers(0, 1000)),
        },
        "model": {"dropout": draw(st.floats(0, 0.99)), "filters": draw(st.integers(1, 64))},
        "training": {
            "seed": draw(st.integers(0, 2**31 - 1)),
            "learning_rate": draw(st.floats(1e-9, 1)),
            "crumbs": draw(st.floats(0, 1)),
            "stop_at_loss": draw(st.none() | st.floats(1e-9, 1)),
            "source_weights": draw(st.dictionaries(labels, weights, max_size=3)),
        },
        "normalization": {
            "sample": draw(
                st.just("all")
                | st.integers(1, 10**9)
                | st.floats(0, 1, exclude_min=True, exclude_max=True, allow_subnormal=False)
            )
        },
    }  # fmt: skip


@given(settings())
def test_dump__load_reads_it_back(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    config = parse_config(values, "test")
    file = tmp_path_factory.getbasetemp() / "dumped.yaml"
    file.write_text(dump_config(config), encoding="utf-8")
    back = load_config(file)
    assert back == config
    assert type(back.normalization.sample) is type(config.normalization.sample)
    for section, given_values in values.items():
        for name, value in given_values.items() if isinstance(given_values, dict) else ():
            found = getattr(getattr(back, section), name)
            assert found == (tuple(value) if isinstance(value, list) else value)


def test_dump__spells_every_setting_but_the_inputs() -> None:
    spelled = yaml.safe_load(dump_config(load_config("hela")))
    assert set(spelled) == set(Config.model_fields) - {"inputs"}
    for section in set(spelled) - {"cell_line"}:
        assert set(spelled[section]) == set(type(getattr(load_config("hela"), section)).model_fields)


def test_config__is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_config("hela").store.frame = 100  # type: ignore[misc]


def test_with_seed__changes_the_training_seed_only() -> None:
    config = load_config("hela")
    assert with_seed(config, None) is config
    other = with_seed(config, 7)
    assert other.training.seed == 7
    assert with_seed(other, config.training.seed) == config


def test_nearest__no_known_name() -> None:
    assert nearest("x", []) == "none is known"


def test_nearest__many_names_are_cut() -> None:
    text = nearest("q", [f"name{i:02}" for i in range(12)])
    assert text.startswith("known are name00, ")
    assert text.endswith("name09, ...")


def test_load__a_key_given_twice_is_refused(write: Callable[[str, str], Path]) -> None:
    file = write("c.yaml", "cell_line: x\ntraining: {seed: 5}\ntraining: {learning_rate: .01}\n")
    with pytest.raises(InputError, match=r"the key 'training' is given twice, again in line 3"):
        load_config(file)


def test_with_seed__is_checked_as_in_a_file() -> None:
    with pytest.raises(
        InputError, match=r"--seed: training.seed: .*less than 2147483648 \(found 1099511627776\)"
    ):
        with_seed(parse_config({"cell_line": "x"}, "t"), 2**40)
