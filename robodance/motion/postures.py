"""The postures a plan starts and ends in, and the ways between them on planted feet.

The dance itself begins and ends in the stand. Where a person wants another posture before
or after it, the whole body goes there first: joints move along a jerk-limited line, and the
legs, which with two planted feet are a closed chain, are put where both soles stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.config import MotionConfig
from robodance.errors import ConfigError
from robodance.motion.balance import Stand, upper_body_only
from robodance.motion.distance import pair_distances
from robodance.motion.limits import JointLimits, joint_limits
from robodance.motion.spline import Spline, fit_spline, resting_ends
from robodance.motion.torso import TorsoCurve
from robodance.motion.transition import at_rest, transition
from robodance.robots.kinematics import LinkPoses, forward_kinematics
from robodance.robots.legs import leg_columns, leg_motors
from robodance.robots.model import RobotModel
from robodance.robots.stability import to_world
from robodance.values import FloatArray

__all__ = ["Change", "held_limits", "planted_torso", "posture_change", "stand_posture", "standing"]

UNHURRIED = 0.15  # share of the joints' speed and acceleration limits used to change posture
SLIDE_M = 0.002  # a sole that moves more has not stayed where it was
SAMPLES_PER_KNOT = 4
REST_KNOTS = 3
PROJECTIONS = 12
CLOSED = 1e-9  # of the legs' chain, metres and radians
HELD_RAD = 1e-6  # half the range of a joint that is left alone: room for the solver
SAME_RAD = 1e-9
SLOWER = 1.25
TRIES = 12
FAR_RAD = 0.35  # a leg joint further from its named posture makes another posture of it


@dataclass(frozen=True)
class Change:
    """A way from one standing posture to another.

    Attributes:
        control: Shape (K + 2, J), spline control points, at rest at both ends.
        slide_m: How far any point of a sole moves.
        away_rad: How far the legs are from the named posture, so that the feet can stay.
    """

    control: FloatArray = field(repr=False)
    slide_m: float
    away_rad: float


def stand_posture(robot: RobotModel, config: MotionConfig) -> FloatArray:
    """Return the posture the dance starts and ends in, (J,): the stand, but for joints left alone.

    Raises:
        ConfigError: A joint to be left alone is unknown, or must move for the start posture.
    """
    posture = np.array(robot.posture(config.stand))
    start = np.asarray(robot.posture(config.start_posture or config.stand))
    legs = set(leg_columns(robot))
    for name in config.joints_left_alone:
        column = robot.index(name)
        if column in legs and start[column] != posture[column]:
            raise ConfigError(
                f"leave_alone names {name!r}, but the legs must move from "
                f"{config.start_posture!r} to {config.stand!r}; leave one of the two out"
            )
        posture[column] = start[column]
    return posture


def standing(robot: RobotModel, config: MotionConfig) -> Stand:
    """Return the stand that the legs hold, with joints left alone where they are.

    Raises:
        ConfigError: It does not stand.
    """
    return replace(upper_body_only(robot, config.stand), posture_rad=stand_posture(robot, config))


def held_limits(robot: RobotModel, config: MotionConfig) -> JointLimits:
    """Return the robot's limits, with next to no range for joints that are left alone."""
    limits = joint_limits(robot, config)
    if not config.joints_left_alone:
        return limits
    positions = np.array(limits.position_rad)
    posture = stand_posture(robot, config)
    for name in config.joints_left_alone:
        column = robot.index(name)
        positions[column] = posture[column] + HELD_RAD * np.array([-1.0, 1.0])
    return replace(limits, position_rad=positions)


def posture_change(
    robot: RobotModel, config: MotionConfig, stand: Stand, name: str, *, limits: JointLimits
) -> Change | None:
    """Return the way from a named standing posture to the stand; None where they are one.

    The feet stand where the stand has them: a named posture whose feet lie elsewhere is
    taken with the legs that bring its torso as near as the planted feet allow.

    Args:
        robot: The robot.
        config: Knots, balance margin, joints to be left alone.
        stand: Where it leads.
        name: Where it begins.
        limits: What may be used of speeds and accelerations.

    Raises:
        ConfigError: The posture is none that stands, its legs cannot be brought onto the
            stand's feet, or the way there is not free, balanced and on planted feet.
    """
    if name not in robot.standing_postures:
        raise ConfigError(
            f"{name!r} is no posture to start or end in; use one of "
            f"{', '.join(robot.standing_postures)}"
        )
    named = np.array(robot.posture(name))
    for joint in config.joints_left_alone:
        named[robot.index(joint)] = stand.posture_rad[robot.index(joint)]
    if np.abs(named - stand.posture_rad).max() < SAME_RAD:
        return None
    begin = _on_planted_feet(robot, named[None], stand)[0]
    away = float(np.abs(begin - named)[list(leg_columns(robot))].max())
    if away > FAR_RAD:
        raise ConfigError(
            f"the feet of {name!r} are too far from those of {config.stand!r} (a leg joint would "
            f"be {np.degrees(away):.0f} degrees from it); choose `stand: {name}` instead"
        )
    calm = limits.scaled(UNHURRIED)
    seconds = transition(at_rest(begin), at_rest(stand.posture_rad), calm).duration_s
    for _ in range(TRIES):
        path = _path(robot, begin, stand, calm, seconds, 1.0 / config.knot_rate_hz)
        if _fits(path, limits) and _balanced(robot, config, stand, path):
            break
        seconds *= SLOWER
    return _checked(robot, config, stand, name, path, away)


