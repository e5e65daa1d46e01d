"""Fixtures of this room."""

import pytest
from virtual_robot import robot


@pytest.fixture(scope="session")
def shared():
    """A virtual NAO that the tests of this room share; its motors are on."""
    with robot("--life", "disabled", "--posture", "StandInit") as there:
        there.session()
        there.service("ALMotion").wakeUp(_async=True).value(10_000)
        yield there
