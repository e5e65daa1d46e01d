"""What the body of the virtual NAO feels: joints, feet, tilt, heat, battery, touch.

Figures that no document states are ours: the law of heat and its thresholds, the charge
that counts as low. Encoders have 12 bits, as documented.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robodance.performance.bullet import pybullet
from robodance.performance.world import World
from robodance.robots.dynamics import GRAVITY_M_S2
from robodance.robots.foot_sensors import FSR_POSITIONS_M
from robodance.robots.stability import stability_margin
from robodance.values import FloatArray

__all__ = ["Feeling", "HeatModel", "feel", "hardware_keys", "hardware_value"]

ENCODER_STEP_RAD = 2.0 * np.pi / 4096.0
LOADED_KG = 0.1  # a foot that carries less is not on the ground
NEAR_FLOOR_M = 0.01  # a foot that is higher supports nothing
PLACES_M = {side: np.array(list(places.values())) for side, places in FSR_POSITIONS_M.items()}
FALLEN_TILT_RAD = np.radians(60.0)


@dataclass(frozen=True)
class Feeling:
    """All sensors at one moment.

    Attributes:
        time_s: Robot time.
        joints_rad: Shape (J,), as the encoders see them.
        torques_nm: Shape (J,), what the motors give.
        stiffness: Shape (J,), after protection from heat.
        temperatures_c: Shape (J,).
        heat_status: Shape (J,), 0 to 3.
        fsr_kg: Side and place to what the sensor carries, kg.
        tilt_rad: Angle of the torso about x and about y, and from upright.
        turning_rad_s: Shape (3,), how the torso turns, in its axes.
        pull_m_s2: Shape (3,), what an accelerometer feels, in the torso's axes: a robot that
            stands is pulled up by its feet.
        velocity_m_s: Shape (3,), of the torso, world.
        torso_pose: Shape (7,), world.
        com_margin_m: Distance of the centre of mass to the edge of the support, negative
            outside; 0 when no foot is loaded.
        battery: Charge, 0..1.
        touched: Names of the sensors that are touched.
    """

    time_s: float
    joints_rad: FloatArray = field(repr=False)
    torques_nm: FloatArray = field(repr=False)
    stiffness: FloatArray = field(repr=False)
    temperatures_c: FloatArray = field(repr=False)
    heat_status: FloatArray = field(repr=False)
    fsr_kg: dict[tuple[str, str], float] = field(repr=False)
    tilt_rad: tuple[float, float, float]
    turning_rad_s: FloatArray = field(repr=False)
    pull_m_s2: FloatArray = field(repr=False)
    velocity_m_s: FloatArray = field(repr=False)
    torso_pose: FloatArray = field(repr=False)
    com_margin_m: float
    battery: float
    touched: frozenset[str] = frozenset()

    def load_kg(self, side: str) -> float:
        """Return what a foot carries."""
        return sum(kg for (foot, _), kg in self.fsr_kg.items() if foot == side)

    def center_of_pressure_m(self, side: str) -> FloatArray:
        """Return where a foot is pressed, x and y (2,) in its ankle's frame; 0 in the air."""
        loads = np.array([self.fsr_kg[side, place] for place in FSR_POSITIONS_M[side]])
        return np.asarray(loads @ PLACES_M[side] / loads.sum()) if loads.any() else np.zeros(2)

    @property
    def loaded(self) -> bool:
        """Whether a foot is on the ground."""
        return any(self.load_kg(side) > LOADED_KG for side in ("left", "right"))

    @property
    def fallen(self) -> bool:
        """Whether the torso lies."""
        return self.tilt_rad[2] > float(FALLEN_TILT_RAD)


