"""Several seeds: each as if trained alone, wherever it is trained; a stopped run goes on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.config import Config, SupportSettings, TrainingSettings, for_support, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.files import load_model
from atypeak_scale.model.network import weight_arrays
from atypeak_scale.model.seeds import members_of, train_seeds
from atypeak_scale.model.training.train import train
from atypeak_scale.store.cell_line import CellLine


def changed(config: Config, **training: object) -> Config:
    values = {**config.training.model_dump(), **training}
    return config.model_copy(update={"training": TrainingSettings.model_validate(values)})


def test_train_seeds__each_is_as_trained_alone_and_kept(
    cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    start = with_seed(config, 3)
    folders = train_seeds(cell_line, start, 2, tmp_path / "models")
    assert [folder.name for folder in folders] == ["seed-3", "seed-4"]
    for number, folder in zip((3, 4), folders, strict=True):
        alone = train(cell_line, with_seed(config, number))
        for ours, expected in zip(
            weight_arrays(load_model(folder).network), weight_arrays(alone.network), strict=True
        ):
            np.testing.assert_allclose(ours, expected, atol=1e-4)
    before = (folders[1] / "model.json").stat().st_mtime_ns
    shutil.rmtree(folders[0])
    assert train_seeds(cell_line, start, 2, tmp_path / "models") == folders
    assert folders[0].is_dir()
    assert (folders[1] / "model.json").stat().st_mtime_ns == before


def test_members_of__by_seed_and_half(tmp_path: Path) -> None:
    names = ["seed-2", "seed-10", "seed-3-half-1", "seed-3-half-2"]
    for name in [*names, "seed-x", "seed-4-half-3", "xseed-1", "seed-5-interrupted"]:
        (tmp_path / name).mkdir()
    assert [member.name for member in members_of(tmp_path)] == [names[0], *names[2:], names[1]]


def test_train_seeds__beside_a_model_are_refused(cell_line: CellLine, config: Config, tmp_path: Path) -> None:
    train(cell_line, config, tmp_path / "m")
    with pytest.raises(InputError, match="m: is one model; name another folder for several"):
        train_seeds(cell_line, config, 2, tmp_path / "m")


def test_train_seeds__of_support_keep_out_other_crms(
    cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    small = {"filters": 2, "deep_dimension": 3, "epochs": 1, "batch_windows": 4, "batches_per_epoch": 2}
    support = config.model_copy(update={"support": SupportSettings.model_validate(small)})
    folders = train_seeds(cell_line, changed(support, objective="support"), 2, tmp_path / "models")
    first, second = map(load_model, folders)
    assert [m.config for m in (first, second)] == [for_support(with_seed(support, seed)) for seed in (1, 2)]
    assert first.validation_history != second.validation_history


def test_train_seeds__on_workers(
    cell_line: CellLine, config: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    folders = train_seeds(cell_line, config, 2, tmp_path / "models", two_workers)
    models = [load_model(folder) for folder in folders]
    assert [model.config.training.seed for model in models] == [1, 2]
    assert models[0].history != models[1].history


def test_train_seeds__what_is_no_model_is_refused(
    cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    (tmp_path / "models/seed-1").mkdir(parents=True)
    with pytest.raises(InputError, match="not a trained model"):
        train_seeds(cell_line, config, 1, tmp_path / "models")


def test_train_task__interrupted_is_not_kept_and_trained_again(
    cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == "train, seed-1" and event.done == 2:
            raise KeyboardInterrupt

    longer = changed(config, max_epochs=9)
    with pytest.raises(KeyboardInterrupt):
        train_seeds(cell_line, longer, 1, tmp_path / "models", InProcess(interrupt))
    assert not (tmp_path / "models/seed-1").exists()
    train_seeds(cell_line, config, 1, tmp_path / "models")
    assert load_model(tmp_path / "models/seed-1").training is not None


def test_members_of__by_seed_and_none_of_a_model(cell_line: CellLine, config: Config, tmp_path: Path) -> None:
    for name in ("seed-10", "seed-9", "seed-x", "other"):
        (tmp_path / "models" / name).mkdir(parents=True)
    assert members_of(tmp_path / "models") == [tmp_path / "models/seed-9", tmp_path / "models/seed-10"]
    (tmp_path / "models/model.json").write_text("{}")
    assert members_of(tmp_path / "models") == []
