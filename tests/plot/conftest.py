"""An artificial catalogue with scores of both kinds by untrained models, made once; tests only read it."""

import shutil
from dataclasses import replace

import pytest
from assess import supported as support

from atypeak_scale.assess.interpretation.groups import groups
from atypeak_scale.assess.interpretation.ur_examples import ur_examples
from atypeak_scale.assess.quality.qscore import qscore
from atypeak_scale.assess.regions.module import Module, module
from atypeak_scale.scoring.scores import Scores


@pytest.fixture(scope="session")
def supported(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return support.supported(tmp_path_factory.mktemp("supported"))


@pytest.fixture(scope="session")
def article(supported: Scores, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return support.normalized_of(supported, tmp_path_factory.mktemp("normalized"))


@pytest.fixture(scope="session")
def kept(article: Scores, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Return the article's scores with what assessments keep beside them."""
    results = shutil.copytree(article.location, tmp_path_factory.mktemp("kept") / "results")
    scores = replace(article, location=results)
    groups(scores)
    qscore(scores)
    ur_examples(scores)
    return scores


@pytest.fixture(scope="session")
def found(supported: Scores, article: Scores) -> Module:
    """Return the CRM with the most peaks."""
    crm = supported.peaks["crm"].to_series().mode()[0]
    return module(supported.cell_line, int(crm), article, supported)
