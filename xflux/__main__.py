"""`python -m xflux`."""

from __future__ import annotations

import sys

from xflux.cli import main

sys.exit(main())
