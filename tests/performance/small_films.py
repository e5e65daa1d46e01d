"""Small films of plans that were followed exactly."""

import numpy as np

from robodance.config import RecordingConfig
from robodance.performance.recording import record
from robodance.values import PerformanceLog

SMALL = RecordingConfig(width=320, height=180, renderer="tiny")


def log_of(plan, *, until=None):
    """A log in which the robot did exactly what was planned."""
    last = len(plan.times_s) if until is None else until
    return PerformanceLog(
        backend="simulation",
        joint_names=plan.joint_names,
        times_s=plan.times_s[:last],
        commanded_rad=plan.positions_rad[:last],
        measured_rad=plan.positions_rad[:last],
        torso_pose=plan.torso_pose[:last],
        tilt_rad=np.zeros(last),
        zmp_margin_m=np.zeros(last),
        falls=(),
    )


def film(tmp_path, plan, robot, **more):
    """Make a small film of a plan that was followed exactly."""
    path = tmp_path / "film.mp4"
    return path, record(plan, log_of(plan), path, robot, more.pop("config", SMALL), **more)
