"""Dances of real people, read in their published form, become clean plans."""

import numpy as np
import pytest

from robodance.config import MotionConfig
from robodance.learning.datasets.choreonet import read_take
from robodance.learning.datasets.dance_with_melody import read_collage
from robodance.motion.certificate import certify, measure_losses
from robodance.motion.losses import bone_errors
from robodance.motion.plan import adapt
from robodance.robots.model import load_robot
from robodance.skeleton import pose_sequence

ROBOT = load_robot("nao_v6")
SECONDS = 20.0


def recorded(data_folder, name):
    if name.startswith("DANCE"):
        joints, rate = read_collage(data_folder / "mdms" / name).joint_positions_m, 25.0
    else:
        joints, rate = read_take(data_folder / "choreonet", name)
    return pose_sequence(joints[: round(SECONDS * rate)], rate)


@pytest.mark.parametrize("name", ["15", "ll_qq_02_2", "16", "14", "DANCE_W_1"])
def test_a_recorded_dance_is_followed_and_breaks_no_limit(data_folder, name):
    dance = recorded(data_folder, name)
    adapted = adapt(dance, ROBOT, MotionConfig())
    found = certify(adapted.plan, ROBOT)
    assert dict(found.violations) == dict.fromkeys(found.violations, 0)
    assert found.clearance_m > 0.0
    assert adapted.retreated_share == 0.0

    def arms(motion=None):
        errors = bone_errors(adapted.plan, ROBOT, motion)
        return np.mean([e.mean() for bone, e in errors.items() if bone != "head"])

    # Speed limits, clearance and balance cost at most this many degrees (measured: 1.4 for
    # ll_qq_02_2, a fast cha-cha with hands on hips, under 0.8 for the others).
    assert arms() < arms(adapted.unlimited) + 2.0
    losses = measure_losses(adapted.plan, dance, ROBOT, adapted.unlimited)
    assert losses.arm_stops_hit_after > losses.arm_stops_hit_before - 0.12
    assert losses.path_length_kept > 0.85
