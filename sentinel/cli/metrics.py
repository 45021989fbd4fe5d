"""`sentinel metrics`: what Prometheus and Grafana are to be given."""

from __future__ import annotations

import click

from sentinel import monitoring
from sentinel.cli.output import print_json
from sentinel.monitoring.dashboard import dashboard as make_dashboard


@click.group(epilog="Example: sentinel metrics rules > /etc/prometheus/sentinel.rules.yml")
def metrics() -> None:
    """Watch Sentinel with Prometheus and Grafana."""


@metrics.command(epilog="Example: sentinel metrics rules > /etc/prometheus/sentinel.rules.yml")
def rules() -> None:
    """Print alerts and recording rules for Prometheus."""
    click.echo(monitoring.rules(), nl=False)


@metrics.command(epilog="Example: sentinel metrics dashboard > sentinel-dashboard.json")
def dashboard() -> None:
    """Print a dashboard that Grafana imports."""
    print_json(make_dashboard())
