"""Other people's solvers on the same targets, each with the task it is made for.

Every solver gets, for both arms, where elbow and wrist would be if the robot's limbs
pointed like the dancer's, frame by frame at 25 per second. It begins at the floor's pose
of the first frame (from the stand some never leave a wrong branch) and goes on from the
frame before. Position limits are on in all of them, velocity limits in those that have
them. Solvers have several sensible settings; ``best`` tries them on the first five seconds
of a dance and keeps the one with the smallest error.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from arm_models import mujoco_arms, pinocchio_arms

from robodance.motion.arm import arm_of
from robodance.motion.branches import candidates
from robodance.motion.collision import Bodies
from robodance.motion.ik import ikpy_chain
from robodance.motion.targets import SIDES
from robodance.robots.kinematics import forward_kinematics, landmark_positions

RATE_HZ = 25.0
CLEARANCE_M = 0.005
TRIAL_FRAMES = 125
GRID_PER_FRAME = 10  # of toppra, which keeps limits at grid points only
POSTURE_COST = 0.1  # of a radian away from the stand, against a radian of a bone
FIRST_STEPS = 20  # at the first frame, without speed limits


class Aims:
    """What both arms of a robot should do at T moments, as directions and as places."""

    def __init__(self, robot, targets, limits):
        self.robot, self.limits = robot, limits
        self.arms = {side: arm_of(robot, side) for side in SIDES}
        names = [name for side in SIDES for name in self.arms[side].joints]
        self.columns = [robot.index(name) for name in names]
        self.names = names
        self.own = limits.of(tuple(names))
        self.stand = np.asarray(robot.posture("StandInit"))
        self.upper, self.fore = dict(targets.upper_arm), dict(targets.forearm)
        marks = landmark_positions(robot, forward_kinematics(robot, self.stand[None]))
        self.places = {}
        for side in SIDES:
            shoulder, elbow, wrist = (
                marks[f"{side}_{part}"][0] for part in ("shoulder", "elbow", "wrist")
            )
            lengths = np.linalg.norm(elbow - shoulder), np.linalg.norm(wrist - elbow)
            at_elbow = shoulder + lengths[0] * self.upper[side]
            self.places[f"{side}_elbow"] = at_elbow
            self.places[f"{side}_wrist"] = at_elbow + lengths[1] * self.fore[side]
        self.lengths = lengths
        self.begin = self.stand[self.columns]
        # Parts that stand nearer than 5 mm would leave a solver without any solution.
        bodies = Bodies.of(robot, self.stand, tuple(range(len(self.stand))), CLEARANCE_M)
        self.pairs = bodies.pairs[bodies.required_m > CLEARANCE_M - 1e-9].tolist()

    def __len__(self):
        return len(self.upper["left"])

    def first(self, frames):
        """Return the same aims for the first frames only."""
        short = object.__new__(Aims)
        short.__dict__.update(self.__dict__)
        for name in ("upper", "fore", "places"):
            setattr(short, name, {k: v[:frames] for k, v in getattr(self, name).items()})
        return short

    def errors(self, angles):
        """Return the four bones' angles to the dancer's, in degrees, (T, 4), of (T, 8)."""
        result = []
        for i, side in enumerate(SIDES):
            bones = self.arms[side].directions(angles[:, 4 * i : 4 * i + 4])
            for bone, wanted in zip(bones, (self.upper[side], self.fore[side]), strict=True):
                cosine = np.clip((bone * wanted).sum(axis=1), -1.0, 1.0)
                result.append(np.degrees(np.arccos(cosine)))
        return np.stack(result, axis=1)


@dataclass(frozen=True)
class Setting:
    """A way to use a solver."""

    name: str
    solve: Callable[[Aims], np.ndarray]


def best(settings, aims):
    """Return the setting with the smallest error on the first frames."""
    if len(settings) == 1:
        return settings[0]
    short = aims.first(TRIAL_FRAMES)
    return min(settings, key=lambda setting: short.errors(setting.solve(short)).mean())


def closed_form(aims):
    """The closed form, clipped to the position limits. Shape (T, 8)."""
    ways = []
    for i, side in enumerate(SIDES):
        limits = aims.own.position_rad[4 * i : 4 * i + 4]
        ways.append(candidates(aims.arms[side], aims.upper[side], aims.fore[side], limits)[0])
    return np.concatenate(ways, axis=1)


def closed_form_slowed(aims):
    """The same, each joint going towards it as fast as it may."""
    wanted = closed_form(aims)
    step = aims.own.velocity_rad_s / RATE_HZ
    result = wanted.copy()
    for t in range(1, len(result)):
        result[t] = result[t - 1] + np.clip(wanted[t] - result[t - 1], -step, step)
    return result


def ikpy_frames(forearm_too):
    """Ikpy: the wrist's place alone, or with the end's axis along the forearm."""

    def solve(aims):
        result = np.empty((len(aims), 8))
        for i, side in enumerate(SIDES):
            arm = aims.arms[side]
            chain = ikpy_chain(arm, aims.robot)
            joints = np.concatenate([[0.0], aims.begin[4 * i : 4 * i + 4], [0.0]])
            for t, place in enumerate(aims.places[f"{side}_wrist"]):
                axis = (aims.fore[side][t], "X") if forearm_too else (None, None)
                joints = chain.inverse_kinematics(
                    place, *axis, initial_position=joints, optimizer_budget=40
                )
                result[t, 4 * i : 4 * i + 4] = joints[1:5]
        return result

    return solve


def pink_frames(*, steps, posture=0.0, accelerate=False, clear=False):
    """Pink: position tasks of elbows and wrists, joint and velocity limits, DAQP."""

    def solve(aims):
        import pink
        from pink.limits import AccelerationLimit, ConfigurationLimit, VelocityLimit

        model, collisions = pinocchio_arms(aims, clear)
        order = [model.joints[model.getJointId(name)].idx_q for name in aims.names]
        q = np.zeros(model.nq)
        q[order] = aims.begin
        configuration = pink.Configuration(model, model.createData(), q, collision_model=collisions)
        tasks = {
            place: pink.FrameTask(place, _cost(aims, place), 0.0, lm_damping=1e-3)
            for place in aims.places
        }
        pull = pink.PostureTask(posture)
        pull.set_target(_in_order(aims.stand[aims.columns], order))
        everything = [*tasks.values(), *([pull] if posture else [])]
        in_place, speeds = ConfigurationLimit(model), np.empty(model.nv)
        speeds[order] = aims.own.velocity_rad_s
        limits = [in_place, VelocityLimit(model, speeds)]
        pushes = AccelerationLimit(model, 8.0 * speeds) if accelerate else None
        if pushes is not None:
            limits.append(pushes)
        barriers = [pink.barriers.SelfCollisionBarrier(10, 20.0, 0.0, CLEARANCE_M)] if clear else []

        def step(dt, limits, barriers):
            # Without a solution it goes on without the collision barrier and acceleration limit.
            for hard, soft in ((limits, barriers), (limits[:2], ())):
                try:
                    speed = pink.solve_ik(
                        configuration,
                        everything,
                        dt,
                        "daqp",
                        damping=1e-6,
                        limits=hard,
                        barriers=soft,
                        safety_break=False,
                    )
                    break
                except pink.exceptions.NoSolutionFound:
                    speed = np.zeros(model.nv)
            if pushes is not None:
                pushes.set_last_integration(speed, dt)
            configuration.integrate_inplace(speed, dt)
            if pushes is not None:  # rounding beyond a stop would be the root of a negative
                inside = np.clip(
                    configuration.q, model.lowerPositionLimit, model.upperPositionLimit
                )
                configuration.update(inside)
            return configuration.q[order]

        def aim(t):
            for place, task in tasks.items():
                task.set_target(pink.configuration.pin.SE3(np.eye(3), aims.places[place][t]))

        return _in_frames(aims, steps, step, aim, [in_place], limits, barriers)

    return solve


def mink_frames(*, steps, posture=0.0, clear=False):
    """Mink: frame tasks of elbows and wrists, joint and velocity limits, DAQP."""

    def solve(aims):
        import mink

        model, pairs = mujoco_arms(aims)
        order = [int(model.joint(name).qposadr[0]) for name in aims.names]
        configuration = mink.Configuration(model)
        q = configuration.q.copy()
        q[order] = aims.begin
        configuration.update(q)
        tasks = {
            place: mink.FrameTask(place, "site", _cost(aims, place), 0.0, lm_damping=1e-3)
            for place in aims.places
        }
        pull = mink.PostureTask(model, posture)
        pull.set_target(_in_order(aims.stand[aims.columns], order))
        everything = [*tasks.values(), *([pull] if posture else [])]
        speeds = dict(zip(aims.names, aims.own.velocity_rad_s, strict=True))
        in_place = mink.ConfigurationLimit(model)
        limits = [in_place, mink.VelocityLimit(model, speeds)]
        if clear:
            limits.append(
                mink.CollisionAvoidanceLimit(
                    model,
                    pairs,
                    minimum_distance_from_collisions=CLEARANCE_M,
                    collision_detection_distance=0.05,
                )
            )

        def step(dt, limits, barriers):
            for hard in (limits, limits[:2]):
                try:
                    speed = mink.solve_ik(
                        configuration, everything, dt, "daqp", damping=1e-6, limits=hard
                    )
                    break
                except mink.NoSolutionFound:
                    speed = np.zeros(model.nv)
            configuration.integrate_inplace(speed, dt)
            return configuration.q[order]

        def aim(t):
            for place, task in tasks.items():
                task.set_target(mink.SE3.from_translation(aims.places[place][t]))

        return _in_frames(aims, steps, step, aim, [in_place], limits, ())

    return solve


def toppra_path(frames_rad, aims, acceleration_per_velocity_per_s):
    """Toppra: the fastest way along the path that breaks no limit, the music's tempo at most.

    Returns:
        The curve in new time, its duration, and the CPU seconds it took.
    """
    import toppra
    from toppra import algorithm, constraint

    toppra.setup_logging("ERROR")
    began = time.process_time()
    times = np.arange(len(frames_rad)) / RATE_HZ
    # The song's time goes along as one more joint that may run at 1 second a second.
    path = toppra.SplineInterpolator(times, np.column_stack([frames_rad, times]))
    speeds = np.append(aims.own.velocity_rad_s, 1.0)
    pushes = np.append(acceleration_per_velocity_per_s * aims.own.velocity_rad_s, 1e3)
    constraints = [
        constraint.JointVelocityConstraint(np.column_stack([-speeds, speeds])),
        constraint.JointAccelerationConstraint(
            np.column_stack([-pushes, pushes]),
            discretization_scheme=constraint.DiscretizationType.Interpolation,
        ),
    ]
    grid = np.linspace(0.0, times[-1], GRID_PER_FRAME * (len(times) - 1) + 1)
    solver = algorithm.TOPPRA(
        constraints, path, gridpoints=grid, parametrizer="ParametrizeConstAccel"
    )
    curve = solver.compute_trajectory(0.0, 0.0)
    spent = time.process_time() - began
    return (None, float("nan"), spent) if curve is None else (curve, float(curve.duration), spent)


def settings_of(clear):
    """Return the settings of each solver; ``clear``: with its own self-collision avoidance."""
    table = {
        "closed form, clipped": [Setting("", closed_form)],
        "closed form, slowed": [Setting("", closed_form_slowed)],
        "ikpy": [
            Setting("wrist", ikpy_frames(False)),
            Setting("wrist + forearm axis", ikpy_frames(True)),
        ],
        "pink": [
            Setting("1 step a frame", pink_frames(steps=1)),
            Setting("4 steps a frame", pink_frames(steps=4)),
            Setting("4 steps, posture task", pink_frames(steps=4, posture=POSTURE_COST)),
        ],
        "pink, acceleration limit": [
            Setting("1 step", pink_frames(steps=1, accelerate=True)),
            Setting("4 steps", pink_frames(steps=4, accelerate=True)),
        ],
        "mink": [
            Setting("1 step a frame", mink_frames(steps=1)),
            Setting("4 steps a frame", mink_frames(steps=4)),
            Setting("4 steps, posture task", mink_frames(steps=4, posture=POSTURE_COST)),
        ],
    }
    if clear:
        table["pink, collision barrier"] = [
            Setting("4 steps, posture task", pink_frames(steps=4, posture=POSTURE_COST, clear=True))
        ]
        table["mink, collision limit"] = [
            Setting("4 steps, posture task", mink_frames(steps=4, posture=POSTURE_COST, clear=True))
        ]
    return table


def _in_order(angles, order):
    result = np.empty(len(angles))
    result[order] = angles
    return result


def _in_frames(aims, steps, step, aim, at_first, limits, barriers):
    """Follow the frames: to the first without speed limits, then ``steps`` to each."""
    aim(0)
    for _ in range(FIRST_STEPS):
        q = step(1.0 / RATE_HZ, at_first, barriers)
    result = np.empty((len(aims), len(aims.names)))
    result[0] = q
    for t in range(1, len(aims)):
        aim(t)
        for _ in range(steps):
            q = step(1.0 / RATE_HZ / steps, limits, barriers)
        result[t] = q
    return result


def _cost(aims, place):
    """A metre at the elbow or wrist counts as many radians as it turns the bone."""
    return float(1.0 / aims.lengths[place.endswith("wrist")])


def warm_up(aims):
    """Run every solver once on a few frames, so that nobody's imports are timed."""
    short = aims.first(20)
    for settings in settings_of(True).values():
        settings[0].solve(short)
    toppra_path(closed_form(short), short, 8.0)
