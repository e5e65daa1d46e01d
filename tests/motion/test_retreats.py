"""A plan says where it was drawn back to the stand posture, in its own time."""

import numpy as np
import pytest
from robot_like_dancers import wild

from robodance.config import MotionConfig
from robodance.motion import repair
from robodance.motion.plan import adapt
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
KNOT_S = 1.0 / 25.0


@pytest.fixture
def dance():
    """Somebody whose limbs wander wildly."""
    return wild(np.random.default_rng(4), 150, 25.0, 0.03)


def test_without_a_retreat_there_are_no_passages(dance):
    adapted = adapt(dance, ROBOT, MotionConfig())
    assert adapted.retreated_share == 0.0
    assert adapted.plan.metadata["retreated_s"] == []


def test_passages_are_where_the_plan_was_drawn_back(dance, monkeypatch):
    """With no other repair tried before it, and the same with a change of posture before."""
    monkeypatch.setattr(repair, "REPAIR_TRIES", 0)
    moments = []
    for posture in (None, "Crouch"):
        adapted = adapt(dance, ROBOT, MotionConfig(start_posture=posture))
        plan, passages = adapted.plan, np.array(adapted.plan.metadata["retreated_s"])
        if posture is None:
            knots = round(plan.duration_s / KNOT_S) + 1
            marked = np.diff(passages, axis=1).sum() / KNOT_S
            assert marked == pytest.approx(adapted.retreated_share * knots, abs=len(passages))
            assert 0.0 < adapted.retreated_share < 1.0
        moments.append(np.interp(passages, plan.times_s, plan.music_times_s))
    np.testing.assert_allclose(*moments, atol=2 * KNOT_S)
