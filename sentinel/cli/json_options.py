"""Options whose values are JSON."""

from __future__ import annotations

from typing import Any

import click
import orjson


def json_value(_: click.Context, option: click.Parameter, value: str | None) -> Any:
    """Read an option's JSON; None without it."""
    try:
        return None if value is None else orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise click.BadParameter(f"is not JSON: {error}", param=option) from None
