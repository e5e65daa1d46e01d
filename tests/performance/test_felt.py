"""What a robot feels before its dance: how its trunk is turned, how the floor lies."""

from dataclasses import replace

import numpy as np
import pytest
from hand_made_plans import standing_plan
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from robodance.performance.felt import (
    FELT_S,
    STEEPEST_RAD,
    Felt,
    heading_of,
    lean_of,
    standing_steps,
    turned,
)
from robodance.robots.model import load_robot

ANGLES = st.floats(-3.1, 3.1)
LEANS = st.floats(-1.0, 1.0)


@given(heading=ANGLES, pitch=LEANS, roll=LEANS)
def test_heading_and_lean_are_those_of_the_rotation(heading, pitch, roll):
    turn = Rotation.from_euler("ZYX", [heading, pitch, roll]).as_quat()
    assert heading_of(*turn) == pytest.approx(heading, abs=1e-9)
    assert lean_of(*turn) == pytest.approx((roll, pitch), abs=1e-9)


@given(x=LEANS, y=LEANS, angle=ANGLES)
def test_turning_agrees_with_a_rotation_about_the_vertical(x, y, angle):
    there = Rotation.from_rotvec([0.0, 0.0, angle]).apply([x, y, 0.0])
    assert turned((x, y), angle) == pytest.approx(there[:2], abs=1e-12)


@given(leans=st.lists(st.tuples(LEANS, LEANS), min_size=1, max_size=8), heading=ANGLES)
def test_the_floor_is_the_mean_lean_in_the_world_and_never_steeper_than_a_stand(leans, heading):
    felt = Felt()
    for roll, pitch in leans:
        felt = felt.leaning(roll, pitch, heading)
    mean = turned(tuple(np.mean(leans, axis=0)), heading)
    assert felt.floor_rad == pytest.approx(np.clip(mean, -STEEPEST_RAD, STEEPEST_RAD), abs=1e-12)


def test_what_was_not_felt_is_level_and_nowhere():
    assert Felt().floor_rad == (0.0, 0.0)
    assert Felt().middle_m is None
    assert Felt().pressing(0.01, 0.0).pressing(0.03, 0.02).middle_m == pytest.approx((0.02, 0.01))


def test_it_is_felt_on_both_soles_only():
    plan, period_s = standing_plan(load_robot("nao_v6"), "StandInit", 1.0), 0.01
    assert standing_steps(plan, period_s) == range(*(round(t / period_s) for t in FELT_S))
    lifted = replace(plan, support=np.where(plan.times_s < FELT_S[1], 1, 0))
    assert not standing_steps(lifted, period_s)
