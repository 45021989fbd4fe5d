"""What Prometheus and Grafana are given to watch Sentinel with: rules as a file, a dashboard as a table of panels."""

from __future__ import annotations

from importlib import resources


def rules() -> str:
    """The rules for Prometheus, as shipped."""
    return resources.files(__name__).joinpath("rules.yml").read_text(encoding="utf-8")
