"""Which plans a physical robot may be given: those that it will stand through.

Nothing on this side answers a robot's lean, so its feet stay where they are. Torso and legs
move only in the very plan that passed its verification, for this robot, under every
disturbance alone and under all of them at once, because little is known of the robot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from robodance.config import VerificationConfig
from robodance.performance.backends.naoqi_chunks import moving_joints
from robodance.values import Plan

__all__ = ["fingerprint", "legs_moved", "record_of", "unsteady"]

HEAD_AND_ARMS = (
    "Head",
    *(f"{side}{part}" for side in "LR" for part in ("Shoulder", "Elbow", "Wrist", "Hand")),
)
STILL = 1e-6  # metres and parts of a quaternion
AGAIN = "plan it again for this robot, or with --balance upper-body"


def fingerprint(plan: Plan) -> str:
    """Return what tells a motion from any other: a SHA-256 of all but music and dancer."""
    content = hashlib.sha256("\n".join(plan.joint_names).encode())
    for array in (
        plan.times_s,
        plan.positions_rad,
        plan.torso_pose,
        plan.support,
        plan.position_limits_rad,
        plan.velocity_limits_rad_s,
        plan.acceleration_limits_rad_s2,
    ):
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()


def record_of(plan: Plan) -> dict[str, Any]:
    """Return what a verification writes down of the plan it tried."""
    return {
        "plan_sha256": fingerprint(plan),
        "robot": str(plan.metadata.get("robot_model", "")),
    }


def legs_moved(plan: Plan) -> list[str]:
    """Return joints that a plan moves and that are neither the head's nor an arm's."""
    return [name for name in moving_joints(plan) if not name.startswith(HEAD_AND_ARMS)]


def unsteady(plan: Plan, robot: str) -> str:
    """Return why a physical robot might fall with this plan; empty: it may dance it.

    Args:
        plan: The plan.
        robot: Name of the robot's description.
    """
    if np.any(plan.support):
        return (
            "in this plan feet leave the floor, which is danced in simulation only; plan it with "
            "--set motion.footwork=planted, or with --balance upper-body"
        )
    made_for = plan.metadata.get("robot_model", robot)
    if made_for != robot:
        return f"this plan was made for {made_for}, the robot is {robot}; {AGAIN}"
    sways = float(np.ptp(plan.torso_pose, axis=0).max(initial=0.0)) > STILL
    if not sways and not legs_moved(plan):
        return ""
    return _unverified(plan, robot, plan.metadata.get("verification"))


def _unverified(plan: Plan, robot: str, found: Any) -> str:
    """Return why what a plan says about its verification is not enough; empty: it is."""
    from robodance.performance.disturbances import FIXED

    if not isinstance(found, Mapping) or not found:
        return f"torso and legs move in this plan and it was not verified; {AGAIN}"
    if not found.get("passed", False):
        return f"torso and legs move in this plan and it did not pass its verification; {AGAIN}"
    tilts = dict(found.get("tilt_deg", {}))
    missing = [name for name in ("nominal", *FIXED) if name not in tilts]
    if missing:
        return (
            f"this plan was not verified under {', '.join(missing)}; plan it again with "
            "--set verification.disturbances=all"
        )
    loose = _leaned_too_far(tilts)
    if loose:
        return f"in its verification this plan {loose}; {AGAIN}"
    if found.get("robot") != robot:
        return (
            f"this plan was verified for {found.get('robot') or 'no robot'}, not {robot}; {AGAIN}"
        )
    if found.get("plan_sha256") != fingerprint(plan):
        return f"this plan was changed after its verification; {AGAIN}"
    return ""


def _leaned_too_far(tilts_deg: Mapping[str, float]) -> str:
    """Return where the trunk leaned more than is allowed by default, whatever was asked for.

    Under all disturbances at once, no more than under one: little is known of the robot.
    """
    allowed = VerificationConfig()
    for name, tilt in tilts_deg.items():
        most = allowed.nominal_tilt_deg if name == "nominal" else allowed.disturbed_tilt_deg
        if not tilt <= most:
            return f"leaned by {tilt:.1f} degrees under {name}, more than {most:g}"
    return ""
