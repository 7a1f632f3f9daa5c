"""Where settings come from and go: the defaults, the bundled configurations, files read and written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.config import Config, bundled_configs, dump_config, load_config, parse_config, with_seed
from atypeak_scale.errors import InputError

# One line a number that the article gives, or docs/method.md if the article says nothing.
ARTICLE = {
    "store.views": ("dataset", "tr"),
    "store.frame": 3200,
    "store.bin": 10,
    "store.min_crm_peaks": 100,
    "model.kernel_width": 20,
    "model.dropout": 0.1,
    "model.l2": 2.5e-3,
    "training.crumbs": 0.1,
    "training.batch_windows": 48,
    "training.batches_per_epoch": 48,
    "training.max_epochs": 64,
    "training.min_delta": 2.5e-4,
    "training.patience": 5,
    "training.stop_at_loss": None,
    "training.view_weights": {},  # all weights are 1
    "training.source_weights": {},
    "scoring.crumbs": 0.0,
    "scoring.precision": "float32",
    "normalization.sample": 10_000,
    "selection.trs": None,
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
    assert (config.training.crumbs, config.training.batches_per_epoch) == (0.0, 10)


@pytest.mark.parametrize("name", ["cd34", "esc", "hela", "jurkat", "k562", "mcf7"])
def test_bundled__sources_are_sources(name: str) -> None:
    sources = load_config(name).selection.sources
    assert sources
    assert all(source.count(".") == 1 for source in sources)
    assert len(set(sources)) == len(sources)


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
        f"{name}: no such config file or bundled configuration; the nearest known are {near}"
    )


def test_load__a_folder_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no such config file or .*; known are artificial, artificial-overlapping"
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


def test_load__a_key_given_twice_is_refused(write: Callable[[str, str], Path]) -> None:
    file = write("c.yaml", "cell_line: x\ntraining: {seed: 5}\ntraining: {learning_rate: .01}\n")
    with pytest.raises(InputError, match=r"the key 'training' is given twice, again in line 3"):
        load_config(file)


def test_with_seed__is_checked_as_in_a_file() -> None:
    with pytest.raises(
        InputError, match=r"^seed: training.seed: .*less than 2147483648 \(found 1099511627776\)"
    ):
        with_seed(parse_config({"cell_line": "x"}, "t"), 2**40)
