"""Strips of a full-body plan as it is simulated: the robot, and its balance from above.

    python tests/benchmarks/draw_balance.py PLAN.npz OUT.png [--from 10] [--to 16] [--moments 8]
        [--disturbance nominal] [--seed 0]

Above, the simulated robot at even moments. Below each, both soles as they stand (filled where
they carry), the support polygon, the planned and the measured ZMP over the last half second,
and the centre of mass. At the bottom the planned and the measured ZMP along the floor's two
axes, with what the support leaves, and where one foot carries.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from robodance.config import SimulationConfig
from robodance.motion.curve import Curve, Moments
from robodance.motion.upright import ground_force
from robodance.performance.backends.simulation import PyBulletSimulation
from robodance.performance.bullet import pybullet
from robodance.performance.conductor import executed_curve
from robodance.performance.disturbances import (
    DISTURBANCES,
    DisturbedSimulation,
    PyBulletBody,
)
from robodance.performance.inertial_feedback import stabilised
from robodance.performance.world import World
from robodance.plan_file import read_plan
from robodance.robots.model import load_robot

PLANNED, MEASURED, COM, SOLE, GROUND = "#0072B2", "#D55E00", "#222222", "#8A8A8A", "#56B4E9"
PICTURE = (320, 420)  # pixels, wide and high
TRAIL_S = 0.5
CAMERA = {"distance": 1.0, "yaw": 60.0, "pitch": -12.0, "roll": 0.0, "upAxisIndex": 2}
VIEW_M = 0.16  # to every side of the middle between the feet
TOUCH_N = 0.5


@dataclass(frozen=True)
class Seen:
    """One moment of the simulation; places are world x, y in metres."""

    time_s: float
    zmp: Any
    com: Any
    soles: dict[str, Any]
    carrying: tuple[str, ...]
    polygon: Any
    picture: Any = None


def look(world: World, time_s: float, *, picture: bool) -> Seen:
    """Return what is to be drawn of a moment."""
    contacts = world.contacts()
    forces = np.array([contact[9] for contact in contacts])
    points = np.array([contact[6][:2] for contact in contacts]).reshape(-1, 2)
    links = np.array([contact[3] for contact in contacts])
    total = forces.sum() if len(forces) else 0.0
    carrying = [
        i for i in world.feet.values() if len(forces) and forces[links == i].sum() > TOUCH_N
    ]
    soles = {side: np.array(world.support_polygon([index])) for side, index in world.feet.items()}
    return Seen(
        time_s,
        forces @ points / total if total > TOUCH_N else np.full(2, np.nan),
        world.center_of_mass()[:2],
        soles,
        tuple(side for side, index in world.feet.items() if index in carrying),
        np.array(world.support_polygon(carrying)) if carrying else None,
        _picture(world) if picture else None,
    )


def watch(plan, robot, what, wanted_s, start_s: float, end_s: float) -> list[Seen]:
    """Simulate a plan up to a moment and return what is seen from another one on."""
    opened = []

    def physics(model, config):
        simulation = PyBulletSimulation(model, config)
        opened.append(simulation.world)
        return simulation, PyBulletBody(simulation)

    seen, left = [], list(wanted_s)
    config = SimulationConfig()
    with stabilised(DisturbedSimulation(robot, config, what, physics), config) as backend:
        backend.preflight(plan)
        backend.take_start(plan.positions_rad[0], plan.torso_pose[0])
        curve, period = executed_curve(plan), backend.period_s
        for step in range(int(min(end_s, plan.duration_s) / period)):
            now = plan.times_s[0] + step * period
            backend.move(curve(now), curve(now + period))
            due = bool(left) and now + period >= left[0]
            if due or (step % backend.observe_every == 0 and now >= start_s):
                seen.append(look(opened[0], now + period, picture=due))
                left = left[1:] if due else left
    return seen


def planned_points(plan, robot):
    """Return the plan's ZMP and centre of mass at its samples but the last, (T - 1, 2) each."""
    joints = Curve.through(plan.times_s, plan.positions_rad)
    torso = Curve.through(plan.times_s, plan.torso_pose)
    segments = np.arange(joints.segments)
    ground = ground_force(
        robot,
        joints.piece(0, joints.segments),
        torso.piece(0, joints.segments),
        Moments(segments, np.zeros(len(segments))),
    )
    return ground.zmp().T, ground.com_m[:2].T


def draw(plan, zmp, seen: list[Seen], title: str) -> Figure:
    """Return the strips."""
    shown = [moment for moment in seen if moment.picture is not None]
    figure = Figure(figsize=(1.9 * len(shown), 6.9), layout="constrained")
    figure.suptitle(title, fontsize=10)
    grid = figure.add_gridspec(4, len(shown), height_ratios=[2.1, 1.75, 0.75, 0.75])
    for k, moment in enumerate(shown):
        above, below = figure.add_subplot(grid[0, k]), figure.add_subplot(grid[1, k])
        above.imshow(moment.picture)
        above.set_title(f"{moment.time_s:.2f} s", fontsize=8)
        above.set_axis_off()
        _from_above(below, plan, zmp, seen, moment)
    figure.legend(
        *below.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8
    )
    for axis, name in enumerate(("x (ahead)", "y (left)")):
        _along(figure.add_subplot(grid[2 + axis, :]), plan, zmp, seen, axis, name)
    return figure


