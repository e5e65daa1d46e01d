"""Arrays inside values: their types, and the checks every value makes once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import RobodanceError

__all__ = [
    "FEATURE_DIM",
    "HUMAN_JOINTS",
    "POSE_DIM",
    "BoolArray",
    "FloatArray",
    "IntArray",
    "check_rising",
    "check_shape",
    "check_share",
    "freeze",
    "frozen_array",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

FEATURE_DIM = 128
POSE_DIM = 74
HUMAN_JOINTS = 21


def frozen_array(array: Any, dtype: Any = np.float64) -> Any:
    """Return a read-only copy of ``array``."""
    copy = np.array(array, dtype=dtype)
    copy.setflags(write=False)
    return copy


def freeze(instance: object, **arrays: Any) -> None:
    """Make fields read-only arrays of a type and shape: ``name=(dtype, shape)``."""
    for name, (dtype, shape) in arrays.items():
        array = frozen_array(getattr(instance, name), dtype)
        check_shape(type(instance).__name__, name, array, shape)
        object.__setattr__(instance, name, array)


def check_shape(owner: str, name: str, array: NDArray[Any], shape: tuple[int | None, ...]) -> None:
    """Refuse another shape (None: any length), and values that are not finite."""
    fits = array.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise RobodanceError(f"{owner}.{name} has shape {array.shape}, expected {shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RobodanceError(f"{owner}.{name} holds values that are not finite")


def check_rising(owner: str, name: str, times: NDArray[Any]) -> None:
    """Refuse moments that do not rise."""
    if times.size > 1 and not (np.diff(times) > 0.0).all():
        raise RobodanceError(f"{owner}.{name} is not strictly increasing")


def check_share(owner: str, name: str, shares: NDArray[Any]) -> None:
    """Refuse shares outside 0..1."""
    if shares.size and not (shares.min() >= 0.0 and shares.max() <= 1.0):
        raise RobodanceError(f"{owner}.{name} holds values outside 0..1")
