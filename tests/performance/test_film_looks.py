"""Better films: the camera moves with the music, the dancer stands beside, the beat is written."""

import dataclasses

import numpy as np
import pytest
from hand_made_plans import arm_dance
from scipy.spatial.transform import Rotation

from robodance.config import RecordingConfig
from robodance.performance import recording
from robodance.performance.camera import Camera
from robodance.performance.camera_path import camera_path, turned, turned_poses
from robodance.performance.figure import BONES, bone_lengths, figure_joints
from robodance.performance.overlay import Overlay, overlay_lines
from robodance.performance.recording import record
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.stability import to_world
from robodance.skeleton import JOINT_NAMES
from robodance.values import PerformanceLog

CAMERA = Camera((0.0, 0.0), 320, 180)
BEATS = np.arange(0.0, 20.0, 0.5)
NUMBERS = np.arange(len(BEATS)) % 4 + 1
MOMENTS = np.arange(0.0, 18.0, 0.04)
SMALL = RecordingConfig(width=320, height=180, renderer="tiny", frame_rate_hz=5)


def test_in_front_nothing_moves():
    path = camera_path("front", CAMERA, MOMENTS, BEATS, NUMBERS)
    assert not path.turns_rad.any()
    assert path.views is None


@pytest.mark.parametrize("per_bar", [3, 4])
def test_an_orbit_goes_once_around_in_eight_bars(per_bar):
    path = camera_path("orbit", CAMERA, MOMENTS, BEATS, np.arange(len(BEATS)) % per_bar + 1)
    after = int(np.searchsorted(MOMENTS, 8 * per_bar * 0.5 - 1e-9))  # beats of half a second
    assert path.turns_rad[0] == 0.0
    assert path.turns_rad[after] == pytest.approx(-2.0 * np.pi)
    assert path.views is None


@pytest.mark.parametrize("per_bar", [3, 4])
def test_a_camera_on_the_beat_arrives_at_the_bar_and_jumps_on_beats(per_bar):
    path = camera_path("beat", CAMERA, MOMENTS, BEATS, np.arange(len(BEATS)) % per_bar + 1)
    speeds = np.abs(np.diff(path.turns_rad)) / np.diff(MOMENTS)
    in_last_beat = (MOMENTS[:-1] % per_bar) >= per_bar - 0.55  # a station: two bars; one picture
    assert speeds[~in_last_beat].max() < 1e-9
    assert speeds[in_last_beat].max() > 0.5
    assert speeds.max() < 5.0  # rad/s: it moves, it does not cut
    on = [int(np.searchsorted(MOMENTS, beat - 1e-9)) for beat in (1.0, 2.0, 5.0)]
    assert all(path.views[k, 1] < path.views[k - 1, 1] for k in on)


def test_a_camera_without_beats_still_moves():
    path = camera_path("orbit", CAMERA, MOMENTS, np.zeros(0), np.zeros(0, dtype=int))
    assert np.all(np.diff(path.turns_rad) < 0.0)


def test_turning_the_stage_is_going_around_it(nao):
    """Pictures of a turned robot are those of a camera that went the other way."""
    plan = arm_dance(nao, 2.0)
    positions, poses = plan.positions_rad[90:91], plan.torso_pose[90:91]
    angle = np.array([0.7])
    centre = (0.05, -0.02)
    hand = forward_kinematics(nao, positions).points("LForeArm", np.array([0.05, 0.0, 0.0]))
    before = to_world(poses, hand)
    after = to_world(turned_poses(poses, angle, centre), hand)
    np.testing.assert_allclose(after, turned(before, angle, centre), atol=1e-12)
    still = Camera(centre, 320, 180)
    around = dataclasses.replace(still, azimuth_rad=still.azimuth_rad - 0.7)
    np.testing.assert_allclose(still.pixels(after)[0], around.pixels(before)[0], atol=1e-9)