def _from_above(axes, plan, zmp, seen: list[Seen], moment: Seen) -> None:
    """Draw a moment from above, forward upwards: the plot's axes are (-y, x)."""
    turned = [-1.0, 1.0]
    for side, sole in moment.soles.items():
        carries = side in moment.carrying
        axes.add_patch(
            Polygon(sole[:, ::-1] * turned, facecolor=SOLE if carries else "none", alpha=0.5)
        )
        axes.add_patch(Polygon(sole[:, ::-1] * turned, fill=False, edgecolor=SOLE))
    if moment.polygon is not None:
        ground = moment.polygon[:, ::-1] * turned
        axes.add_patch(Polygon(ground, fill=False, edgecolor=GROUND, linewidth=1.5))
    recent = (plan.times_s[:-1] <= moment.time_s) & (plan.times_s[:-1] > moment.time_s - TRAIL_S)
    path = np.array([s.zmp for s in seen if moment.time_s - TRAIL_S < s.time_s <= moment.time_s])
    for points, colour, name in ((zmp[recent], PLANNED, "planned"), (path, MEASURED, "measured")):
        axes.plot(-points[:, 1], points[:, 0], color=colour, linewidth=0.8)
        axes.plot(
            -points[-1, 1], points[-1, 0], "o", color=colour, markersize=4, label=f"ZMP {name}"
        )
    axes.plot(-moment.com[1], moment.com[0], "+", color=COM, markersize=8, label="centre of mass")
    middle = np.concatenate(list(moment.soles.values())).mean(axis=0)
    axes.set_xlim(-middle[1] - VIEW_M, -middle[1] + VIEW_M)
    axes.set_ylim(middle[0] - VIEW_M, middle[0] + VIEW_M)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=6)


def _along(axes, plan, zmp, seen: list[Seen], axis: int, name: str) -> None:
    times = np.array([moment.time_s for moment in seen])
    inside = (plan.times_s[:-1] >= times[0]) & (plan.times_s[:-1] <= times[-1])
    low, high = (
        [np.nan if s.polygon is None else pick(s.polygon[:, axis]) for s in seen]
        for pick in (np.min, np.max)
    )
    axes.fill_between(times, low, high, color=GROUND, alpha=0.25, linewidth=0, step="mid")
    axes.plot(times, [s.zmp[axis] for s in seen], color=MEASURED, linewidth=0.8)
    axes.plot(plan.times_s[:-1][inside], zmp[inside, axis], color=PLANNED, linewidth=1.0)
    axes.plot(times, [s.com[axis] for s in seen], color=COM, linewidth=0.8, linestyle=":")
    single = np.asarray(plan.support)[:-1][inside] > 0
    axes.fill_between(
        plan.times_s[:-1][inside], 0, 1, where=single, color=SOLE, alpha=0.2, linewidth=0,
        transform=axes.get_xaxis_transform(),
    )  # fmt: skip
    axes.set_xlim(times[0], times[-1])
    axes.set_ylabel(f"{name}, m", fontsize=7)
    axes.tick_params(labelsize=6)


def _picture(world: World):
    base = world.pose()
    view = pybullet.computeViewMatrixFromYawPitchRoll(
        cameraTargetPosition=[base[0], base[1], 0.28], **CAMERA
    )
    width, height = PICTURE
    lens = pybullet.computeProjectionMatrixFOV(34.0, width / height, 0.1, 5.0)
    pixels = pybullet.getCameraImage(
        width,
        height,
        view,
        lens,
        shadow=0,
        lightDirection=[1.0, 1.0, 2.0],
        renderer=pybullet.ER_TINY_RENDERER,
        physicsClientId=world.client,
    )[2]
    return np.reshape(pixels, (height, width, 4))[:, :, :3].astype(np.uint8)


def main() -> None:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plan", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--robot", default="nao_v6")
    parser.add_argument("--from", dest="start", type=float, default=10.0, help="robot seconds")
    parser.add_argument("--to", dest="end", type=float, default=16.0)
    parser.add_argument("--moments", type=int, default=8)
    parser.add_argument("--disturbance", choices=list(DISTURBANCES), default="nominal")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    robot, plan = load_robot(options.robot), read_plan(options.plan)
    what = replace(DISTURBANCES[options.disturbance], seed=options.seed)
    wanted = np.linspace(options.start + TRAIL_S, options.end, options.moments)
    seen = watch(plan, robot, what, wanted, options.start, options.end + 0.1)
    title = f"{options.plan.stem}: {options.disturbance}, {options.start:g} to {options.end:g} s"
    figure = draw(plan, planned_points(plan, robot)[0], seen, title)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=110)


if __name__ == "__main__":
    main()
