"""Visitors of each role."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sentinel.settings import get_settings
from tests.conftest import Configure
from tests.integration.conftest import application
from tests.integration.console.visiting import Visit

AsRole = Callable[[str], Visit]


@pytest.fixture
def as_role(database: Configure) -> AsRole:
    """Log somebody in: `as_role("viewer")`."""

    def logged_in(role: str) -> Visit:
        return Visit(application(get_settings()), role, name=f"{role}-alice" if role != "admin" else "alice")

    return logged_in


@pytest.fixture
def visit(as_role: AsRole) -> Visit:
    """An admin at the console."""
    return as_role("admin")
