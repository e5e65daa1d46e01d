"""Make a NAO dance to any song.

``perform`` does all of it; ``analyse_song`` and ``plan_dance`` do its first halves, and
``perform_plan`` the last one. The heavy parts are imported when they are first used, so
``import robodance`` is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from robodance.errors import RobodanceError

if TYPE_CHECKING:
    from robodance.config import PerformConfig, load_config
    from robodance.pipeline import (
        Performance,
        PlannedDance,
        analyse_song,
        perform,
        perform_plan,
        plan_dance,
    )

__version__ = "0.1.0"

__all__ = [
    "PerformConfig",
    "Performance",
    "PlannedDance",
    "RobodanceError",
    "__version__",
    "analyse_song",
    "load_config",
    "perform",
    "perform_plan",
    "plan_dance",
]

_HOMES = {
    "PerformConfig": "robodance.config",
    "Performance": "robodance.pipeline",
    "PlannedDance": "robodance.pipeline",
    "analyse_song": "robodance.pipeline",
    "load_config": "robodance.config",
    "perform": "robodance.pipeline",
    "perform_plan": "robodance.pipeline",
    "plan_dance": "robodance.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'robodance' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
