"""Fixtures of this room."""

import pytest

from robodance.robots.model import load_robot


@pytest.fixture(scope="session")
def nao():
    """The default robot."""
    return load_robot("nao_v6")
