"""Where a NAO's feet feel weight: facts of the robot that its description does not hold."""

from __future__ import annotations

__all__ = ["FSR_POSITIONS_M"]

FSR_POSITIONS_M = {
    "left": {
        "FrontLeft": (0.07025, 0.0299),
        "FrontRight": (0.07025, -0.0231),
        "RearLeft": (-0.03025, 0.0299),
        "RearRight": (-0.02965, -0.0191),
    },
    "right": {
        "FrontLeft": (0.07025, 0.0231),
        "FrontRight": (0.07025, -0.0299),
        "RearLeft": (-0.03025, 0.0191),
        "RearRight": (-0.02965, -0.0299),
    },
}
"""Of each force sensor, x and y in its ankle's frame (Aldebaran's documentation 2.1, "FSRs"). The
feet are no mirrors of each other."""
