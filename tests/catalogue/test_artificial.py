"""The artificial catalogue: its files, its settings, and its distributions against loops."""

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from atypeak_scale.catalogue import artificial
from atypeak_scale.catalogue.artificial import CELL_LINE, ArtificialFiles, ArtificialSettings, simulate
from atypeak_scale.catalogue.bed import BedReader
from atypeak_scale.catalogue.names import split_name
from atypeak_scale.catalogue.windows import read_windows
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event

FILES = ("peaks.bed", "crms.bed", "truth.tsv")
STANDARD_ERRORS = 5


def read_crms(files: ArtificialFiles) -> pd.DataFrame:
    return pd.read_csv(files.crms, sep="\t", names=["contig", "start", "end", "name", "peaks"])


def read_truth(files: ArtificialFiles) -> pd.DataFrame:
    """Return the truth with the row of each peak's CRM and the indices of its source."""
    truth = pd.read_csv(files.truth, sep="\t")
    crms = read_crms(files)
    contigs = {contig: number for number, contig in enumerate(dict.fromkeys(crms["contig"]))}
    scale = 10**12
    starts = crms["contig"].map(contigs) * scale + crms["start"]
    truth["crm"] = np.searchsorted(starts, truth["contig"].map(contigs) * scale + truth["start"], "right") - 1
    truth["left"] = truth["start"].to_numpy() - crms["start"].to_numpy()[truth["crm"]]
    truth["right"] = truth["end"].to_numpy() - crms["start"].to_numpy()[truth["crm"]]
    parts = truth["name"].str.extract(r"^dataset(\d+)\.tr(\d+)\.artificial$").astype(int)
    truth["dataset"], truth["tr"] = parts[0], parts[1]
    return truth


def simulated(folder: Path, **values: Any) -> pd.DataFrame:
    return read_truth(simulate(ArtificialSettings(**values), folder / "out"))


def assert_mean(values: Any, expected: float) -> None:
    values = np.asarray(values, float)
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - expected) < STANDARD_ERRORS * error


def per_crm(counted: pd.DataFrame, crms: int) -> np.ndarray:
    return np.bincount(counted["crm"], minlength=crms)


def truncated_mean(most: int) -> float:
    """Return the mean of min(1 + Poisson(1), most)."""
    return sum(min(1 + k, most) * math.exp(-1) / math.factorial(k) for k in range(30))


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return simulated(tmp_path_factory.mktemp("default"), crms=4000)


