"""Plain data as the YAML of a scenario file.

Knows the syntax of files; must not know what any field means. What it writes, the reader reads.
"""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

_WIDTH = 100


def as_yaml(data: Any) -> str:
    """Write plain mappings, lists and scalars as YAML 1.2, in their order.

    Examples
    --------
    >>> print(as_yaml({"schema": 1, "payment": [{"payer": "all"}]}), end="")
    schema: 1
    payment:
      - payer: all
    """
    writer = YAML(typ="rt", pure=True)
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.width = _WIDTH
    writer.allow_unicode = True
    text = io.StringIO()
    writer.dump(data, text)
    return text.getvalue()
