"""Whether a dance could be danced: foot contact as three published systems measure it."""

from __future__ import annotations

import numpy as np

from robodance.learning.metrics import support
from robodance.skeleton import INDEX, WAIST
from robodance.values import FloatArray

__all__ = ["PUBLISHED_RATE_HZ", "foot_contact_score", "foot_skate"]

PUBLISHED_RATE_HZ = 30.0
ANKLE_M, TOE_M = 0.08, 0.05
SLIDING_M = 0.01  # a frame


def foot_contact_score(joint_positions_m: FloatArray, *, per_second: bool = False) -> float:
    """Return the physical foot contact score, PFC (Tseng et al., EDGE, CVPR 2023).

    Printed: the mean over frames of ``a_t v_left v_right``, with the root's acceleration
    ``a``, downward part dropped, over its largest value in the clip, and each foot's speed.
    The code takes horizontal displacements per frame at 30 frames a second, of ankle or
    toe, whichever is slower, and multiplies by 10,000. A body that stands still scores 0,
    the best there is.

    Args:
        joint_positions_m: Shape (T, 21, 3), world, 30 frames a second, T at least 4.
        per_second: True for speeds in m/s and no factor, as printed; else as coded.
    """
    positions = np.asarray(joint_positions_m, dtype=np.float64)
    velocity = np.diff(positions[:, WAIST], axis=0)
    acceleration = np.diff(velocity, axis=0)
    acceleration[:, 2] = np.maximum(acceleration[:, 2], 0.0)
    size = np.linalg.norm(acceleration, axis=1)
    if size.max(initial=0.0) <= 0.0:
        return 0.0
    slower = []
    for side in ("left", "right"):
        joints = [INDEX[f"{side}_ankle"], INDEX[f"{side}_toe"]]
        steps = np.linalg.norm(np.diff(positions[:, joints, :2], axis=0), axis=2)
        slower.append(steps.min(axis=1)[: len(size)])
    scale = PUBLISHED_RATE_HZ**2 if per_second else 1e4
    return float(scale * (size / size.max() * slower[0] * slower[1]).mean())


def foot_skate(joint_positions_m: FloatArray, *, coded: bool = True) -> tuple[float, float]:
    """Return the numerator and the denominator of the foot-skate ratio, FSR (Li et al., LODGE).

    As coded a foot is in contact where its ankle is at most 8 cm and its toe at most 5 cm
    above the floor, and it skates where the absolute *mean of the two horizontal
    displacements* of ankle or toe is over 1 cm a frame at 30 frames a second, so that a
    diagonal slide can cancel. Markers of a shoe rest higher than that: otherwise contact is
    ``support``, within 3 cm of the dance's own resting heights, and the displacement's
    length counts.

    Args:
        joint_positions_m: Shape (T, 21, 3), world, 30 frames a second.
        coded: As coded, or by the dance's own heights and true lengths.

    Returns:
        Frames that skate and frames in contact, both feet together.
    """
    positions = np.asarray(joint_positions_m, dtype=np.float64)
    standing = support(positions)
    skating = contact = 0.0
    for column, side in enumerate(("right", "left")):
        ankle, toe = INDEX[f"{side}_ankle"], INDEX[f"{side}_toe"]
        steps = np.diff(positions[:, [ankle, toe], :2], axis=0)
        if coded:
            down = (positions[1:, ankle, 2] <= ANKLE_M) & (positions[1:, toe, 2] <= TOE_M)
            moves = np.abs(steps.mean(axis=2)) > SLIDING_M
        else:
            down = standing[1:, column] & standing[:-1, column]
            moves = np.linalg.norm(steps, axis=2) > SLIDING_M
        skating += float((down & moves.any(axis=1)).sum())
        contact += float(down.sum())
    return skating, contact