class HeatModel:
    """Motor temperatures: heat from torque squared, cooling to the room.

    Attributes:
        temperatures_c: Shape (J,).
        status: Shape (J,), 0 normal, 1 limit reached, 2 stiffness cut, 3 no stiffness.
    """

    ROOM_C = 30.0
    COOLING_S = 600.0  # time constant
    RISE_AT_NOMINAL_C = 60.0  # above the room, where nominal torque would end
    THRESHOLDS_C = (78.0, 85.0, 90.0)
    STIFFNESS_LEFT = (1.0, 0.85, 0.6, 0.0)

    def __init__(self, nominal_torques_nm: FloatArray) -> None:
        self._nominal = nominal_torques_nm
        self.temperatures_c = np.full(len(nominal_torques_nm), self.ROOM_C + 8.0)
        self.status = np.zeros(len(nominal_torques_nm))

    def advance(self, torques_nm: FloatArray, duration_s: float) -> None:
        """Let time pass."""
        end = self.ROOM_C + self.RISE_AT_NOMINAL_C * (torques_nm / self._nominal) ** 2
        share = -np.expm1(-duration_s / self.COOLING_S)
        self.temperatures_c = self.temperatures_c + (end - self.temperatures_c) * share
        self.status = sum(
            (self.temperatures_c >= limit).astype(np.float64) for limit in self.THRESHOLDS_C
        ) + np.zeros(len(torques_nm))

    def stiffness_left(self) -> FloatArray:
        """Return the share of stiffness that heat leaves, (J,)."""
        return np.asarray(np.array(self.STIFFNESS_LEFT)[self.status.astype(int)])


def feel(
    world: World,
    heat: HeatModel,
    *,
    time_s: float,
    stiffness: FloatArray,
    battery: float,
    touched: frozenset[str],
    before: Feeling | None = None,
) -> Feeling:
    """Read every sensor; the accelerometer compares with the moment before."""
    measured, torques = world.joints()
    steps = np.round(measured / ENCODER_STEP_RAD) * ENCODER_STEP_RAD
    for hand in world.robot.hands:
        steps[world.robot.index(hand)] = measured[world.robot.index(hand)]
    pose = np.array(world.pose())
    rotation = np.array(pybullet.getMatrixFromQuaternion(pose[3:])).reshape(3, 3)
    up = rotation[2]  # the world's vertical in the torso's axes
    fsr, margin = _feet(world)
    velocity, turning = map(
        np.array, pybullet.getBaseVelocity(world.body, physicsClientId=world.client)
    )
    pull = np.array([0.0, 0.0, GRAVITY_M_S2])
    if before is not None and time_s > before.time_s:
        pull = pull + (velocity - before.velocity_m_s) / (time_s - before.time_s)
    return Feeling(
        time_s=time_s,
        joints_rad=steps,
        torques_nm=torques,
        stiffness=stiffness,
        temperatures_c=heat.temperatures_c,
        heat_status=heat.status,
        fsr_kg=fsr,
        tilt_rad=(
            float(np.arctan2(up[1], up[2])),
            float(np.arctan2(-up[0], np.hypot(up[1], up[2]))),
            float(np.arccos(np.clip(up[2], -1.0, 1.0))),
        ),
        turning_rad_s=turning @ rotation,
        pull_m_s2=pull @ rotation,
        velocity_m_s=velocity,
        torso_pose=pose,
        com_margin_m=margin,
        battery=battery,
        touched=touched,
    )


def _feet(world: World) -> tuple[dict[tuple[str, str], float], float]:
    """Spread each contact force over the foot's four sensors; measure the balance."""
    fsr = {(side, place): 0.0 for side in world.feet for place in FSR_POSITIONS_M[side]}
    states = pybullet.getLinkStates(
        world.body,
        list(world.feet.values()),
        computeForwardKinematics=1,
        physicsClientId=world.client,
    )
    frames = {
        link: (side, np.array(state[4]), np.array(pybullet.getMatrixFromQuaternion(state[5])))
        for (side, link), state in zip(world.feet.items(), states, strict=True)
    }
    touching: dict[int, list[tuple[float, ...]]] = {link: [] for link in frames}
    for contact in world.contacts():
        if contact[3] in touching and contact[9] > 0.0:
            touching[contact[3]].append((*contact[5], contact[9]))
    carrying: dict[int, float] = {}
    for link, contacts in touching.items():
        if not contacts:
            continue
        side, origin, matrix = frames[link]
        points, forces = np.split(np.array(contacts), [3], axis=1)  # (n, 3), (n, 1)
        local = ((points - origin) @ matrix.reshape(3, 3))[:, None, :2]
        away = PLACES_M[side] - local
        near = 1.0 / (np.sqrt(np.square(away).sum(axis=2)) + 1e-3) ** 2  # (n, 4)
        loads = (forces * near / near.sum(axis=1, keepdims=True)).sum(axis=0) / GRAVITY_M_S2
        fsr |= {
            (side, place): float(kg) for place, kg in zip(FSR_POSITIONS_M[side], loads, strict=True)
        }
        carrying[link] = float(forces.sum())
    if max(carrying.values(), default=0.0) < LOADED_KG * GRAVITY_M_S2:
        return fsr, 0.0
    # A foot that unloads for a moment still supports: it would carry as the robot tips.
    lowest = world.robot.sole_height_m + NEAR_FLOOR_M
    standing = [link for link, (_, origin, _) in frames.items() if origin[2] < lowest]
    if not standing:
        return fsr, 0.0
    margin = stability_margin(world.center_of_mass()[None, :2], world.support_polygon(standing))
    return fsr, float(margin[0])


