"""Matchers as arguments and options of commands."""

from __future__ import annotations

import click

from sentinel.rules.matchers import Matcher, parse
from sentinel.services.muting.matchers import MATCHER_REMEDY


def read_matchers(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Matcher, ...]:
    """Read `alertname=DiskFull` and its like, or say what is wrong with one."""
    try:
        return tuple(map(parse, values))
    except ValueError as error:
        raise click.BadParameter(f"{error}; {MATCHER_REMEDY}") from None
