"""``python -m robodance``."""

import sys

from robodance.cli import main

sys.exit(main())
