"""The virtual NAO without the wire: a body, joint commands, reflexes, memory, and its clock.

Everything happens on one thread, one physics step after the other; the services call into
it between two steps.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import numpy as np

from robodance.config import SimulationConfig
from robodance.performance.bullet import pybullet
from robodance.performance.window import Window
from robodance.performance.world import BASE, World, place
from robodance.robots.legs import knee_columns
from robodance.robots.model import RobotModel, load_robot
from robodance.robots.stability import standing_torso_pose
from robodance.values import FloatArray
from robodance.virtual_nao.joints import CHAINS, JointControl
from robodance.virtual_nao.memory import Memory
from robodance.virtual_nao.reflexes import ArmGuard, FallManager
from robodance.virtual_nao.sensors import Feeling, HeatModel, feel, hardware_keys, hardware_value
from robodance.virtual_nao.settings import VERSIONS, VirtualNaoSettings

__all__ = ["Moment", "VirtualNao"]

STEP_MS = 4  # divides both motion cycles
GEAR_FRICTION_NM = 0.15  # ours: holds the crouch without motors, as a NAO's gears do
LOW_BATTERY = 0.15  # ours
GIVE_RAD = 0.005  # ours: how far a gear twists before it slips
BREATHS_PER_S = 0.4
BREATH_RAD = 0.012
PUSH_S = 0.25
LIFT_M = 0.12
JOURNAL_S = 420.0  # more than the longest dance: five minutes
MOST_LIGHTS = 20_000


class Moment(NamedTuple):
    """One line of the journal: what was true at the end of a motion cycle.

    Attributes:
        time_s: Robot time.
        audio_s: Position in the sounding file; negative when nothing sounds.
        command: Shape (J,).
        measured: Shape (J,), without the encoders' steps.
    """

    time_s: float
    audio_s: float
    command: FloatArray
    measured: FloatArray


class VirtualNao:
    """A NAO in a world.

    Attributes:
        settings: What it was told at the start.
        version: What it imitates.
        robot: Its body.
        world: Where it stands.
        joints: Its joint commands.
        memory: Its ALMemory.
        heat: Its motors' temperatures.
        falls: Its fall manager.
        guard: Its protection of the arms.
        felt: Its sensors, on the last motion cycle.
        awake: Whether its motors are on.
        battery: Charge, 0..1.
        charging: Whether the charger is plugged in.
        touched: Sensors that are touched.
        breathing: Chain to whether it breathes when nothing moves it.
        journal: What was true on each motion cycle, for judges.
        audio_position: Says where the sound is, seconds; negative for silence.
        lights: Robot time, group and colour (0xRRGGBB) of what the lights did.
        each_cycle: Called on each motion cycle.
    """

    def __init__(self, settings: VirtualNaoSettings) -> None:
        self.settings = settings
        self.version = VERSIONS[settings.version]
        self.robot: RobotModel = load_robot(settings.robot or self.version.robot)
        self._window = Window(self.robot) if settings.gui else None
        self.world = World(
            self.robot, SimulationConfig(physics_rate_hz=1000 // STEP_MS, log_rate_hz=50)
        )
        posture = np.array(self.robot.posture(settings.posture))
        self.world.put(posture, standing_torso_pose(self.robot, posture))
        self.joints = JointControl(self.robot, self.version.cycle_ms / 1000.0, posture)
        self.guard = ArmGuard(self.robot)
        self.joints.guard = self.guard
        self.falls = FallManager()
        self.heat = HeatModel(self.robot.nominal_torques_nm)
        self.memory = Memory()
        self.awake = False
        self.battery = 0.9
        self.charging = False
        self.touched: set[str] = set()
        self.breathing = dict.fromkeys(CHAINS, False)
        self.journal: deque[Moment] = deque(maxlen=round(JOURNAL_S / self.joints.cycle_s))
        self.audio_position: Callable[[], float] = lambda: -1.0
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._timer_numbers = count()
        self.lights: deque[tuple[float, str, int]] = deque(maxlen=MOST_LIGHTS)
        self.each_cycle: list[Callable[[], object]] = []
        self._steps = 0
        self._per_cycle = self.version.cycle_ms // STEP_MS
        self._parts = np.arange(self._per_cycle + 1)[:, None]
        self._way = np.tile(posture, (self._per_cycle + 1, 1))
        self._gears = posture.copy()
        self._push: tuple[float, FloatArray] | None = None
        self._hook: int | None = None
        self._lifted_until = 0.0
        self._strength = np.zeros(len(posture))
        self._efforts = self.world.efforts(self._strength, GEAR_FRICTION_NM)
        self.felt = self._feel(None)
        self._remembered = self.felt
        self._connect_memory()

    @property
    def time_s(self) -> float:
        """Robot time: physics steps since the start."""
        return self._steps * STEP_MS / 1000.0

    def later(self, delay_s: float, call: Callable[[], object]) -> None:
        """Call something when some robot time has passed."""
        heapq.heappush(self._timers, (self.time_s + delay_s, next(self._timer_numbers), call))

    def step(self) -> bool:
        """Simulate one physics step; returns whether a motion cycle has begun with it."""
        while self._timers and self._timers[0][0] <= self.time_s + 1e-9:
            heapq.heappop(self._timers)[2]()
        phase = self._steps % self._per_cycle
        if phase == 0:
            self._cycle()
        self._apply_forces()
        self.world.step(self._way[phase], self._way[phase + 1], efforts=self._efforts)
        self._steps += 1
        return phase == 0

    def close(self) -> None:
        """End the worlds."""
        self.guard.close()
        self.world.close()
        if self._window is not None:
            self._window.close()

    def push(self, newtons: float) -> None:
        """Push the chest forward (negative: backward) for a moment."""
        self._push = self.time_s + PUSH_S, np.array([newtons, 0.3 * newtons, 0.0])

    def lift(self, duration_s: float) -> None:
        """Hold the robot in the air for some time."""
        self._lifted_until = self.time_s + duration_s
        if self._hook is None:
            pose = self.felt.torso_pose
            self._hook = pybullet.createConstraint(
                self.world.body,
                BASE,
                -1,
                -1,
                pybullet.JOINT_FIXED,
                [0, 0, 0],
                [0.0, 0.0, 0.0],
                (pose[:3] + np.array([0.0, 0.0, LIFT_M])).tolist(),
                childFrameOrientation=pose[3:].tolist(),
                physicsClientId=self.world.client,
            )

    def stand_up(self, posture: str = "Stand") -> None:
        """Put the robot on its feet, as a person does; its motors are off."""
        angles = np.array(self.robot.posture(posture))
        self.joints.stop()
        self.joints.stiffness[:] = 0.0
        self.joints.command[:] = angles
        self._way = np.tile(angles, (self._per_cycle + 1, 1))
        self._gears = angles.copy()
        self.world.put(angles, standing_torso_pose(self.robot, angles))
        self.falls.falling = self.falls.fallen = False
        self.sleep()

    def sleep(self) -> None:
        """Switch the motors off."""
        self.joints.stiffness[:] = 0.0
        self.awake = False
        self.memory.update("robotIsWakeUp", False)

    def posture(self) -> tuple[str, str]:
        """Return the posture's name and its family, as ALRobotPosture tells them."""
        if self.felt.fallen:
            back = self.felt.tilt_rad[1] < 0.0
            return ("LyingBack", "LyingBack") if back else ("LyingBelly", "LyingBelly")
        bodies = [i for i, n in enumerate(self.robot.joint_names) if n not in self.robot.hands]
        apart = {
            name: float(np.abs(angles - self.felt.joints_rad)[bodies].max())
            for name, angles in self.robot.postures.items()
        }
        name = min(apart, key=lambda key: apart[key])
        known = name if apart[name] < 0.2 else "Unknown"
        legs = self.felt.joints_rad[list(knee_columns(self.robot))]
        return known, "Crouching" if float(legs.mean()) > 1.6 else "Standing"

    def _cycle(self) -> None:
        """Begin a motion cycle: feel, protect, command."""
        self.felt = self._feel(self.felt)
        cycle_s = self.joints.cycle_s
        self.heat.advance(self.felt.torques_nm, cycle_s)
        if self.falls.look(self.felt):
            self._fall()
        self.memory.update("robotHasFallen", self.falls.fallen)
        self.memory.update("ALMotion/RobotIsFalling", self.falls.falling)
        self._tell_changes()
        measured = self.world.joints()[0]
        self.journal.append(
            Moment(self.time_s, self.audio_position(), self.joints.command.copy(), measured)
        )
        for listener in self.each_cycle:
            listener()
        if self._window is not None and self._window.due:
            self._window.show(measured, self.felt.torso_pose)
        self._breathe()
        before, after = self._hold_by_gears(*self.joints.advance(measured), measured)
        self._way = before + (after - before) * self._parts / self._per_cycle
        self._strength = self.joints.stiffness * self.heat.stiffness_left()
        self._efforts = self.world.efforts(self._strength, GEAR_FRICTION_NM)

    def _hold_by_gears(
        self, before: FloatArray, after: FloatArray, measured: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Let friction hold joints without stiffness where they are, until it slips."""
        limp = self.joints.stiffness <= 0.0
        slipping = np.clip(self._gears, measured - GIVE_RAD, measured + GIVE_RAD)
        self._gears = np.where(limp, slipping, measured)
        return np.where(limp, self._gears, before), np.where(limp, self._gears, after)

    def _feel(self, before: Feeling | None) -> Feeling:
        return feel(
            self.world,
            self.heat,
            time_s=self.time_s,
            stiffness=self._strength,
            battery=self.battery,
            touched=frozenset(self.touched),
            before=before,
        )

    def _fall(self) -> None:
        """Cut the motors; what moved the robot is killed."""
        self.memory.update("ALMotion/RobotIsFalling", True)
        self.joints.stop()
        self.sleep()

    def _breathe(self) -> None:
        wave = BREATH_RAD * np.sin(2.0 * np.pi * BREATHS_PER_S * self.time_s)
        self.joints.sway[:] = 0.0
        if not self.awake:
            return
        for chain, joint in (("LArm", "LShoulderPitch"), ("RArm", "RShoulderPitch")):
            if self.breathing[chain]:
                self.joints.sway[self.robot.index(joint)] = wave
        if self.breathing["Head"]:
            self.joints.sway[self.robot.index("HeadPitch")] = wave

    def _apply_forces(self) -> None:
        if self._push is not None:
            until, force = self._push
            if self.time_s >= until:
                self._push = None
            pybullet.applyExternalForce(
                self.world.body,
                BASE,
                force.tolist(),
                self.world.pose()[:3].tolist(),
                pybullet.WORLD_FRAME,
                physicsClientId=self.world.client,
            )
        if self._hook is not None and self.time_s >= self._lifted_until:
            pybullet.removeConstraint(self._hook, physicsClientId=self.world.client)
            self._hook = None
            pose = self.world.pose()
            pose[2] -= LIFT_M  # a person puts it down; it is not dropped
            place(self.world.client, self.world.body, pose)

    def _tell_changes(self) -> None:
        memory, felt = self.memory, self.felt
        memory.update("footContact", float(felt.loaded))
        memory.update("footContactChanged", felt.loaded)
        memory.update("robotIsWakeUp", self.awake)
        hot = [n for n, s in zip(self.robot.joint_names, felt.heat_status, strict=True) if s > 0]
        if hot != memory.get("HotDeviceDetected"):
            memory.update("HotDeviceDetected", hot)
            memory.update("TemperatureStatusChanged", [float(felt.heat_status.max()), hot])
        memory.update("BatteryChargeChanged", round(100.0 * self.battery))
        memory.update("BatteryLowDetected", self.battery < LOW_BATTERY)
        memory.update("BatteryPowerPluggedChanged", self.charging)
        memory.update("BatteryChargingFlagChanged", self.charging)
        name, family = self.posture()
        memory.update("PostureChanged", name)
        memory.update("PostureFamilyChanged", family)
        memory.update("ALMotion/RobotIsStand", family == "Standing")
        rate = self.version.memory_rate_hz
        if rate is None or felt.time_s - self._remembered.time_s >= 1.0 / rate:
            self._remembered = felt

    def _connect_memory(self) -> None:
        columns = {name: i for i, name in enumerate(self.robot.joint_names)}

        def look_up(key: str) -> object:
            return hardware_value(
                key, self._remembered, self.joints.command, columns, self.robot.nominal_torques_nm
            )

        self.memory.hardware = look_up
        self.memory.insert("HotDeviceDetected", [])
        self.memory.insert("TemperatureStatusChanged", [0.0, []])
        self.memory.hardware_keys = lambda: hardware_keys(self.robot.joint_names)