def dancer(rng, count=50):
    """A body of the right order that turns and wanders while it swings its arms."""
    joints = np.zeros((len(JOINT_NAMES), 3))
    place = {"head": (0, 0.08, 1.6), "waist": (0, 0, 1.0), "shoulder": (0, 0.2, 1.4)}
    place |= {"elbow": (0, 0.25, 1.15), "wrist": (0.1, 0.25, 0.95), "hand": (0.15, 0.25, 0.9)}
    place |= {"hip": (0, 0.1, 0.95), "knee": (0.02, 0.1, 0.5), "ankle": (0, 0.1, 0.08)}
    place |= {"heel": (-0.05, 0.1, 0.03), "toe": (0.15, 0.1, 0.03)}
    for k, name in enumerate(JOINT_NAMES):
        part = next(word for word in place if word in name)
        x, y, z = place[part]
        joints[k] = x, -y if "right" in name else y, z
    yaw = np.linspace(0.0, 3.0, count)
    moved = turned(np.tile(joints, (count, 1, 1)), yaw, (0.0, 0.0))
    return moved + np.cumsum(rng.normal(scale=0.02, size=(count, 1, 3)), axis=0) * [1, 1, 0]


def test_the_dancer_stands_beside_the_robot_at_its_size_and_faces_with_it(nao, rng):
    plan = dataclasses.replace(
        arm_dance(nao, 4.0), human_joints_m=dancer(rng), human_times_s=np.arange(50) / 25
    )
    joints = figure_joints(plan, np.linspace(0.5, 1.5, 10))
    waist, head = JOINT_NAMES.index("waist"), JOINT_NAMES.index("head_left")
    np.testing.assert_allclose(joints[:, waist, 0], plan.torso_pose[0, 0], atol=1e-9)
    assert 0.4 < joints[:, waist, 1].min() - plan.torso_pose[0, 1] < 0.9
    assert 0.4 < joints[:, head, 2].mean() < 0.6
    left, right = JOINT_NAMES.index("left_shoulder"), JOINT_NAMES.index("right_shoulder")
    across = joints[:, left] - joints[:, right]
    assert (across[:, 1] > 0.95 * np.linalg.norm(across, axis=1)).all()  # as the robot's
    lengths = bone_lengths(joints)
    assert len(lengths) == len(BONES)
    assert max(lengths) < 0.3


@pytest.mark.parametrize("robot_rad", [-1.5, 0.0, 1.5])
def test_beside_a_robot_that_its_steps_have_turned_the_dancer_is_turned_alike(nao, rng, robot_rad):
    plan = arm_dance(nao, 4.0)
    turn = np.interp(plan.times_s, plan.times_s[[0, -1]], [robot_rad - 0.2, robot_rad + 0.2])
    pose = np.array(plan.torso_pose)
    pose[:, 3:] = Rotation.from_euler("z", turn[:, None]).as_quat()
    plan = dataclasses.replace(
        plan, torso_pose=pose, human_joints_m=dancer(rng), human_times_s=np.arange(50) / 25
    )
    moments = np.linspace(0.5, 1.5, 10)
    joints = figure_joints(plan, moments)
    left, right = JOINT_NAMES.index("left_shoulder"), JOINT_NAMES.index("right_shoulder")
    across = joints[:, left] - joints[:, right]
    faces = np.arctan2(across[:, 1], across[:, 0]) - np.pi / 2.0
    robot = np.interp(moments, plan.music_times_s, turn)
    np.testing.assert_allclose(faces, robot, atol=0.2)  # a dancer looks around


def test_beats_are_written_when_they_sound():
    overlay = Overlay(("A song", "tango, 120 bpm"), 320, 180, BEATS, NUMBERS)
    grey = np.full((270, 320), 100, dtype=np.uint8)
    pictures = {t: overlay.write(grey, t).astype(int) for t in (0.0, 2.0, 2.46, 3.0, 7.0)}
    writing = {t: np.abs(p[:180] - 100) > 20 for t, p in pictures.items()}
    assert writing[2.0][:, :160].sum() > 100  # the title, on the left
    assert not writing[7.0][:, :160].any()  # gone
    assert not writing[0.0][:, :160].any()  # fading in
    dots = {t: np.argmax(p[:180, 200:].max(axis=0)) for t, p in pictures.items() if t > 0.0}
    assert dots[3.0] > dots[2.0]  # the third beat's dot is right of the first's
    bright = {t: pictures[t][:180, 200:].max() for t in (2.0, 2.46)}
    assert bright[2.0] > bright[2.46] + 20
    assert (grey == 100).all(), "the picture given is left alone"