@pytest.fixture(scope="module")
def undropped(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("undropped")
    return simulated(folder, crms=4000, false_negative_probability=0, seed=2)


@st.composite
def some_settings(draw: st.DrawFn) -> ArtificialSettings:
    rule, groups = draw(
        st.sampled_from(
            [("halves", None), ("overlapping", None), ("equal", 1), ("equal", 3), ("fours", 1), ("fours", 3)]
        )
    )
    count = groups or 2
    datasets = draw(st.integers(1, 12))
    crm_length = draw(st.integers(1, 5000))
    return ArtificialSettings(
        crms=draw(st.integers(1, 60)),
        datasets=datasets,
        trs=12,
        seed=draw(st.integers(0, 2**70)),
        crm_length=crm_length,
        watermark_probability=draw(st.floats(0, 1)),
        group_rule=rule,
        groups=groups,
        odds=draw(st.none() | st.tuples(*[st.floats(0.001, 1e6)] * count)),
        reliable_datasets=draw(st.none() | st.integers(1, datasets)),
        stack_rate=draw(st.floats(0, 3)),
        false_negative_probability=draw(st.floats(0, 1)),
        jitter=draw(st.integers(0, crm_length)),
        length_median=draw(st.integers(1, 10_000)),
        length_sigma=draw(st.floats(0, 1e4)),
        noise_rate=draw(st.floats(0, 5)),
    )


@settings(max_examples=60, deadline=None)
@given(some_settings())
def test_simulate__any_settings(tmp_path_factory: pytest.TempPathFactory, chosen: ArtificialSettings) -> None:
    files = simulate(chosen, tmp_path_factory.mktemp("any") / "out")
    crms, truth = read_crms(files), read_truth(files)
    assert len(crms) == files.crm_count == chosen.crms
    assert set(crms["end"] - crms["start"]) == {chosen.crm_length}
    assert (crms["start"].to_numpy()[1:] > crms["end"].to_numpy()[:-1]).all()
    assert (truth["left"] >= 0).all()
    assert (truth["left"] < truth["right"]).all()
    assert (truth["right"] <= chosen.crm_length).all()
    assert per_crm(truth, chosen.crms).tolist() == crms["peaks"].tolist()
    kinds = truth["kind"].value_counts()
    counted = {"watermark": files.watermark_count, "stack": files.stack_count, "noise": files.noise_count}
    assert {kind: kinds.get(kind, 0) for kind in counted} == counted
    order = list(zip(truth["crm"], truth["start"], truth["end"], strict=True))
    assert order == sorted(order)

    stack = truth[truth["kind"] == "stack"]
    assert (truth["group"][truth["kind"] != "stack"] == -1).all()
    assert all(tr in chosen.tr_groups[group] for tr, group in zip(stack["tr"], stack["group"], strict=True))
    assert set(stack["dataset"]) <= set(chosen.reliable)
    assert (stack.groupby("crm")["group"].nunique() == 1).all()
    noise = truth[truth["kind"] == "noise"]
    assert ((noise["dataset"] > 0) | (noise["tr"] > 0)).all()
    assert noise["dataset"].max() < chosen.datasets
    assert noise["tr"].max() < chosen.trs


def test_simulate__truth_is_peaks_line_by_line(tmp_path: Path) -> None:
    files = simulate(ArtificialSettings(crms=300), tmp_path / "out")
    peaks = [line.split("\t") for line in files.peaks.read_text().splitlines()]
    header, *truth = [line.split("\t") for line in files.truth.read_text().splitlines()]
    assert header == ["contig", "start", "end", "name", "kind", "group"]
    assert [row[:4] for row in peaks] == [row[:4] for row in truth]
    assert {tuple(row[4:]) for row in peaks} == {("0", ".")}
    assert {row[4] for row in truth} == {"watermark", "stack", "noise"}


def test_simulate__readers_of_real_data_read_it(tmp_path: Path) -> None:
    files = simulate(ArtificialSettings(crms=50, datasets=101, trs=4), tmp_path / "out")
    windows, _ = read_windows(files.crms, 3200, 1)
    assert len(windows) == 50
    names = [name.decode() for block in BedReader(files.peaks, 4) for name in block.columns[0].texts()]
    assert {split_name(name)[1] for name in names} == {CELL_LINE}
    datasets = {split_name(name)[0][0] for name in names}
    assert sorted(datasets) == sorted(datasets, key=lambda dataset: int(dataset.removeprefix("dataset")))
    assert {len(dataset) for dataset in datasets} == {len("dataset000")}


def test_simulate__same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        simulate(ArtificialSettings(crms=200, seed=seed), tmp_path / name)
    for file in FILES:
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b
        assert a != c


def test_simulate__chunks_and_contigs_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artificial, "CRMS_PER_CHUNK", 64)
    monkeypatch.setattr(artificial, "CRMS_PER_CONTIG", 300)
    events: list[Event] = []
    files = simulate(ArtificialSettings(crms=1000), tmp_path / "out", InProcess(events.append))
    assert [event.done for event in events] == [*range(0, 1000, 64), 1000]
    assert {(event.stage, event.total) for event in events} == {("simulate", 1000)}
    crms = read_crms(files)
    assert crms["contig"].tolist() == [f"chr{1 + row // 300}" for row in range(1000)]
    within = crms["contig"].to_numpy()[1:] == crms["contig"].to_numpy()[:-1]
    assert set(crms["start"].to_numpy()[1:][within] - crms["end"].to_numpy()[:-1][within]) == {artificial.GAP}
    truth = read_truth(files)
    assert per_crm(truth, 1000).tolist() == crms["peaks"].tolist()
    assert truth["crm"].is_monotonic_increasing
    noise = per_crm(truth[truth["kind"] == "noise"], 1000)
    assert_mean(noise, 2)
    chunks = [tuple(noise[first : first + 64]) for first in range(0, 960, 64)]
    assert len(set(chunks)) == len(chunks)


