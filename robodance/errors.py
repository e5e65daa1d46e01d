"""Everything that can go wrong in a way a person can mend, each with its exit code.

A message says what was found, where, and what to do about it, in one line. The
command line prints that line and ends with ``exit_code``; a traceback is only ever
shown for an error of our own, which ends with 1.
"""

from __future__ import annotations

__all__ = [
    "AudioError",
    "CameraError",
    "ConfigError",
    "DataError",
    "FilmError",
    "InfeasibleDance",
    "MissingDependency",
    "OutputError",
    "PerformanceAborted",
    "PlanError",
    "PreflightRefused",
    "RobodanceError",
    "RobotError",
    "RobotTimeout",
    "UnreachableLimits",
    "UsageError",
]


class RobodanceError(Exception):
    """Root of all errors that robodance raises on purpose."""

    exit_code = 1


class UsageError(RobodanceError):
    """The command line or a call asks for something that does not exist."""

    exit_code = 2


class ConfigError(UsageError, ValueError):
    """A configuration, show or robot file holds an unknown key or an impossible value."""


class AudioError(RobodanceError):
    """A song cannot be read or heard."""

    exit_code = 3


class DataError(RobodanceError):
    """A motion, data set or weight file cannot be read."""

    exit_code = 3


class FilmError(RobodanceError):
    """A film cannot be read, or does not show the performance it is said to show."""

    exit_code = 3


class CameraError(RobodanceError):
    """A camera cannot be opened, or stopped giving pictures."""

    exit_code = 3


class PlanError(RobodanceError):
    """A plan or dance file cannot be read, or is of a format this version does not know."""

    exit_code = 3


class OutputError(RobodanceError, OSError):
    """A result cannot be written: no space, no permission, not a folder."""

    exit_code = 3


class MissingDependency(RobodanceError, ImportError):
    """An optional library is absent; the message holds the line that installs it."""

    exit_code = 4


class InfeasibleDance(RobodanceError):
    """No motion that obeys the robot's limits could be found."""

    exit_code = 5


class UnreachableLimits(InfeasibleDance, ValueError):
    """A limit leaves no room to move at all."""


class RobotError(RobodanceError):
    """The robot cannot be reached or refuses an order."""

    exit_code = 6


class RobotTimeout(RobotError, TimeoutError):
    """The robot did not answer in time."""


class PreflightRefused(RobodanceError):
    """A check before the performance failed, so nothing was moved."""

    exit_code = 7


class PerformanceAborted(RobodanceError):
    """The performance was stopped: a fall, heat, or a person's stop order."""

    exit_code = 8
