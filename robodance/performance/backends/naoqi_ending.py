"""Every way out: stop the motion, be silent, crouch, rest, and put back what was changed."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from robodance.errors import RobotError, RobotTimeout
from robodance.performance.backends.naoqi_link import Link, LinkLost

__all__ = ["CHEST_BUTTON", "Ending", "interrupts_put_off"]

CHEST_BUTTON = (
    "press and hold the chest button of the robot (3 s: it shuts down; 8 s: its motors are off "
    "at once) and hold its body"
)
STOP_S = 1.0  # for an answer to the stop order
STOP_ORDERS = 3
REST_S = 8.0
LIVELY = {"interactive", "solitary"}  # states of Autonomous Life in which it moves by itself


@dataclass
class Ending:
    """Brings a robot to rest and remembers what to put back.

    Attributes:
        link: The robot.
        say: Tells a person.
        life: State of Autonomous Life before; None: not changed.
        restore: Calls that put back what was changed: service, method, arguments.
        reconnect_s: How long a lost robot is called again.
    """

    link: Link
    say: Callable[[str], None]
    reconnect_s: float
    life: str | None = None
    restore: list[tuple[str, str, tuple[object, ...]]] = field(default_factory=list)

    def stop(self) -> bool:
        """Stop motion and sound at once; returns whether the robot heard.

        A chunk that was sent just before may be overtaken by the order to stop, so it is
        given again until nothing plays.
        """
        try:
            for attempt in range(STOP_ORDERS):
                order = self.link.send("ALMotion", "killAll")
                if attempt == 0:
                    with contextlib.suppress(RobotError):
                        self.link.send("ALAudioPlayer", "stopAll")
                self.link.wait(order, "ALMotion.killAll", timeout_s=STOP_S)
                if not self.link.call("ALMotion", "getTaskList", timeout_s=STOP_S):
                    break
        except RobotError:
            return False
        return True

    def rest(self, *, fallen: bool, finished: bool) -> bool:
        """Crouch and switch the motors off; a robot that lies is only switched off.

        Args:
            fallen: Whether it has fallen or falls.
            finished: Whether the dance came to its end by itself.

        Returns:
            Whether the robot is at rest.
        """
        try:
            if fallen:
                self.link.call("ALMotion", "setStiffnesses", "Body", 0.0)
            else:
                self.link.call("ALMotion", "rest", timeout_s=REST_S)
        except (RobotTimeout, LinkLost):
            return False
        except RobotError as error:
            self.say(f"{error}; its motors are switched off now")
            try:
                self.link.call("ALMotion", "setStiffnesses", "Body", 0.0)
            except RobotError:
                return False
        self._put_back(finished=finished)
        return True

    def find_again(self) -> bool:
        """Call a lost robot again until it answers; returns whether it did."""
        end = time.monotonic() + self.reconnect_s
        self.say(
            f"the robot does not answer; it plays what it holds, at most 4 s, and stands. Now: "
            f"{CHEST_BUTTON}. Calling it for {self.reconnect_s:g} s"
        )
        limit, self.link.timeout_s = self.link.timeout_s, 2.0
        try:
            while time.monotonic() < end:
                with contextlib.suppress(RobotError):
                    self.link.connect()
                    if self.stop():
                        self.say("it answers again")
                        return True
                time.sleep(min(0.25, max(0.0, end - time.monotonic())))
        finally:
            self.link.timeout_s = limit
        self.say(f"the robot was not reached again: {CHEST_BUTTON}")
        return False

    def _put_back(self, *, finished: bool) -> None:
        for service, method, arguments in reversed(self.restore):
            with contextlib.suppress(RobotError):
                self.link.call(service, method, *arguments)
        if self.life is None or self.life == "disabled":
            return
        if self.life in LIVELY and not finished:
            self.say(f"Autonomous Life was {self.life} and stays off, so that the robot rests")
            return
        with contextlib.suppress(RobotError):
            self.link.call("ALAutonomousLife", "setState", self.life)


@contextlib.contextmanager
def interrupts_put_off() -> Iterator[None]:
    """Let nobody interrupt the way to rest; says so when someone tries."""

    def wait(number: int, frame: object) -> None:
        print("robodance: wait, the robot is being brought to rest", file=sys.stderr, flush=True)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)  # the command line uses all three
    try:
        before = [signal.signal(number, wait) for number in numbers]
    except ValueError:  # not in the main thread: nobody is interrupted there
        yield
        return
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