def test_simulate__more_crms_begin_with_the_same_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artificial, "CRMS_PER_CHUNK", 50)
    few = simulate(ArtificialSettings(crms=100), tmp_path / "few")
    many = simulate(ArtificialSettings(crms=170), tmp_path / "many")
    assert many.truth.read_bytes().startswith(few.truth.read_bytes())


def test_simulate__high_rates_shorten_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artificial, "PEAKS_PER_CHUNK", 1000)
    events: list[Event] = []
    simulate(
        ArtificialSettings(crms=10, stack_rate=9, noise_rate=98), tmp_path / "out", InProcess(events.append)
    )
    assert [event.done for event in events] == [0, 2, 4, 6, 8, 10]


def test_simulate__existing_folder_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="exists; remove it or name another folder"):
        simulate(ArtificialSettings(), tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["out"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
def test_simulate__failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]
) -> None:
    monkeypatch.setattr(artificial, "CRMS_PER_CHUNK", 10)

    def stop(event: Event) -> None:
        assert not (tmp_path / "out").exists()
        if event.done == 30:
            raise failure

    with pytest.raises(failure):
        simulate(ArtificialSettings(crms=50), tmp_path / "out", InProcess(stop))
    assert not list(tmp_path.iterdir())


def test_simulate__others_may_read_it(tmp_path: Path) -> None:
    (tmp_path / "made by mkdir").mkdir()
    simulate(ArtificialSettings(crms=1), tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "made by mkdir").stat().st_mode


def test_watermark__whole_crm_of_one_source(default: pd.DataFrame) -> None:
    watermark = default[default["kind"] == "watermark"]
    assert set(watermark["name"]) == {"dataset00.tr00.artificial"}
    assert set(watermark["left"]) == {0}
    assert set(watermark["right"]) == {3200}
    counts = per_crm(watermark, 4000)
    assert set(counts) == {0, 1}
    assert_mean(counts, 0.75)
    others = default[default["kind"] != "watermark"]
    assert "dataset00.tr00.artificial" not in set(others["name"])


def test_noise__one_plus_poisson_of_any_other_source(default: pd.DataFrame) -> None:
    noise = default[default["kind"] == "noise"]
    counts = per_crm(noise, 4000)
    assert counts.min() == 1
    assert_mean(counts, 2)
    assert_mean(counts == 1, math.exp(-1))
    per_source = noise["name"].value_counts()
    assert len(per_source) == 63
    assert stats.chisquare(per_source).pvalue > 1e-6
    middle = (noise["left"] + noise["right"])[(noise["left"] > 0) & (noise["right"] < 3200)] / 2
    assert_mean(middle, 1600)
    assert_mean(noise["left"] < 1600 - 250, 0.5)


def test_noise__length_on_both_sides_of_the_centre(default: pd.DataFrame) -> None:
    # Clipping is the likelier the longer the peak: only peaks in the middle are sure to be whole.
    noise = default[default["kind"] == "noise"]
    middle = (noise["left"] + noise["right"]) / 2
    width = (noise["right"] - noise["left"])[(middle > 1000) & (middle < 2200)]
    assert_mean(np.log(width / 2), math.log(250))
    assert np.log(width / 2).std() == pytest.approx(0.25, rel=0.1)


