"""A finished plan says where it comes from, each thing once."""

import hashlib

import pytest

import robodance
from robodance.config import PerformConfig
from robodance.motion.losses import measure_losses
from robodance.pipeline import plan_dance
from robodance.plan_file import read_plan, write_plan
from robodance.resources import launch_path
from robodance.robots.model import load_robot
from robodance.settings import override

SONG = launch_path("songs/rumba.ogg")
CONFIG = override(PerformConfig(), {"seed": 3, "motion.tempo": "slow", "motion.slow_motion": 1.5})


@pytest.fixture(scope="module")
def planned():
    return plan_dance(SONG, CONFIG, to_s=3.0)


def test_the_metadata_of_a_plan_is_this_and_nothing_else(planned, tmp_path):
    write_plan(planned.plan, tmp_path / "plan.npz")
    metadata = dict(read_plan(tmp_path / "plan.npz").metadata)
    assert metadata == dict(planned.plan.metadata)
    weights = metadata.pop("weights_sha256")
    assert len(weights) == 64
    versions = metadata.pop("versions")
    assert versions["robodance"] == robodance.__version__
    assert set(versions) == {"robodance", "python"}
    assert metadata == {
        # the song
        "song_sha256": hashlib.sha256(SONG.read_bytes()).hexdigest(),
        "song_path": "rumba.ogg",
        "tempo_bpm": planned.analysis.beats.tempo_bpm,
        # the dance
        "genre": planned.analysis.genre.name,
        "generator": "autoregressive",
        "seed": 3,
        "song_beats_per_dance_beat": 1.0,
        # the robot's motion
        "robot_model": "nao_v6",
        "tempo_mode": "slow",
        "slow_motion": 1.5,
        "vigour": 1.0,
        "limit_share": 0.98,
        "mirror": False,
        "leave_alone": [],
        "balance_mode": "upper-body",
        "footwork": "steps",
        "retreated_s": [],
        "stand": "StandInit",
        "solver": "whole-song",
        "start_posture": "StandInit",
        "end_posture": "StandInit",
        "knot_rate_hz": 25.0,
        # what sounds
        "heard": "stretched",
    }


def test_the_metadata_suffice_to_measure_the_losses_again(planned):
    """Without the planner's own notes: from the plan, the dance and the robot it names."""
    robot = load_robot(planned.plan.metadata["robot_model"])
    again = measure_losses(planned.plan, planned.dance, robot)
    assert again.bones == planned.losses.bones
    assert again.arm_stops_hit_before == planned.losses.arm_stops_hit_before
    kept = pytest.approx(planned.losses.path_length_kept, abs=1e-12)  # another order of sums
    assert again.path_length_kept == kept
