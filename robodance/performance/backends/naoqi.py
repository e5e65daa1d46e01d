"""A physical NAO, or a virtual one, that speaks NAOqi.

Whole curves are sent ahead in chunks, so that the network's delays do not show. The robot
protects itself: its fall manager and its arms' collision protection stay on, and every way
out of a dance ends with a robot at rest.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from robodance.config import NaoqiConfig
from robodance.errors import PerformanceAborted, PreflightRefused, RobotError, RobotTimeout
from robodance.performance.backend import Observation
from robodance.performance.backends.naoqi_checks import RobotState, faults, read_state, temperatures
from robodance.performance.backends.naoqi_chunks import Chunk, moving_motors
from robodance.performance.backends.naoqi_ending import Ending, interrupts_put_off
from robodance.performance.backends.naoqi_feet import lean_beside, leaning_torso, zmp_margin
from robodance.performance.backends.naoqi_film import CameraFilm
from robodance.performance.backends.naoqi_lights import Lights
from robodance.performance.backends.naoqi_link import Link, LinkLost, address_of
from robodance.performance.backends.naoqi_music import Music, make_music
from robodance.performance.backends.naoqi_player import Player
from robodance.performance.backends.naoqi_standing import approach, stand_up
from robodance.performance.backends.naoqi_watch import Watch, key_pressed, keys_unbuffered
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, Plan

__all__ = ["NaoqiRobot"]

PERIOD_S = 0.05
STOP_KEYS = " \n\r"
LAST_CHUNK_S = 1.5
FALL_S = 0.8  # a NAO that tips over lies
POLL_S = 0.004


class NaoqiRobot:
    """A robot at the other end of a wire.

    Args:
        robot: What the plan was made for.
        config: Where it is, and thresholds.
        song: The song's file; None: silence.
        film: Whether its camera films the dance.
    """

    name = "naoqi"
    period_s = PERIOD_S
    observe_every = 1

    def __init__(
        self,
        robot: RobotModel,
        config: NaoqiConfig,
        song: Path | None = None,
        film: bool = False,
    ) -> None:
        self.robot = robot
        self._config, self._song = config, song
        self._link = Link(address_of(config.address), config.call_timeout_s, config.user)
        self._ending = Ending(self._link, _say, config.reconnect_s)
        self._stack = contextlib.ExitStack()
        self._plan: Plan | None = None
        self._player: Player | None = None
        self._watch: Watch | None = None
        self._lights: Lights | None = None
        self._music: Music | None = None
        self._film = CameraFilm(self._link, config) if film else None
        self._ending_due = self._finished = self._lost = False
        self._moment_s = self._seen_s = 0.0
        self._seen: Observation | None = None
        self._leaned: tuple[float, FloatArray] | None = None
        self._state: RobotState | None = None
        self._facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            RobotError: The robot cannot be reached.
        """
        self._link.connect()
        self._state = read_state(self._link)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        self._link.tend = None
        self._stack.close()
        self._link.close()

    @property
    def state(self) -> RobotState:
        """What the robot said about itself when it was connected."""
        if self._state is None:
            raise RobotError("the robot is not connected; use the backend in a with statement")
        return self._state

    def fetch_film(self, to: Path) -> tuple[float, float]:
        """Bring the camera's film here; returns the plan's moments of its begin and end.

        Raises:
            RobotError: There is none, or it cannot be copied.
        """
        if self._film is None or self._music is None:
            raise RobotError("no film was asked for")
        self._film.fetch(to)
        music = self._music
        return music.moment(self._film.began_s), music.moment(self._film.ended_s)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """What was sent."""
        return () if self._player is None else tuple(self._player.chunks)

    @property
    def has_moved(self) -> bool:
        """Whether it was ever told to move."""
        return self._ending_due or bool(self._facts)

    def check(self, plan: Plan) -> None:
        """Check robot and plan; nothing moves.

        Raises:
            PreflightRefused: With every reason.
        """
        found = faults(self.state, plan, self.robot, self._config, standing=False)
        if found:
            raise PreflightRefused("the robot was not moved: " + "; ".join(found))

    def preflight(self, plan: Plan) -> None:
        """Check robot and plan, and bring the music to the robot; nothing moves.

        Raises:
            PreflightRefused: With every reason.
        """
        self.check(plan)
        if self._film is not None:
            self._film.check()
        self._plan, link = plan, self._link
        self._moment_s = float(plan.times_s[0])
        self._music = make_music(link, plan, self._song, self._config, self._ending)
        self._stack.callback(self._music.close)
        self._player = Player(
            link, plan, self.robot, self._music, self.state.cycle_s, self._config.interpolation
        )
        if self._config.lights:
            self._lights = Lights(link, plan)

    def take_start(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Wake up, stand, take the first posture, look again, start the music."""
        with self._minding():
            self._stand_up(positions_rad)
            self._begin()

    def _stand_up(self, positions_rad: FloatArray) -> None:
        plan, link = self._ready_plan(), self._link
        self._stack.enter_context(keys_unbuffered())
        link.tend = self._heed_keys
        self._ending_due = True
        stand_up(link, self.state, self._ending)
        names = [n for n in plan.joint_names if n not in self.robot.mirrored_joints]
        columns = [plan.joint_names.index(name) for name in names]
        approach(
            link,
            names,
            positions_rad[columns],
            self.robot.velocity_limits_rad_s[columns],
            self._config.call_timeout_s,
        )
        found = faults(read_state(link), plan, self.robot, self._config, standing=True)
        if found:
            raise PerformanceAborted("the robot stands and was stopped: " + "; ".join(found))
        if self._film is not None:
            self._film.begin()
        self._watch = Watch(link, moving_motors(plan, self.robot), self._config)
        link.tend = self._tend

    @contextlib.contextmanager
    def _minding(self) -> Iterator[None]:
        """Turn what goes wrong with a robot that has been moved into the end of the dance."""
        try:
            yield
        except (LinkLost, RobotTimeout) as error:
            self._lost = True
            raise PerformanceAborted(f"{error}; the dance was given up") from error
        except RobotError as error:
            raise PerformanceAborted(f"{self._why() or error}; the dance was stopped") from error

    def _why(self) -> str:
        """Ask a robot that broke a motion off for the reason; it may have fallen."""
        self._link.tend = None
        with contextlib.suppress(RobotError):
            return self._watch.look_now() if self._watch is not None else ""
        return ""

    def move(self, before_rad: FloatArray, after_rad: FloatArray) -> None:
        """Let time pass until the robot is there."""
        self._moment_s += self.period_s
        player, plan = self._player, self._ready_plan()
        assert player is not None
        with self._minding():
            while player.moment(time.monotonic()) < self._moment_s - 1e-9 and not player.done:
                self._tend()
                time.sleep(POLL_S)
            self._tend()
        self._finished = self._moment_s > plan.times_s[-1] - 2.0 * self.period_s

    def observe(self) -> Observation:
        """Read joints, trunk and feet; where answers come slowly, some moments are left out."""
        plan, player, seen = self._ready_plan(), self._player, self._seen
        if seen is not None and player is not None and self._behind(player):
            return replace(seen, late_s=self._seen_s - self._moment_s)  # known already
        asked = time.monotonic()
        with self._minding():
            angles = self._link.call(
                "ALMotion", "getAngles", "Body", True, timeout_s=self._config.lost_after_s
            )
        # The angles are those of the robot's last motion cycle: half a cycle old on average.
        middle = (asked + time.monotonic() - self.state.cycle_s) / 2.0
        by_name = dict(zip(self.state.limits, map(float, angles), strict=True))
        measured = np.array([by_name[name] for name in plan.joint_names])
        moment = self._moment_s
        if player is not None:
            moment = player.seen(measured, player.moment(middle))
            player.note_blocked(measured, moment, self._config.blocked_rad)
        self._seen_s = moment
        self._seen = Observation(
            measured_rad=measured,
            torques_nm=np.full(len(measured), np.nan),  # a NAO does not measure them
            torso_pose=leaning_torso(plan, moment, self._lean(plan)),
            zmp_margin_m=self._zmp(plan),
            touching=(),
            late_s=moment - self._moment_s,
        )
        return self._seen

    def _behind(self, player: Player) -> bool:
        return player.moment(time.monotonic()) > self._moment_s + 1.5 * self.period_s

    def rest(self) -> None:
        """Bring the robot to rest, whatever happened before."""
        self._link.tend = None
        if not self._ending_due:
            return
        with interrupts_put_off():
            self._ending_due = False
            if self._player is not None and self._player.chunks:
                self._facts |= self._player.figures()
            if self._finished and not self._lost:
                self._play_out()
            if self._music is not None:
                with contextlib.suppress(RobotError):
                    self._music.stop()
            heard = not self._lost and (self._finished or self._ending.stop())
            fallen = self._falls()
            if heard or self._ending.find_again():
                heard = self._ending.rest(fallen=fallen, finished=self._finished)
                if not heard and self._ending.find_again():
                    heard = self._ending.rest(fallen=fallen, finished=False)
            self._facts["at_rest"] = heard
            if heard:
                self._look_back()
            _say("the robot is at rest" if heard else "the robot may still have stiff motors")

    def _look_back(self) -> None:
        """After the dance: the film is finished, and how warm the joints are."""
        if self._film is not None:
            self._film.end()
        with contextlib.suppress(RobotError):
            self._facts["temperatures_after_c"] = temperatures(self._link, self.state.limits)

    def _falls(self) -> bool:
        """Return whether it has fallen or falls; feet that lose the floor may be either's start."""
        watch = self._watch
        if watch is not None and watch.lifted and not watch.fell:
            time.sleep(FALL_S)
            self._why()
        return watch is not None and watch.fell

    def metadata(self) -> dict[str, Any]:
        """Return what is known of the robot and how well it kept time."""
        state = self.state
        return {
            "robot_name": state.name,
            "naoqi": state.version,
            "motion_cycle_s": state.cycle_s,
            "battery_percent": state.battery,
            "temperatures_before_c": dict(state.temperatures_c),
            "observations_per_s": 1.0 / PERIOD_S,
            **self._facts,
        }

    def _begin(self) -> None:
        """Start the music and, on its clock, the dance; returns when it begins."""
        music, player, plan = self._music, self._player, self._ready_plan()
        watch = self._watch
        assert music is not None
        assert player is not None
        assert watch is not None
        link_tend, self._link.tend = self._link.tend, self._tend_quietly
        music.start()
        player.start(lambda: watch.delay_s)
        self._link.tend = link_tend
        while player.moment(time.monotonic()) < plan.times_s[0]:
            self._tend()
            time.sleep(POLL_S)

    def _tend(self) -> None:
        self._heed_keys()
        assert self._watch is not None
        self._watch.tend()
        if self._player is not None:
            self._player.tend()
        if self._music is not None:
            self._music.tend()
        if self._lights is not None and self._player is not None:
            self._lights.tend(self._player.moment(time.monotonic()))

    def _tend_quietly(self) -> None:
        """Watch, while nothing is played yet."""
        self._heed_keys()
        if self._watch is not None:
            self._watch.tend()

    def _heed_keys(self) -> None:
        key = key_pressed()
        if key and key in STOP_KEYS:
            raise PerformanceAborted("stopped by a key")

    def _lean(self, plan: Plan) -> FloatArray | None:
        """How the trunk leaned beside the plan when the robot last told its angles."""
        watch, player = self._watch, self._player
        tilt = watch.tilt() if watch is not None else self.state.tilt_rad
        if tilt is None:
            return None
        if watch is None or player is None or not player.chunks:
            return lean_beside(plan, self._moment_s, tilt)
        if self._leaned is None or self._leaned[0] != watch.tilt_known_s:
            moment = player.moment(watch.tilt_known_s)
            self._leaned = watch.tilt_known_s, lean_beside(plan, moment, tilt)
        return self._leaned[1]

    def _zmp(self, plan: Plan) -> float:
        if self._watch is None:
            return float("nan")
        return zmp_margin(self.robot, plan, self._watch.seen)

    def _play_out(self) -> None:
        """Wait for the end of the last chunk."""
        end = time.monotonic() + LAST_CHUNK_S
        with contextlib.suppress(RobotError, PerformanceAborted):
            while self._player is not None and not self._player.done and time.monotonic() < end:
                self._player.tend()
                time.sleep(POLL_S)

    def _ready_plan(self) -> Plan:
        if self._plan is None:
            raise RobotError("there is no plan; call preflight first")
        return self._plan


def _say(text: str) -> None:
    print(f"robodance: {text}", file=sys.stderr, flush=True)