def test_stack__same_peaks_in_every_dataset(undropped: pd.DataFrame) -> None:
    stack = undropped[undropped["kind"] == "stack"]
    datasets = stack.groupby("crm")["dataset"].agg(frozenset)
    assert len(datasets) == 4000
    per_peak = stack.groupby(["crm", "left", "right", "tr"])["dataset"].agg([frozenset, "size"]).reset_index()
    assert (per_peak["frozenset"] == per_peak["crm"].map(datasets)).all()
    sizes = datasets.map(len)
    assert_mean(sizes, truncated_mean(4))
    assert_mean(sizes == 1, math.exp(-1))
    assert set(stack["dataset"]) == {4, 5, 6, 7}
    assert stats.chisquare(np.bincount(np.concatenate(datasets.map(list)))[4:]).pvalue > 1e-6
    assert_mean(per_crm(per_peak, 4000), 4)  # (1 + Poisson) rounds of 1 + Poisson TRs
    assert_mean(per_crm(stack, 4000), 4 * truncated_mean(4))


def test_stack__false_negatives(default: pd.DataFrame) -> None:
    stack = default[default["kind"] == "stack"]
    assert_mean(per_crm(stack, 4000), 0.75 * 4 * truncated_mean(4))


def test_stack__all_dropped_leaves_crm_without_peaks(tmp_path: Path) -> None:
    files = simulate(
        ArtificialSettings(crms=300, false_negative_probability=1, watermark_probability=0), tmp_path / "out"
    )
    assert files.stack_count == files.watermark_count == 0
    assert read_crms(files)["peaks"].min() == 1  # noise is never dropped
    assert set(read_truth(files)["kind"]) == {"noise"}


def test_stack__one_centre_a_crm(tmp_path: Path) -> None:
    truth = simulated(tmp_path, crms=500, jitter=0, length_sigma=0)
    stack = truth[truth["kind"] == "stack"].groupby("crm")
    assert (stack[["left", "right"]].nunique() == 1).all(axis=None)
    whole = stack.first().query("left > 0 and right < 3200")
    assert (whole["right"] - whole["left"] - 500).abs().max() <= 1


def test_stack__centre_is_uniform(tmp_path: Path) -> None:
    truth = simulated(tmp_path, crms=6000, jitter=0, length_median=1, length_sigma=0)
    left = truth[truth["kind"] == "stack"].groupby("crm")["left"].first().to_numpy()
    assert stats.kstest(left, "uniform", (0, 3200)).pvalue > 1e-6


def test_stack__jitter_is_uniform(tmp_path: Path) -> None:
    truth = simulated(tmp_path, crms=3000, length_sigma=0, length_median=100, reliable_datasets=1)
    stack = truth.query("kind == 'stack' and left > 0 and right < 3200")
    centre = (stack["left"] + stack["right"]).groupby(stack["crm"]).agg(["min", "max"]) / 2
    spread = centre["max"] - centre["min"]
    assert 350 < spread.max() <= 401
    pairs = stack.groupby("crm").filter(lambda rows: len(rows) == 2).groupby("crm")["left"]
    assert_mean((pairs.max() - pairs.min()), 400 / 3)


def test_stack__moved_out_of_crm_keeps_one_bp(tmp_path: Path) -> None:
    truth = simulated(tmp_path, crms=500, crm_length=1000, jitter=1000, length_median=1, length_sigma=0)
    outermost = truth[(truth["right"] == 1) | (truth["left"] == 999)]
    assert len(outermost) > 500
    assert set(truth["right"] - truth["left"]) <= {1, 2, 1000}


