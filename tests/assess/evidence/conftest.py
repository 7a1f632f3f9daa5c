"""One small artificial catalogue with its scores, for all tests of evidence."""

import pytest
from assess.evidence.artificial_by_hand import Artificial, scored_artificial


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Artificial:
    """Build, score and normalize; tests only read it."""
    return scored_artificial(tmp_path_factory.mktemp("artificial"))
