"""What Python loads, and when: modules that nobody asks for, and garbage that is none."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

UNWANTED = ("cffi", "yaml", "greenlet")
"""What Celery and SQLAlchemy would import because it is there.

cffi would parse C in each new child, and dirty 10 MB that it shares with its parent; nobody here sends YAML or switches
between greenlets.
"""

NEW_OBJECTS = 20_000
"""So many new objects make Python look for circles among them; a batch of events is thousands, and leaves none."""


def search_rarely() -> None:
    """Have Python look for garbage after some batches, and not many times during each."""
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Let libraries do without modules that they would import if there were any, and that nobody here asks for."""
    found = {name: sys.modules.get(name) for name in names}
    sys.modules |= dict.fromkeys(names)  # type: ignore[arg-type] # None is what `import` takes for "there is none"
    try:
        yield
    finally:
        for name, module in found.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


def load_redis() -> None:
    """Load the Redis client, which would load a part of OpenTelemetry where that is installed, for nobody."""
    with hidden("opentelemetry"):
        importlib.import_module("redis")


@contextmanager
def loading() -> Iterator[None]:
    """Import for the life of the process: look for garbage once at the end, and never again in what has come.

    A dozen looks through growing heaps of modules are a fifth of a start; later ones would also write to memory that
    a child shares with its parent.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