@pytest.mark.parametrize(
    "values, expected",
    [
        ({}, [{0, 1, 2, 3}, {4, 5, 6, 7}]),
        ({"group_rule": "equal", "groups": 4}, [{0, 1}, {2, 3}, {4, 5}, {6, 7}]),
        ({"group_rule": "equal", "groups": 1, "trs": 3}, [{0, 1, 2}]),
        ({"group_rule": "fours", "groups": 2, "trs": 11}, [{0, 1, 2, 3}, {4, 5, 6, 7}]),
        ({"group_rule": "overlapping"}, [{0, 1, 2, 3}, {0, 1, 2, 3, 4, 5, 6, 7}]),
    ],
)
def test_groups__each_rule(tmp_path: Path, values: dict[str, Any], expected: list[set[int]]) -> None:
    truth = simulated(tmp_path, crms=1500, **values)
    stack = truth[truth["kind"] == "stack"]
    assert [set(trs) for _, trs in stack.groupby("group")["tr"]] == expected
    group = stack.groupby("crm")["group"].first()
    for index, trs in enumerate(expected):
        assert len(expected) == 1 or abs((group == index).mean() - 1 / len(expected)) < 0.07
        # In one dataset a TR drawn is one peak: nearly independent draws.
        of_group = stack[(stack["group"] == index) & (stack["dataset"] == 7)]["tr"].value_counts(True)
        assert of_group.max() - of_group.min() < 0.6 / len(trs)


def test_groups__odds(tmp_path: Path) -> None:
    truth = simulated(tmp_path, crms=3000, group_rule="equal", groups=4, odds=(1, 2, 0, 5))
    group = truth[truth["kind"] == "stack"].groupby("crm")["group"].first()
    for index, share in enumerate((1 / 8, 2 / 8, 0, 5 / 8)):
        assert (group == index).mean() == pytest.approx(share, abs=0.05)
    assert 2 not in set(group)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"trs": 7}, "group_rule 'halves' needs an even number of trs, found 7"),
        ({"trs": 7, "group_rule": "overlapping"}, "'overlapping' needs an even number of trs, found 7"),
        ({"groups": 2}, "'halves' makes two groups; leave out groups (2)"),
        ({"group_rule": "equal"}, "group_rule 'equal' needs groups"),
        ({"group_rule": "equal", "groups": 3}, "trs (8) cannot be divided into 3 equal groups"),
        ({"group_rule": "equal", "groups": 10**15}, "cannot be divided"),
        ({"group_rule": "fours", "groups": 3}, "3 groups of 4 need 12 trs, found 8"),
        ({"odds": (1, 2, 3)}, "odds must be one number for each group: 2, found 3"),
        ({"odds": ()}, "odds must be one number for each group: 2, found 0"),
        ({"odds": (0, 0)}, "odds must have a finite sum, greater than 0"),
        ({"odds": (1e308, 1e308)}, "odds must have a finite sum, greater than 0"),
        ({"odds": (1, math.nan)}, "finite number"),
        ({"odds": (1, -1)}, "greater than or equal to 0"),
        ({"reliable_datasets": 9}, "reliable_datasets (9) must be at most datasets (8)"),
        ({"datasets": 1, "trs": 1}, "datasets (1) times trs (1) must be from 2"),
        ({"datasets": 1001, "trs": 1000}, "to 1,000,000"),
        ({"jitter": 3201}, "jitter (3201 bp) must be at most crm_length (3200 bp)"),
        ({"noise_rate": math.nan}, "finite number"),
        ({"noize_rate": 1}, "Extra inputs are not permitted"),
    ],
)
def test_settings__refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        ArtificialSettings(**values)


@pytest.mark.parametrize(
    "values, reliable",
    [
        ({}, [4, 5, 6, 7]),
        ({"datasets": 5}, [2, 3, 4]),
        ({"datasets": 1}, [0]),
        ({"reliable_datasets": 2}, [6, 7]),
    ],
)
def test_settings__reliable_datasets_are_the_last(values: dict[str, Any], reliable: list[int]) -> None:
    assert list(ArtificialSettings(**values).reliable) == reliable


def test_draw_without_replacement__every_subset_equally_likely() -> None:
    rng = np.random.default_rng(3)
    counts = np.tile([1, 2, 3, 4], 6000)
    chosen = artificial._draw_without_replacement(rng, counts, 4)
    for count in (1, 2, 3, 4):
        rows = np.sort(chosen[counts == count, :count], axis=1)
        subsets, frequency = np.unique(rows, axis=0, return_counts=True)
        assert [tuple(subset) for subset in subsets] == list(itertools.combinations(range(4), count))
        assert len(frequency) == 1 or stats.chisquare(frequency).pvalue > 1e-6


