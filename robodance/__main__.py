"""``python -m robodance``."""

from robodance.cli import run

run()
