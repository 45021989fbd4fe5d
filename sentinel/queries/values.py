"""How lists travel to PostgreSQL: as one value each, so that a statement's text is the same for 1 and 500 rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson


def array(texts: Iterable[str]) -> str:
    """Write ids or statuses as an array literal, for `CAST(:ids AS uuid[])`; they need no quoting."""
    return "{" + ",".join(texts) + "}"


def recordset(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as JSON text, for `json_to_recordset(CAST(:rows AS json))`."""
    return orjson.dumps(list(rows)).decode()