def _path(
    robot: RobotModel,
    begin: FloatArray,
    stand: Stand,
    limits: JointLimits,
    seconds: float,
    step_s: float,
) -> Spline:
    way = transition(at_rest(begin), at_rest(stand.posture_rad), limits, seconds)
    knots = int(np.ceil(way.duration_s / step_s)) + 1
    positions = way.at(np.linspace(0.0, way.duration_s, knots))
    positions = _on_planted_feet(robot, positions, stand)
    positions[[0, -1]] = begin, stand.posture_rad
    positions = np.pad(positions, ((REST_KNOTS, REST_KNOTS), (0, 0)), mode="edge")
    control = np.array(fit_spline(positions, step_s).control)
    half = len(control) // 2
    control[:half] = resting_ends(control, begin)[:half]
    control[half:] = resting_ends(control, stand.posture_rad)[half:]
    # A joint may rest at its stop, where the spline through its path would swing beyond.
    return Spline(np.clip(control, *limits.position_rad.T), step_s)


def _fits(path: Spline, limits: JointLimits) -> bool:
    speed, push = np.abs(path.velocity_control()), np.abs(path.acceleration_control())
    return bool((speed <= limits.velocity_rad_s).all() & (push <= limits.acceleration_rad_s2).all())


def _balanced(robot: RobotModel, config: MotionConfig, stand: Stand, path: Spline) -> bool:
    poses = forward_kinematics(robot, path.sampled(SAMPLES_PER_KNOT))
    torso = _torso_of(robot, poses, stand)
    return _margin(stand, path, torso) >= _asked_margin(config, stand)


def _asked_margin(config: MotionConfig, stand: Stand) -> float:
    return min(config.zmp_margin_m, stand.resting_margin() - 1e-4)


def _margin(stand: Stand, path: Spline, torso: FloatArray) -> float:
    """Return the smallest distance of the ZMP to the soles' edge, the torso at (T, 7).

    Looked at twice as often as the plan is sampled: where knees pass through their straight
    position the torso is pushed most between samples.
    """
    step_s = path.step_s / SAMPLES_PER_KNOT
    yaw, pitch, roll = Rotation.from_quat(torso[:, 3:]).as_euler("ZYX").T
    way = fit_spline(np.column_stack([torso[:, :3], roll, pitch, yaw]), step_s)
    times: FloatArray = np.arange(2 * len(torso) - 1, dtype=np.float64) * (step_s / 2.0)
    return float(replace(stand, torso=TorsoCurve(way)).zmp_margins(path, times).min())


def _checked(
    robot: RobotModel, config: MotionConfig, stand: Stand, name: str, path: Spline, away: float
) -> Change:
    positions = path.sampled(SAMPLES_PER_KNOT)
    poses = forward_kinematics(robot, positions)
    torso = _torso_of(robot, poses, stand)
    slide = _slide(robot, poses, torso)
    margin = _margin(stand, path, torso)
    clearance = float(pair_distances(robot, positions, len(positions)).min())
    low, high = robot.position_limits_rad.T
    outside = np.maximum(low - positions, positions - high).max(axis=0)
    way = f"the way between {name!r} and {config.stand!r}"
    if slide > SLIDE_M:
        raise ConfigError(f"on {way} a foot would slide by {1000 * slide:.1f} mm; choose another")
    if outside.max() > HELD_RAD:
        joint = robot.joint_names[int(outside.argmax())]
        raise ConfigError(f"{way} leaves the range of {joint!r}; choose another posture")
    if clearance <= 0.0:
        raise ConfigError(f"on {way} two parts of the body touch; choose another posture")
    if margin < _asked_margin(config, stand):
        raise ConfigError(
            f"on {way} the balance margin falls to {1000 * margin:.0f} mm; choose another posture"
        )
    return Change(path.control, slide, away)


