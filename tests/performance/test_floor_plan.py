"""The corner of a film that shows the floor: what is drawn is where it is."""

import dataclasses

import numpy as np
import pytest
from hand_made_plans import arm_dance

from robodance.performance.camera import Camera
from robodance.performance.floor_plan import BACK, FloorPlan
from robodance.performance.render_worker import yuv

HEIGHT, WIDTH = 720, 1280


def corner(picture):
    """Return the brightness of the corner."""
    side, edge = 256, 28
    return picture[edge : edge + side, WIDTH - side - edge : WIDTH - edge]


def floor_of(nao, plan, *, lean_m=0.0):
    poses = np.array(plan.torso_pose)
    poses[:, 0] += lean_m
    return FloorPlan(nao, plan, plan.positions_rad, poses, plan.times_s, HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def blank():
    return yuv(np.full((HEIGHT, WIDTH, 4), 255, dtype=np.uint8), WIDTH, HEIGHT)


def test_only_the_corner_is_drawn_on(nao, blank):
    drawn = floor_of(nao, arm_dance(nao, 2.0)).write(blank, 30)
    changed = np.argwhere((drawn != blank)[:HEIGHT])
    assert changed.min(axis=0).tolist() >= [28, WIDTH - 300]
    assert changed.max(axis=0)[0] < 28 + 256
    assert (corner(drawn) < 235).mean() > 0.95


def test_one_sole_carries_less_floor_than_two(nao, blank):
    plan = arm_dance(nao, 2.0)
    both = corner(floor_of(nao, plan).write(blank, 30))
    left = dataclasses.replace(plan, support=np.ones(len(plan.times_s), dtype=np.int8))
    one = corner(floor_of(nao, left).write(blank, 30))
    dark = yuv(np.full((4, 4, 4), (*BACK, 255), dtype=np.uint8), 4, 4)[0, 0]
    bright = [int((shown > dark + 30).sum()) for shown in (both, one)]
    assert bright[1] < 0.75 * bright[0]


def test_a_zmp_outside_is_red(nao, blank):
    """The robot is displaced, its plan is not: its soles leave the plan's ZMP behind."""
    plan = arm_dance(nao, 2.0)
    rows = HEIGHT
    reds = []
    for lean_m in (0.0, 0.2):
        drawn = floor_of(nao, plan, lean_m=lean_m).write(blank, 30)
        reds.append(int((drawn[rows + rows // 4 :] > 170).sum()))  # V of BT.709: red
    assert reds[0] == 0
    assert reds[1] > 5


def test_a_camera_frames_a_robot_that_travels():
    camera = Camera((0.0, 0.0), WIDTH, HEIGHT)
    places = np.array([[0.0, 0.0], [0.4, 0.1], [-0.1, 0.5]])
    framed = camera.framing(places)
    np.testing.assert_allclose(framed.centre_m, (0.15, 0.25))
    assert framed.distance_m > camera.distance_m + 0.1
    assert camera.framing(np.zeros((5, 2))) == camera