def hardware_keys(joint_names: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of all hardware keys."""
    base = "Device/SubDeviceList"
    for joint in joint_names:
        if joint == "RHipYawPitch":
            continue
        for rest in (
            "Position/Sensor",
            "Position/Actuator",
            "Hardness/Actuator",
            "ElectricCurrent/Sensor",
            "Temperature/Sensor",
        ):
            yield f"{base}/{joint}/{rest}/Value"
        yield f"{base}/{joint}/Temperature/Sensor/Status"
    for foot in ("LFoot", "RFoot"):
        for place in (*(f"FSR/{p}" for p in FSR_POSITIONS_M["left"]), "FSR/TotalWeight"):
            yield f"{base}/{foot}/{place}/Sensor/Value"
        for axis in "XY":
            yield f"{base}/{foot}/FSR/CenterOfPressure/{axis}/Sensor/Value"
    for axis in "XY":
        yield f"{base}/InertialSensor/Angle{axis}/Sensor/Value"
    for axis in "XYZ":
        yield f"{base}/InertialSensor/Gyroscope{axis}/Sensor/Value"
        yield f"{base}/InertialSensor/Accelerometer{axis}/Sensor/Value"
    yield f"{base}/Battery/Charge/Sensor/Value"
    for sensor in TOUCH_KEYS.values():
        yield f"{base}/{sensor}/Sensor/Value"


TOUCH_KEYS = {
    "chest": "ChestBoard/Button",
    "head_front": "Head/Touch/Front",
    "head_middle": "Head/Touch/Middle",
    "head_rear": "Head/Touch/Rear",
    "left_bumper": "LFoot/Bumper/Left",
    "right_bumper": "RFoot/Bumper/Right",
}
AXES = "XYZ"
AMPERES_AT_NOMINAL = 0.3  # ours: the current that teams report as the one that heats


def hardware_value(
    key: str, felt: Feeling, command: FloatArray, columns: dict[str, int], nominal_nm: FloatArray
) -> Any:
    """Return the value of a hardware key; None when there is no such key."""
    parts = key.removeprefix("Device/SubDeviceList/").split("/")
    if parts == key.split("/"):
        return None
    device, rest = parts[0], "/".join(parts[1:])
    if device in columns:
        i = columns[device]
        values = {
            "Position/Sensor/Value": felt.joints_rad[i],
            "Position/Actuator/Value": command[i],
            "Hardness/Actuator/Value": felt.stiffness[i],
            "ElectricCurrent/Sensor/Value": AMPERES_AT_NOMINAL
            * abs(felt.torques_nm[i])
            / nominal_nm[i],
            "Temperature/Sensor/Value": felt.temperatures_c[i],
            "Temperature/Sensor/Status": felt.heat_status[i],
        }
        return float(values[rest]) if rest in values else None
    side = {"LFoot": "left", "RFoot": "right"}.get(device)
    if side and parts[1] == "FSR" and rest.endswith("/Sensor/Value"):
        if parts[2] == "TotalWeight":
            return felt.load_kg(side)
        if parts[2] == "CenterOfPressure" and parts[3] in ("X", "Y"):
            return float(felt.center_of_pressure_m(side)["XY".index(parts[3])])
        return felt.fsr_kg.get((side, parts[2]))
    simple = {
        "InertialSensor/AngleX/Sensor/Value": felt.tilt_rad[0],
        "InertialSensor/AngleY/Sensor/Value": felt.tilt_rad[1],
        **{
            f"InertialSensor/{what}{axis}/Sensor/Value": float(value)
            for what, values in (
                ("Gyroscope", felt.turning_rad_s),
                ("Accelerometer", felt.pull_m_s2),
            )
            for axis, value in zip(AXES, values, strict=True)
        },
        "Battery/Charge/Sensor/Value": felt.battery,
        **{f"{k}/Sensor/Value": float(name in felt.touched) for name, k in TOUCH_KEYS.items()},
    }
    return simple.get(f"{device}/{rest}")
