"""What a robot must be like before it dances: read it all, then judge it all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from robodance.config import NaoqiConfig
from robodance.errors import PreflightRefused, RobotError, RobotTimeout
from robodance.performance.backends.naoqi_link import Link, LinkLost
from robodance.performance.steadiness import unsteady
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, Plan

__all__ = ["RobotState", "faults", "narrowed", "read_state", "temperatures"]

BASE = "Device/SubDeviceList"
LOADED_KG = 0.3  # a foot that carries less is in the air
UPRIGHT_RAD = 0.5
ENCODER_RAD = 1e-3  # less than an encoder tells apart; documents round limits to 1e-4


@dataclass(frozen=True)
class RobotState:
    """What a robot says about itself; None where it does not say.

    Attributes:
        name: Who it is.
        version: Its NAOqi.
        cycle_s: Motion cycle.
        limits: Joint to lowest and highest angle and speed.
        battery: Percent.
        plugged: Whether the charger is in.
        temperatures_c: Joint to temperature.
        heat: Joint to status, 0 is normal.
        fall_manager: Whether it is on.
        arm_protection: Whether the arms are kept from the body.
        feet_kg: What each foot carries.
        tilt_rad: Angles of the trunk about x and y.
        life: State of Autonomous Life.
        posture: Family of its posture.
    """

    name: str
    version: str
    cycle_s: float
    limits: Mapping[str, tuple[float, float, float]] = field(repr=False)
    battery: float | None = None
    plugged: bool | None = None
    temperatures_c: Mapping[str, float] = field(default_factory=dict, repr=False)
    heat: Mapping[str, float] = field(default_factory=dict, repr=False)
    fall_manager: bool | None = None
    arm_protection: bool | None = None
    feet_kg: tuple[float, float] | None = None
    tilt_rad: tuple[float, float] | None = None
    life: str | None = None
    posture: str | None = None


def read_state(link: Link) -> RobotState:
    """Ask a robot everything that is judged.

    Raises:
        RobotError: It cannot be reached, or it has no ALMotion.
    """
    names = [str(name) for name in link.call("ALMotion", "getBodyNames", "Body")]
    rows = link.call("ALMotion", "getLimits", "Body")
    battery = _ask(link, "ALBattery", "getBatteryCharge")
    charge = _data(link, f"{BASE}/Battery/Charge/Sensor/Value")
    if battery is None and charge is not None:
        battery = 100.0 * charge
    arms = [_ask(link, "ALMotion", "getCollisionProtectionEnabled", c) for c in ("LArm", "RArm")]
    feet = [_data(link, f"{BASE}/{f}Foot/FSR/TotalWeight/Sensor/Value") for f in "LR"]
    tilt = [_data(link, f"{BASE}/InertialSensor/Angle{a}/Sensor/Value") for a in "XY"]
    plugged = _data(link, "BatteryPowerPluggedChanged")
    return RobotState(
        name=str(_ask(link, "ALSystem", "robotName") or link.address.host),
        version=str(_ask(link, "ALSystem", "systemVersion") or "unknown"),
        cycle_s=float(link.call("ALMotion", "getMotionCycleTime")) / 1000.0,
        limits={
            name: (float(row[0]), float(row[1]), float(row[2]))
            for name, row in zip(names, rows, strict=True)
        },
        battery=None if battery is None else float(battery),
        plugged=None if plugged is None else bool(plugged),
        temperatures_c=_per_joint(link, names, "Value"),
        heat=_per_joint(link, names, "Status"),
        fall_manager=_truth(_ask(link, "ALMotion", "getFallManagerEnabled")),
        arm_protection=None if None in arms else all(map(bool, arms)),
        feet_kg=None if None in feet else (float(feet[0]), float(feet[1])),
        tilt_rad=None if None in tilt else (float(tilt[0]), float(tilt[1])),
        life=_text(_ask(link, "ALAutonomousLife", "getState")),
        posture=_text(_ask(link, "ALRobotPosture", "getPostureFamily")),
    )


def temperatures(link: Link, joints: Iterable[str]) -> dict[str, float]:
    """Ask how warm joints are, degrees Celsius; those that do not say are left out.

    Raises:
        RobotError: The robot cannot be reached.
    """
    return _per_joint(link, list(joints), "Value")


def faults(
    state: RobotState, plan: Plan, robot: RobotModel, config: NaoqiConfig, *, standing: bool
) -> list[str]:
    """Return every reason not to dance this plan now; empty: none.

    Args:
        state: What the robot says.
        plan: What it is to do.
        robot: The robot that the plan was made for.
        config: Thresholds.
        standing: Whether the robot has stood up already, so that its feet carry it.
    """
    found = [*_of_plan(state, plan, robot, config)]
    if state.battery is not None and state.battery < config.minimum_battery:
        found.append(
            f"its battery holds {state.battery:.0f} %, under {config.minimum_battery:g}; charge it"
        )
    if state.plugged:
        found.append("its charger is plugged in; pull the cable out")
    hot = {n: t for n, t in state.temperatures_c.items() if t >= config.hot_c}
    hot |= {n: state.temperatures_c.get(n, np.nan) for n, s in state.heat.items() if s >= 1.0}
    if hot:
        listed = ", ".join(f"{name} {t:.0f} C" for name, t in sorted(hot.items())[:4])
        found.append(f"its joints are hot ({listed}); let it cool down")
    if state.fall_manager is False:
        found.append("its fall manager is off; switch it on (ALMotion.setFallManagerEnabled)")
    if state.arm_protection is False:
        found.append("its arms' collision protection is off; switch it on")
    if state.tilt_rad is not None and np.hypot(*state.tilt_rad) > UPRIGHT_RAD:
        found.append("it is not upright; stand it on its feet or let it crouch")
    elif standing and state.feet_kg is not None and min(state.feet_kg) < LOADED_KG:
        found.append("its feet do not carry it; put it on a flat floor")
    return found


def _of_plan(state: RobotState, plan: Plan, robot: RobotModel, config: NaoqiConfig) -> list[str]:
    found = []
    missing = sorted(set(plan.joint_names) - set(state.limits))
    if missing:
        found.append(f"it has no {', '.join(missing[:4])}: it is not a {robot.name}")
    reason = unsteady(plan, robot.name)
    if reason:
        found.append(reason)
    if plan.duration_s > config.maximum_duration_s:
        found.append(
            f"the dance lasts {plan.duration_s:.0f} s, over {config.maximum_duration_s:g}; dance "
            "a part of it with --from and --to"
        )
    return found


def narrowed(plan: Plan, limits: Mapping[str, tuple[float, float, float]]) -> Plan:
    """Return the plan with this robot's own limits where they are narrower than the plan's.

    Raises:
        PreflightRefused: The robot lacks a joint.
    """
    missing = [name for name in plan.joint_names if name not in limits]
    if missing:
        raise PreflightRefused(f"the robot has no joint {missing[0]}; plan for another robot model")
    rows = np.array([limits[name] for name in plan.joint_names])
    positions: FloatArray = np.array(plan.position_limits_rad)
    positions[:, 0] = np.maximum(positions[:, 0], rows[:, 0] - ENCODER_RAD)
    positions[:, 1] = np.minimum(positions[:, 1], rows[:, 1] + ENCODER_RAD)
    return replace(
        plan,
        position_limits_rad=positions,
        velocity_limits_rad_s=np.minimum(plan.velocity_limits_rad_s, rows[:, 2] + ENCODER_RAD),
    )


def _ask(link: Link, service: str, method: str, *arguments: Any) -> Any:
    """Call what not every version has; None when it is missing."""
    try:
        return link.call(service, method, *arguments)
    except (LinkLost, RobotTimeout):
        raise
    except RobotError:
        return None


def _data(link: Link, key: str) -> Any:
    return _ask(link, "ALMemory", "getData", key)


def _per_joint(link: Link, names: list[str], what: str) -> dict[str, float]:
    keys = [f"{BASE}/{name}/Temperature/Sensor/{what}" for name in names]
    values = _ask(link, "ALMemory", "getListData", keys)
    if values is None:
        values = [_data(link, key) for key in keys]
    pairs = zip(names, values, strict=False)
    return {name: float(value) for name, value in pairs if isinstance(value, (int, float))}


def _truth(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
