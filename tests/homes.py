"""A home of one's own for records, without compiling the rules anew.

Knows two variables of the environment; must not import the simulator, which reads them.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["keep_compiled_rules"]


def keep_compiled_rules() -> None:
    """Name the cache of compiled rules where it is, before PAYSHIFT_HOME is named anew.

    Compiling costs minutes, so the cache outlives a home that is thrown away. To be called before
    anything imports `sim`: the place of the cache is fixed then.
    """
    before = os.environ.get("PAYSHIFT_HOME")
    cache = Path(before) / "cache" if before else Path.home() / ".cache" / "payshift"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache))
