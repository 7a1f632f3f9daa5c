"""A cluster of two workers for each test file. Workers import no test module.

So tasks run functions of the standard library, or functions inside of functions, which travel by value.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from atypeak_scale.execution.dask_cluster import local

WORKERS = 2


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Start a cluster and connect to it, as a caller of the library would."""
    with local(WORKERS, None) as client:
        yield client
