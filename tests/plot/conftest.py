"""An artificial catalogue with scores of both kinds by untrained models, made once; tests only read it."""

import pytest
from assess import supported as support

from atypeak_scale.assess.regions.module import Module, module
from atypeak_scale.scoring.scores import Scores


@pytest.fixture(scope="session")
def supported(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return support.supported(tmp_path_factory.mktemp("supported"))


@pytest.fixture(scope="session")
def article(supported: Scores, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return support.normalized_of(supported, tmp_path_factory.mktemp("normalized"))


@pytest.fixture(scope="session")
def found(supported: Scores, article: Scores) -> Module:
    """Return the CRM with the most peaks."""
    crm = supported.peaks["crm"].to_series().mode()[0]
    return module(supported.cell_line, int(crm), article, supported)