def _on_planted_feet(robot: RobotModel, positions_rad: FloatArray, stand: Stand) -> FloatArray:
    """Return the postures (T, J) nearest to given ones whose feet are placed as the stand's are.

    Gauss-Newton on the six equations that close the chain, every sample by itself; joints
    that one motor moves stay equal.
    """
    wanted = _between_feet(robot, forward_kinematics(robot, stand.posture_rad[None]))
    result = positions_rad.copy()
    spread = leg_motors(robot)
    legs = spread.any(axis=1)
    low, high = robot.position_limits_rad.T
    for _ in range(PROJECTIONS):
        miss = _gap(robot, result, wanted)
        if np.abs(miss).max() < CLOSED:
            break
        slope = _slopes(robot, result, wanted, spread)  # (T, 6, m)
        drift = (result - positions_rad) @ np.linalg.pinv(spread).T
        aim = result + _step_back(slope, miss, drift) @ spread.T
        # A motor that would leave its range stays where it is; the others do its share.
        stuck = (((aim < low) | (aim > high)) @ spread) > 0.0
        slope = np.where(stuck[:, None, :], 0.0, slope)
        aim = result + _step_back(slope, miss, np.where(stuck, 0.0, drift)) @ spread.T
        result = np.where(legs, np.clip(aim, low, high), result)
    return result


def _step_back(slope: FloatArray, miss: FloatArray, drift: FloatArray) -> FloatArray:
    """Return the shortest step (T, m) that closes the chain and, in what is left, undoes drift."""
    back = np.linalg.pinv(slope)
    free = np.eye(slope.shape[2]) - back @ slope
    return np.asarray(-(back @ miss[:, :, None] + free @ drift[:, :, None])[:, :, 0])


def _between_feet(robot: RobotModel, poses: LinkPoses) -> tuple[FloatArray, FloatArray]:
    """Return where the right foot is as the left foot sees it: (T, 3) and (T, 3, 3)."""
    left, right = (poses.index(robot.feet[side]) for side in ("left", "right"))
    turned = poses.rotations[:, left].swapaxes(1, 2)
    offset = poses.positions_m[:, right] - poses.positions_m[:, left]
    return np.einsum("tij,tj->ti", turned, offset), turned @ poses.rotations[:, right]


def _gap(
    robot: RobotModel, positions_rad: FloatArray, wanted: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return by how much the chain is open, (T, 6): metres, then a rotation vector."""
    poses = forward_kinematics(robot, positions_rad, robot.feet.values())
    at, turned = _between_feet(robot, poses)
    turn = Rotation.from_matrix(wanted[1].swapaxes(1, 2) @ turned).as_rotvec()
    return np.concatenate([at - wanted[0], turn], axis=1)


def _slopes(
    robot: RobotModel,
    positions_rad: FloatArray,
    wanted: tuple[FloatArray, FloatArray],
    spread: FloatArray,
) -> FloatArray:
    """Return the gap's derivatives by the legs' motors, (T, 6, m), by central differences."""
    small = 1e-6
    columns = [
        (
            _gap(robot, positions_rad + small * axis, wanted)
            - _gap(robot, positions_rad - small * axis, wanted)
        )
        / (2.0 * small)
        for axis in spread.T
    ]
    return np.stack(columns, axis=2)


def planted_torso(robot: RobotModel, positions_rad: FloatArray, stand: Stand) -> FloatArray:
    """Return where the torso is in postures (T, J) on the stand's feet, (T, 7), world."""
    return _torso_of(robot, forward_kinematics(robot, positions_rad, robot.feet.values()), stand)


def _torso_of(robot: RobotModel, poses: LinkPoses, stand: Stand) -> FloatArray:
    """Return where the torso is while the left foot stays as in the stand, (T, 7)."""
    resting = forward_kinematics(robot, stand.posture_rad[None], robot.feet.values())
    foot = robot.feet["left"]
    world = Rotation.from_quat(stand.torso_pose[3:])
    i, k = resting.index(foot), poses.index(foot)
    foot_turn = world * Rotation.from_matrix(resting.rotations[0, i])
    foot_at = world.apply(resting.positions_m[0, i]) + stand.torso_pose[:3]
    turn = foot_turn * Rotation.from_matrix(poses.rotations[:, k]).inv()
    quaternions = turn.as_quat()
    quaternions *= np.where(quaternions @ stand.torso_pose[3:] < 0.0, -1.0, 1.0)[:, None]
    return np.hstack([foot_at - turn.apply(poses.positions_m[:, k]), quaternions])


def _slide(robot: RobotModel, poses: LinkPoses, torso: FloatArray) -> float:
    """Return how far any corner of a sole gets from where it is at the end."""
    farthest = 0.0
    for side, foot in robot.feet.items():
        for corner in robot.soles_m[side]:
            path = to_world(torso, poses.points(foot, (*corner, -robot.sole_height_m)))
            farthest = max(farthest, float(np.linalg.norm(path - path[-1], axis=1).max()))
    return farthest