def peaks_by_loops(rng: np.random.Generator) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield (kind, dataset, TR, start, end) of one CRM by default settings, as method, section 8, reads."""
    if rng.random() < 0.75:
        yield "watermark", 0, 0, 0, 3200

    def peak(kind: str, dataset: int, tr: int, centre: float, length: float) -> Any:
        start = max(0, round(centre - length))
        end = min(3200, round(centre + length))
        return kind, dataset, tr, min(start, 3199), max(end, 1)

    def draw_length() -> float:
        return 250 * math.exp(0.25 * rng.standard_normal())

    group = [0, 1, 2, 3] if rng.random() < 0.5 else [4, 5, 6, 7]
    centre = 3200 * rng.random()
    count = min(4, 1 + int(rng.poisson(1)))
    datasets = list(rng.permutation([4, 5, 6, 7]))[:count]
    for _ in range(1 + int(rng.poisson(1))):
        for _ in range(1 + int(rng.poisson(1))):
            tr = group[int(4 * rng.random())]
            moved = centre + 400 * rng.random() - 200
            length = draw_length()
            for dataset in datasets:
                if rng.random() >= 0.25:
                    yield peak("stack", dataset, tr, moved, length)
    for _ in range(1 + int(rng.poisson(1))):
        source = 1 + int(63 * rng.random())
        yield peak("noise", source // 8, source % 8, 3200 * rng.random(), draw_length())


def test_simulate__distributed_as_written_in_loops(default: pd.DataFrame) -> None:
    rng = np.random.default_rng(11)
    rows = [(crm, *peak) for crm in range(4000) for peak in peaks_by_loops(rng)]
    loops = pd.DataFrame(rows, columns=["crm", "kind", "dataset", "tr", "left", "right"])

    def statistics(truth: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
        """Yield one number a CRM: CRMs are independent, the peaks in them are not."""
        for kind, peaks in [("all", truth), *truth.groupby("kind")]:
            width = peaks["right"] - peaks["left"]
            counts = per_crm(peaks, 4000)
            yield f"{kind} peaks", counts
            yield f"{kind} peaks squared", counts**2
            yield f"{kind} bp", np.bincount(peaks["crm"], width, minlength=4000)
            yield f"{kind} widths squared", np.bincount(peaks["crm"], width**2, minlength=4000)
            yield f"{kind} starts", np.bincount(peaks["crm"], peaks["left"], minlength=4000)
            yield f"{kind} at a border", per_crm(peaks[(peaks["left"] == 0) | (peaks["right"] == 3200)], 4000)
            yield f"{kind} extents", per_crm(peaks.drop_duplicates(["crm", "left", "right"]), 4000)
            yield f"{kind} sources", per_crm(peaks.drop_duplicates(["crm", "dataset", "tr"]), 4000)
            yield f"{kind} TRs", per_crm(peaks.drop_duplicates(["crm", "tr"]), 4000)
            yield f"{kind} datasets", per_crm(peaks.drop_duplicates(["crm", "dataset"]), 4000)

    for (name, here), (_, there) in zip(statistics(default), statistics(loops), strict=True):
        error = math.sqrt((here.var() + there.var()) / 4000)
        assert abs(here.mean() - there.mean()) <= STANDARD_ERRORS * error, name
    for kind in ("stack", "noise"):
        # The first peak of each CRM: peaks of one stack are not independent.
        widths = []
        for truth in (default, loops.sort_values(["crm", "left", "right"])):
            first = truth[truth["kind"] == kind].groupby("crm").first()
            widths.append((first["right"] - first["left"]).to_numpy())
        assert stats.ks_2samp(widths[0], widths[1]).pvalue > 1e-6
