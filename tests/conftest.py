"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def rng():
    """One seeded source of randomness."""
    return np.random.default_rng(20200)


@pytest.fixture(scope="session")
def data_folder():
    """The published data sets, where they are at hand."""
    name = os.environ.get("ROBODANCE_DATA")
    if not name or not Path(name).is_dir():
        pytest.skip("the data sets are not at hand: ROBODANCE_DATA does not name their folder")
    return Path(name)


@pytest.fixture(scope="session")
def repository():
    """The checkout these tests lie in."""
    return REPOSITORY