def test_what_is_written_tells_how_slow_the_robot_was(nao):
    plan = arm_dance(nao, 1.0)
    known = {"song_path": "my_song.mp3", "genre": "tango", "tempo_bpm": 119.6}
    plan = dataclasses.replace(plan, metadata=known)
    assert overlay_lines(plan, 1.0) == ("my song", "tango, 120 bpm")
    assert overlay_lines(plan, 2.5)[1].endswith("danced 2.5 times slower")
    assert overlay_lines(dataclasses.replace(plan, metadata={}), 1.0) == ("robodance",)


def danced(nao, rng, walked_m=(0.0, 0.0), **joints_rad):
    """Return a plan with a dancer, and the log of a robot that walks away while it dances."""
    plan = dataclasses.replace(
        arm_dance(nao, 4.0), human_joints_m=dancer(rng), human_times_s=np.arange(50) / 25
    )
    count = len(plan.times_s)
    positions, poses = np.array(plan.positions_rad), np.array(plan.torso_pose)
    for name, angle in joints_rad.items():
        positions[:, nao.index(name)] = angle
    poses[:, :2] += np.linspace(0.0, 1.0, count)[:, None] * walked_m
    still = np.zeros(count)
    names, times = plan.joint_names, plan.times_s
    return plan, PerformanceLog(
        "simulation", names, times, positions, positions, poses, still, still, ()
    )


class Drawn(Exception):
    """What would be drawn."""


@pytest.mark.parametrize("walked_m", [(0.0, 0.0), (0.1, -0.35), (-0.2, 0.3), (0.35, 0.0)])
@pytest.mark.parametrize("side_by_side", [False, True])
def test_a_robot_that_walks_stays_in_the_picture_with_its_arms_stretched(
    nao, rng, walked_m, side_by_side, monkeypatch
):
    def drawn(job, **_):
        raise Drawn(job)

    monkeypatch.setattr(recording, "draw_pictures", drawn)
    stretched = {"LShoulderPitch": 0.0, "RShoulderPitch": 0.0}
    stretched |= {"LShoulderRoll": 1.3, "RShoulderRoll": -1.3, "LElbowRoll": 0.0, "RElbowRoll": 0.0}
    plan, log = danced(nao, rng, walked_m, **stretched)
    with pytest.raises(Drawn) as found:
        record(plan, log, "film.mp4", nao, RecordingConfig(side_by_side=side_by_side))
    (job,) = found.value.args
    poses = forward_kinematics(nao, job.positions_rad)
    ends = [
        to_world(job.torso_pose, poses.points(capsule.link, end))
        for capsule in nao.capsules
        for end in (capsule.start_m, capsule.end_m)
    ]
    if side_by_side:
        ends.append(job.figure_m.reshape(-1, 3))
    at, _ = job.settings.camera.pixels(np.concatenate(ends))
    size = np.array([1280, 720])
    assert (at > 0.02 * size).all()
    assert (at < 0.98 * size).all()


def film(tmp_path, nao, rng, **more):
    plan, log = danced(nao, rng)
    said = []
    config = dataclasses.replace(SMALL, **more)
    made = record(plan, log, tmp_path / "film.mp4", nao, config, announce=said.append)
    return made, said


def test_everything_at_once_is_still_a_film(nao, tmp_path, rng):
    made, _ = film(tmp_path, nao, rng, camera_path="beat", side_by_side=True, overlay=True)
    assert made.frames == 20


def test_how_long_it_will_take_is_said_beforehand(nao, tmp_path, rng):
    made, said = film(tmp_path, nao, rng, frame_rate_hz=20, width=64, height=36, processes=1)
    (line,) = said
    assert line.startswith(f"filming: {made.frames} pictures of 64 x 36, drawn with tiny; about ")
