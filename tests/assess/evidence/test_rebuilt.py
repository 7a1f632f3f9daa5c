"""Rebuilt values by kind of peak, compared with loops over windows, cells and bins."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from assess.evidence.artificial_by_hand import DATASETS, TRS, Artificial, kinds_of_peaks

from atypeak_scale.assess.evidence.rebuilt import VALUE_STEP, rebuilt_by_kind, summarize_rebuilt
from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.files import load_model
from atypeak_scale.registry.columns import REBUILT
from atypeak_scale.registry.variables import REBUILT_SCORE

Case = tuple[str, str, str, int]


def brute_force(made: Artificial) -> dict[Case, list[float]]:
    """Return the rebuilt values of each (kind, place, group, related), window by window, cell by cell."""
    data = made.scores.cell_line
    tensor, arrays = data.tensor, data.data.load()
    model = load_model(made.scores.model)
    datasets, trs = (list(labels) for labels in model.labels)
    X = tensor.sel(dataset=datasets, tr=trs).values.astype(np.float32)
    h = model.network(X, training=False).numpy()
    known = kinds_of_peaks(made)
    contigs = arrays["contig"].values

    def kind_of(row: int) -> tuple[str, int, str, str]:
        peak = int(arrays["peak_catalogue"][row])
        source = int(arrays["peak_source"][row])
        dataset = str(arrays["dataset"].values[int(arrays["source_dataset"][source])])
        tr = str(arrays["tr"].values[int(arrays["source_tr"][source])])
        contig = contigs[int(arrays["catalogue_contig"][peak])]
        place = int(arrays["catalogue_start"][peak]), int(arrays["catalogue_end"][peak])
        return (*known[(contig, *place, dataset, tr)], dataset, tr)

    rows = [kind_of(row) for row in range(arrays.sizes["peak"])]
    crm = arrays["crm"].values
    window_of_row = arrays["peak_window"].values
    group_of_crm = {crm[window_of_row[row]]: group for row, (_, group, _, _) in enumerate(rows) if group >= 0}

    def case(window: int, kind: str, dataset: str, tr: str, related: int) -> Case:
        is_watermark = (dataset, tr) == ("dataset00", "tr00")
        place = "watermark" if is_watermark else "unreliable" if dataset == "dataset00" else "reliable"
        group = group_of_crm.get(crm[window])
        if is_watermark or group is None:
            return kind, place, "none", related
        return kind, place, "same" if (int(tr[2:]) // 2) == group else "other", related

    found = defaultdict(list)
    for window in range(len(X)):
        of_window = [row for row in range(len(rows)) if window_of_row[row] == window]
        for i, dataset in enumerate(datasets):
            for j, tr in enumerate(trs):
                beside = [r for r in of_window if rows[r][2] == dataset or rows[r][3] == tr]
                own = [r for r in beside if rows[r][2:] == (dataset, tr)]
                for row in own:
                    bins = slice(int(arrays["peak_first_bin"][row]), int(arrays["peak_last_bin"][row]) + 1)
                    key = case(window, rows[row][0], dataset, tr, len(beside) - 1)
                    found[key].append(float(h[window, bins, i, j].max()))
                if not own:
                    key = case(window, "phantom", dataset, tr, len(beside))
                    found[key].append(float(h[window, :, i, j].max()))
    return found


def test_rebuilt__equals_brute_force(made: Artificial) -> None:
    expected = brute_force(made)
    kinds = {(kind, place, group) for kind, place, group, _ in expected}
    # The catalogue must hold what can go wrong.
    assert {"watermark", "noise", "stack", "phantom"} == {kind for kind, _, _ in kinds}
    assert {
        ("noise", "unreliable", "other"),
        ("noise", "reliable", "none"),
        ("phantom", "watermark", "none"),
    } <= kinds
    found = rebuilt_by_kind(made.scores, made.truth)
    assert found.index.names == ["kind", "place", "group", "related", "rebuilt"]
    assert found["peaks"].sum() == sum(map(len, expected.values()))
    by_case = dict(list(found.groupby(["kind", "place", "group", "related"], observed=True)))
    assert by_case.keys() == expected.keys()
    for case, values in expected.items():
        counted = by_case[case]
        assert counted["peaks"].sum() == len(values)
        assert counted["total"].sum() == pytest.approx(np.sum(values), abs=1e-4)
        assert counted["squares"].sum() == pytest.approx(np.square(values).sum(), abs=1e-4)
        lower = np.repeat(counted.index.get_level_values("rebuilt"), counted["peaks"])
        assert np.all(np.sort(lower) <= np.sort(values) + 1e-5)
        assert np.all(np.sort(values) < np.sort(lower) + VALUE_STEP + 1e-5)


def test_rebuilt__without_crumbs_is_the_score(made: Artificial) -> None:
    peaks = rebuilt_by_kind(made.scores, made.truth).drop("phantom").reset_index()
    rebuilt = made.scores.read(REBUILT_SCORE)
    assert peaks["peaks"].sum() == len(rebuilt)
    # Scores have a floor just above 0.
    above, expected = peaks[peaks["rebuilt"] > VALUE_STEP / 2], rebuilt[rebuilt >= VALUE_STEP]
    assert 50 < len(expected) < len(rebuilt)
    assert above["peaks"].sum() == pytest.approx(len(expected), abs=1)
    assert above["total"].sum() == pytest.approx(expected.sum(), abs=2 * VALUE_STEP)


@pytest.mark.parametrize("by", [("kind",), ("kind", "place", "group"), ("place", "related")])
def test_summary__equals_the_values(made: Artificial, by: tuple[str, ...]) -> None:
    values = defaultdict(list)
    for case, of_case in brute_force(made).items():
        labels = dict(zip(("kind", "place", "group", "related"), case, strict=True))
        values[tuple(labels[name] for name in by)] += of_case
    summary = summarize_rebuilt(rebuilt_by_kind(made.scores, made.truth), by)
    assert {key if isinstance(key, tuple) else (key,) for key in summary.index} == values.keys()
    for key, of_case in values.items():
        row = summary.loc[key if len(by) > 1 else key[0]]
        assert row["peaks"] == len(of_case)
        assert row["mean"] == pytest.approx(np.mean(of_case), abs=1e-5)
        if len(of_case) > 1:
            assert row["sd"] == pytest.approx(np.std(of_case, ddof=1), abs=1e-4)
        for name, share in (("lower_quartile", 0.25), ("median", 0.5), ("upper_quartile", 0.75)):
            quantile = np.quantile(of_case, share, method="inverted_cdf")
            assert abs(row[name] - quantile) <= VALUE_STEP / 2 + 1e-5


def test_rebuilt__workers_count_the_same(made: Artificial, two_workers: DaskExecutor) -> None:
    alone = rebuilt_by_kind(made.scores, made.truth)
    events: list[Event] = []
    with DaskExecutor(client=two_workers.client(), progress=events.append) as workers:
        pd.testing.assert_frame_equal(alone, rebuilt_by_kind(made.scores, made.truth, workers))
    contigs = [(event.done, event.total) for event in events if event.stage == "rebuild" and not event.detail]
    assert contigs == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_rebuilt__columns_are_registered(made: Artificial) -> None:
    found = rebuilt_by_kind(made.scores, made.truth).reset_index()
    assert list(found.columns) == [column.name for column in REBUILT.columns]


def test_rebuilt__truth_of_another_catalogue_is_refused(made: Artificial, tmp_path: Path) -> None:
    other = simulate(ArtificialSettings(crms=45, datasets=DATASETS, trs=TRS, seed=9), tmp_path / "other")
    with pytest.raises(InputError, match=r"lacks \d+ peaks of the store on chr1, the first of them \d+-"):
        rebuilt_by_kind(made.scores, other.truth)
