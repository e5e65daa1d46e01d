"""Services that no NAO has: faults on demand, and the journal that judges need."""

from __future__ import annotations

from itertools import islice
from typing import Any

from robodance.virtual_nao.faults import Faults
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.services.base import Service, number, text, whole
from robodance.virtual_nao.settings import FAULT_KINDS, Fault
from robodance.virtual_nao.wire import Wire

__all__ = ["RobodanceFaults", "RobodanceJournal"]


class RobodanceFaults(Service):
    """Lets things go wrong while it runs."""

    NAME = "RobodanceFaults"

    def __init__(self, nao: VirtualNao, faults: Faults) -> None:
        super().__init__(nao)
        self._faults = faults

    def kinds(self) -> dict[str, str]:
        """Return what can go wrong, with the meaning of its argument."""
        return dict(FAULT_KINDS)

    def happen(self, kind: Any, argument: Any = "") -> None:
        """Let something go wrong now."""
        self._faults.happen(Fault(text(kind), self._nao.time_s, text(argument)))

    def happenAfter(self, kind: Any, seconds: Any, argument: Any = "") -> None:
        """Let something go wrong later."""
        self._faults.later(Fault(text(kind), number(seconds, 0.0), text(argument)))

    def happened(self) -> list[list[Any]]:
        """Return [robot time, kind, argument] of all that went wrong."""
        return [list(entry) for entry in self._faults.happened]

    def mend(self) -> None:
        """Make right what can be: network, battery, charger, heat, refusals."""
        self._faults.mend()

    def standUp(self, posture: Any = "Stand") -> None:
        """Put the robot on its feet with its motors off, as a person does."""
        self._nao.stand_up(text(posture))


class RobodanceJournal(Service):
    """What was true, by the robot's own clocks: for tests, never for a performance."""

    NAME = "RobodanceJournal"

    def __init__(self, nao: VirtualNao, wire: Wire) -> None:
        super().__init__(nao)
        self._wire = wire
        self.slipped_s = 0.0
        self.latest_s = 0.0

    def time(self) -> float:
        """Return robot time: counted physics steps."""
        return self._nao.time_s

    def slipped(self) -> float:
        """Return by how much robot time has fallen behind wall time for good, seconds."""
        return self.slipped_s

    def latest(self) -> float:
        """Return how late the robot was at most since this was asked last, seconds."""
        latest, self.latest_s = self.latest_s, 0.0
        return latest

    def since(self, time_s: Any, most: Any = 0) -> list[list[Any]]:
        """Return [time, audio position, commands, measured angles] of each cycle since then.

        The audio position is that of the sound in its file, in samples counted as seconds;
        negative when nothing sounds. Joints are in the order of getBodyNames("Body"). With
        ``most`` only that many of the oldest: minutes at once make the robot late.
        """
        after, count = number(time_s), whole(most, 0)
        rows = (
            [m.time_s, m.audio_s, m.command.tolist(), m.measured.tolist()]
            for m in self._nao.journal
            if m.time_s > after
        )
        return list(islice(rows, count or None))

    def lights(self) -> list[list[Any]]:
        """Return [time, group, colour] of what the lights did."""
        return [list(entry) for entry in self._nao.lights]

    def calls(self) -> dict[str, int]:
        """Return how often each Service.method has been called."""
        return dict(self._wire.calls)

    def bentCommands(self) -> int:
        """Return how many commands the protection of the arms has bent."""
        return self._nao.guard.bent

    def torsoPose(self) -> list[float]:
        """Return where the torso is, x y z qx qy qz qw."""
        return [float(value) for value in self._nao.world.pose()]
