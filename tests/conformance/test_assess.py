"""Pairs of TRs and richness of CRMs as the article reports them (its Fig. 6; method, sections 7.3 and 7.4).

The published final scores are put where scores of a model would be, so that nothing is trained.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from assess import by_hand

from atypeak_scale import assess, build_store, load_config, normalize, open_scores, open_store, score
from atypeak_scale.assess.description.pairs import alone_both
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry.variables import FINAL
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.result_groups import NORMALIZATION

pytestmark = pytest.mark.slow

PEAK = ["contig", "start", "end", "name"]


def published_scores(shared: Path, cell_line: str, folder: Path) -> Scores:
    """Build a store whose final scores are the published ones; they are whole numbers of 0 to 1000."""
    config = load_config(cell_line)
    store = folder / "store.zarr"
    build_store(shared / f"data/{cell_line}.published-raw.bed.xz", shared / "data/crm.bed.xz", store, config)
    opened = open_store(store)
    data, labels = opened.data.load(), opened.labels
    network = build_autoencoder(320, len(labels[0]), len(labels[1]), config.model, seed=1)
    scores = open_scores(opened, save_model(TrainedModel(network, labels, config), folder / "no-model"))
    names = np.array(
        [
            f"{labels[0][i]}.{labels[1][j]}.{cell_line}"
            for i, j in zip(data["source_dataset"].values, data["source_tr"].values, strict=True)
        ]
    )
    ours = pd.DataFrame(
        {
            "contig": data["contig"].values.astype(object)[data["catalogue_contig"].values],
            "start": data["catalogue_start"].values,
            "end": data["catalogue_end"].values,
            "name": names[data["catalogue_source"].values],
        }
    )
    published = pd.read_csv(
        shared / f"data/{cell_line}.published-final.bed.xz",
        sep="\t", skiprows=1, header=None, names=[*PEAK, "score"], usecols=range(5),
    )  # fmt: skip
    final = ours.merge(published, on=PEAK, how="left", validate="1:1")["score"]
    scores.create()
    by_hand.fill(scores)
    scores.write(FINAL, 0, final.to_numpy(np.float32))
    scores.set_attribute(NORMALIZATION, {"sample": "published"})
    return scores


@pytest.fixture(scope="session")
def published_hela(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return published_scores(shared, "hela", tmp_path_factory.mktemp("published-hela"))


@pytest.fixture(scope="session")
def published_jurkat(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return published_scores(shared, "jurkat", tmp_path_factory.mktemp("published-jurkat"))


def rows_of(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index(["tr", "other_tr"])


def show(what: str, rows: pd.DataFrame, pairs: list[tuple[str, str]]) -> None:
    print(f"\n{what}")
    for tr, other in pairs:
        row = rows.loc[(tr, other)]
        print(
            f"{tr} with {other}: {row.both_peaks:.0f} and {row.alone_peaks:.0f} peaks, medians "
            f"{row.both_median:.0f} and {row.alone_median:.0f}, superiority {row.superiority:.3f}, "
            f"Cohen's d {row.cohens_d:.2f}, adjusted p {row.p_adjusted:.2g}"
        )


def check_pairs_of_hela(rows: pd.DataFrame, little: float) -> None:
    """Assert what Fig. 6a says of HeLa: high for AFF4-ELL2 and RCOR1-SFMBT1, little for RCOR1-ZNF143.

    little: Cohen's d, of either sign, that still is little.
    """
    for one, other in (("aff4", "ell2"), ("rcor1", "sfmbt1")):
        for pair in ((one, other), (other, one)):
            assert rows.loc[pair, "median_difference"] > 250
            assert rows.loc[pair, "superiority"] > 0.75
            assert rows.loc[pair, "cohens_d"] > 0.8  # a large effect, by convention
            assert rows.loc[pair, "p_adjusted"] < 1e-100
    for pair in (("rcor1", "znf143"), ("znf143", "rcor1")):
        assert abs(rows.loc[pair, "cohens_d"]) < little


HELA_PAIRS = [(one, other) for a, b in (("aff4", "ell2"), ("rcor1", "sfmbt1"), ("rcor1", "znf143"))
              for one, other in ((a, b), (b, a))]  # fmt: skip


def test_pairs__of_hela_by_published_scores(published_hela: Scores) -> None:
    rows = rows_of(assess.pairs(published_hela))
    show("HeLa, published scores", rows, HELA_PAIRS)
    check_pairs_of_hela(rows, little=0.25)


def test_pairs__of_hela_by_the_reference_weights(hela: CellLine, reference_model: Location) -> None:
    rows = rows_of(assess.pairs(normalize(score(hela, reference_model))))
    show("HeLa, reference weights", rows, HELA_PAIRS)
    check_pairs_of_hela(rows, little=0.5)


def test_pairs__by_blocks_equal_those_of_arrays(published_hela: Scores) -> None:
    data = published_hela.cell_line.data.load()
    crm = data["crm"].values[data["peak_window"].values]
    members = pd.DataFrame({"peak": data["peak_catalogue"].values, "crm": crm}).drop_duplicates()
    tr = data["source_tr"].values[data["catalogue_source"].values[members["peak"]]]
    final = published_hela.read(FINAL)[members["peak"]]
    table = alone_both(final, tr, members["crm"].to_numpy(), data["tr"].values.tolist())
    pd.testing.assert_frame_equal(assess.pairs(published_hela), table, check_exact=True)


def test_pairs__of_jurkat_by_published_scores(published_jurkat: Scores) -> None:
    rows = rows_of(assess.pairs(published_jurkat))
    pairs = [("gabpa", "erg"), ("erg", "gabpa"), ("ctcf", "gabpa"), ("gabpa", "ctcf"), ("ctcf", "runx"),
             ("runx", "ctcf"), ("ctcf", "runx1"), ("runx1", "ctcf")]  # fmt: skip
    show("Jurkat, published scores", rows, pairs)
    for pair in pairs[:2]:
        assert rows.loc[pair, "median_difference"] > 400
        assert rows.loc[pair, "cohens_d"] > 1
    # "the impact on the score is also unidirectional"
    assert rows.loc[("ctcf", "gabpa"), "median_difference"] > 600
    assert rows.loc[("ctcf", "gabpa"), "cohens_d"] > 1
    assert rows.loc[("gabpa", "ctcf"), "median_difference"] < 0
    assert abs(rows.loc[("gabpa", "ctcf"), "cohens_d"]) < 0.2
    # "the presence of one TR of the pair has little to no impact on the score of the other"
    assert rows.loc[("ctcf", "runx"), "p_adjusted"] > 0.05
    assert abs(rows.loc[("ctcf", "runx"), "cohens_d"]) < 0.1
    assert rows.loc[("runx", "ctcf"), "cohens_d"] < 0
    assert abs(rows.loc[("runx1", "ctcf"), "cohens_d"]) < 0.2


def test_correlations__of_the_article(published_jurkat: Scores, hela: CellLine) -> None:
    """ "CTCF and GABPA in Jurkat have a R coefficient of 0.2"; those framed in red have a low one."""
    of_jurkat, of_hela = (
        assess.statistics(cell_line)["correlation_tr"].to_pandas()
        for cell_line in (published_jurkat.cell_line, hela)
    )
    print(f"\nCTCF and GABPA {of_jurkat.loc['ctcf', 'gabpa']:.4f}")
    assert round(of_jurkat.loc["ctcf", "gabpa"], 1) == 0.2
    for table, low, high in (
        (of_jurkat, [("ctcf", "runx"), ("ctcf", "runx1")], [("gabpa", "erg")]),
        (of_hela, [("rcor1", "znf143")], [("ell2", "aff4"), ("rcor1", "sfmbt1")]),
    ):
        for pairs in (low, high):
            print(", ".join(f"{one} and {other} {table.loc[one, other]:.4f}" for one, other in pairs))
        assert max(table.loc[pair] for pair in low) < 0.1
        assert min(table.loc[pair] for pair in high) > 0.25


@pytest.mark.parametrize("cell_line", ["hela", "jurkat"])
def test_density__as_in_the_article(cell_line: str, request: pytest.FixtureRequest) -> None:
    """Singletons score lowest, richer CRMs higher, and those with supernumerary peaks lower again."""
    found: xr.Dataset = assess.score_density(request.getfixturevalue(f"published_{cell_line}"))
    print(f"\n{cell_line}\n{found.drop_dims('relation').to_dataframe().round(1).to_string()}")
    print(found.drop_dims("log2_peaks").to_dataframe().to_string())
    mean = found["crm_mean"].values
    assert mean[0] == mean.min() < 350
    best = int(mean.argmax())
    assert 2 <= best <= 4
    assert (np.diff(mean[: best + 1]) > 0).all()
    well_filled = found["crms"].values >= 5
    assert (np.diff(mean[best:][well_filled[best:]]) < 0).all()
    assert (np.diff(found["crm_maximum"].values) > -1).all()
    assert (found["spearman"].values > 0.1).all()
    assert (found["p"].values < 1e-100).all()
