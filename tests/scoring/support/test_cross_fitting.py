"""Of noise alone, a network that has memorised its peaks calls them supported; networks of halves do not."""

import logging
from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.assess.interpretation.explain import explain_peaks
from atypeak_scale.assess.quality.stability import stability
from atypeak_scale.assess.regions.module import module
from atypeak_scale.catalogue.folds import half_of_crm
from atypeak_scale.config import Config, parse_config, with_objective
from atypeak_scale.errors import InputError
from atypeak_scale.model.halves import with_trained_on
from atypeak_scale.model.seeds import train_seeds
from atypeak_scale.model.training.train import train
from atypeak_scale.pipeline import run
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.open_scores import complete_scores, open_scores
from atypeak_scale.scoring.score import score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.corroboration import asked_of_placements, asked_of_rows
from atypeak_scale.scoring.support.support import MEMORISED, has_memorised
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import Block, open_store
from tests.conftest import TINY

CRMS, PEAKS, WIDTH = 80, 320, 3200


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Peaks as the null has them: centres uniform over the bp of the CRMs, of four sources."""
    folder, rng = tmp_path_factory.mktemp("noise"), np.random.default_rng(3)
    crms = [f"chr1\t{number * 10_000}\t{number * 10_000 + WIDTH}\tc\t100" for number in range(CRMS)]
    (folder / "crms.bed").write_text("\n".join(crms) + "\n")
    lines = []
    for _ in range(PEAKS):
        width = int(rng.integers(100, 500))
        start = int(rng.integers(CRMS)) * 10_000 + int(rng.integers(WIDTH)) - width // 2
        source = f"d{rng.integers(2)}.{'xy'[rng.integers(2)]}"
        lines.append(f"chr1\t{max(0, start)}\t{start + width}\t{source}.cell\t0")
    (folder / "peaks.bed").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def memorising() -> Config:
    """A network with room for every peak, trained far too long."""
    values = TINY.model_dump()
    values["support"] |= {
        "filters": 16, "deep_dimension": 64, "epochs": 80, "batches_per_epoch": 4, "batch_windows": 24,
        "learning_rate": 0.01, "kept_out": 0.3,
    }  # fmt: skip
    values["chance"]["placements"] = 1000
    values["store"] |= {"windows_per_chunk": 64, "rows_per_block": 128}
    return with_objective(parse_config(values, "test"), "support")


@pytest.fixture(scope="module")
def scored(noise: Path, memorising: Config) -> dict[str, Scores]:
    build_store(noise / "peaks.bed", noise / "crms.bed", noise / "s.zarr", memorising)
    cell_line = open_store(noise / "s.zarr")
    train(cell_line, memorising, noise / "one")
    train_seeds(cell_line, with_trained_on(memorising, "halves"), 1, noise / "halves")
    return {name: score(cell_line, noise / name) for name in ("one", "halves")}


def test_noise__looks_supported_to_a_network_that_has_memorised_it(scored: dict[str, Scores]) -> None:
    """320 p have a mean within 0.5 +- 0.016 (1 sd) if they are uniform and independent."""
    one, halves = scored["one"], scored["halves"]
    assert has_memorised(one)
    assert one.read(v.P_RANDOM).mean() < 0.42
    assert not has_memorised(halves)
    assert not any(map(has_memorised, halves.members))
    p = halves.read(v.P_RANDOM)
    assert p.mean() == pytest.approx(0.5, abs=0.06)
    assert (p < 0.1).mean() == pytest.approx(0.1, abs=0.06)
    # Each of the two, asked about all peaks, knows its own.
    for member in halves.members:
        assert member.attributes[MEMORISED][0] > 0.55


def test_halves__each_judges_what_the_other_was_trained_on(scored: dict[str, Scores]) -> None:
    halves = scored["halves"]
    first, second = halves.members
    assert [one.config.support.trained_on for one in (halves, first, second)] == [
        "halves",
        "half 1",
        "half 2",
    ]
    rows = asked_of_rows(halves.cell_line, Block(0, halves.cell_line.row_count))
    placed = asked_of_placements(halves.placements, Block(0, halves.placements.count))
    for variable, asked in ((v.ROW_NETWORK, rows), (v.PLACED_NETWORK, placed)):
        expected = np.where(half_of_crm(asked.crm) == 1, second.read(variable), first.read(variable))
        np.testing.assert_array_equal(halves.read(variable), expected)
    assert np.isnan(halves.read(v.SUPPORT_SPREAD)).all()  # one judge of each peak


def test_halves__alone_are_refused_and_do_not_stand_beside_their_ensemble(scored: dict[str, Scores]) -> None:
    halves = scored["halves"]
    with pytest.raises(InputError, match=r"trained on one half of the CRMs, .* name the folder of both"):
        score(halves.cell_line, halves.members[0].model)
    with pytest.raises(InputError, match="scored by 2 models"):  # the one network, and the two together
        complete_scores(halves.cell_line, None, "support")
    with pytest.raises(InputError, match="is one model; name a folder that holds several seeds"):
        stability(halves.cell_line, halves.model)


def test_explain__asks_the_network_that_judges(scored: dict[str, Scores]) -> None:
    halves = scored["halves"]
    support, cell_line = halves.read(v.SUPPORT), halves.cell_line
    crm = cell_line.crms_of_peaks(0, cell_line.peak_count)
    peaks = cell_line.peaks(0, cell_line.peak_count)
    for half in (1, 2):
        peak = int(np.flatnonzero((half_of_crm(crm) == half) & (peaks.first_row == peaks.last_row))[0])
        found = explain_peaks(halves, [peak])["support"].to_numpy()
        assert found == pytest.approx(np.full(len(found), support[peak]), abs=1e-4)


def test_module__expects_what_the_network_that_judges_does(scored: dict[str, Scores]) -> None:
    halves = scored["halves"]
    for member, other in zip(halves.members, ("half 2", "half 1"), strict=True):
        judged = int(other[-1])
        crms = halves.cell_line.windows(0, halves.cell_line.shape.windows).crm
        crm = str(int(crms[half_of_crm(crms) == judged][0]))
        ours, theirs = (
            module(halves.cell_line, crm, None, one).windows["expected"] for one in (halves, member)
        )
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.slow
def test_run__goes_over_to_halves(
    noise: Path, memorising: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture, short_report: None
) -> None:
    where = (tmp_path / "w", noise / "peaks.bed", noise / "crms.bed", ["support"])
    with caplog.at_level(logging.WARNING):
        run(memorising, *where)
    assert "the network has memorised peaks that it was trained on" in caplog.text
    found = open_scores(open_store(tmp_path / "w/store.zarr"), tmp_path / "w/support-model", 0.0)
    assert found.config.support.trained_on == "halves"
    assert found.read(v.P_RANDOM).mean() == pytest.approx(0.5, abs=0.06)
    assert all(stage.skipped for stage in run(memorising, *where))
