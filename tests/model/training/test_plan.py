"""What a plan says, against the network that training builds."""

from typing import Any

import pytest

from atypeak_scale.config import Config, with_objective
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.model.network import parameters
from atypeak_scale.model.training.descent import Descent
from atypeak_scale.model.training.plan import plan_training
from atypeak_scale.model.training.train import train
from atypeak_scale.store.cell_line import CellLine


@pytest.mark.parametrize("cells", ["all", "observed"])
def test_plan__counts_the_network_that_is_trained(cell_line: CellLine, config: Config, cells: str) -> None:
    sizes = config.model.model_copy(update={"cells": cells})
    config = config.model_copy(update={"model": sizes})
    plan = plan_training(cell_line, config)
    network = train(cell_line, config).network
    assert plan.parameters == parameters(network)
    assert plan.trained_parameters == sum(
        weight.shape.num_elements() for weight in network.trainable_variables
    )
    assert (plan.windows, plan.sources) == (cell_line.shape.windows, cell_line.shape.sources)
    assert plan.steps_at_most == config.training.max_epochs * config.training.batches_per_epoch


def test_plan__of_support_takes_its_sizes(cell_line: CellLine, config: Config) -> None:
    plan = plan_training(cell_line, with_objective(config, "support"))
    assert plan.objective == "support"
    assert plan.batch_windows == config.support.batch_windows
    larger = config.support.model_copy(update={"deep_dimension": config.support.deep_dimension + 500})
    more = plan_training(cell_line, with_objective(config.model_copy(update={"support": larger}), "support"))
    assert more.parameters > plan.parameters
    assert more.projected_memory_bytes > plan.projected_memory_bytes


def test_plan__refuses_other_data(cell_line: CellLine, config: Config) -> None:
    with pytest.raises(InputError, match="use the same cell line for both"):
        plan_training(cell_line, config.model_copy(update={"cell_line": "other"}))


def test_plan__cuts_batches_to_fit_the_memory(cell_line: CellLine, config: Config) -> None:
    config = config.model_copy(
        update={"training": config.training.model_copy(update={"batch_windows": 4000})}
    )
    whole = plan_training(cell_line, config)
    assert whole.windows_at_once == whole.batch_windows == 4000
    assert plan_training(cell_line, config, whole.projected_memory_bytes) == whole
    cut = plan_training(cell_line, config, 900_000_000)
    assert 1 < cut.windows_at_once < 4000
    assert cut.projected_memory_bytes <= 900_000_000 < whole.projected_memory_bytes
    with pytest.raises(InputError, match=r"one window at once; .* limit is 0\.1 GB") as told:
        plan_training(cell_line, config, 100_000_000)
    assert told.value.argument == "memory_limit"


def test_train__in_parts_if_memory_is_limited(
    cell_line: CellLine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = []
    epoch = Descent.epoch

    def noted(self: Descent, *arguments: Any) -> float:
        at_once.append(self.windows_at_once)
        return epoch(self, *arguments)

    monkeypatch.setattr(Descent, "epoch", noted)
    least = plan_training(cell_line, config).projected_memory_bytes
    limit = next(
        limit for limit in range(least, 0, -10_000)
        if plan_training(cell_line, config, limit).windows_at_once < config.training.batch_windows
    )  # fmt: skip
    found = train(cell_line, config, executor=InProcess(memory_limit=limit))
    assert set(at_once) == {plan_training(cell_line, config, limit).windows_at_once}
    assert found.training is not None
