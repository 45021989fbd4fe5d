"""The brokers that a test may run on: Valkey, as `sentinel up` brings it, or RabbitMQ."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sentinel.embedded.servers import ChildServer
from tests.rabbitmq import RabbitMQ


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker, to be killed, and the variables that lead Sentinel to it."""

    server: ChildServer
    variables: dict[str, str]

    @property
    def nowhere(self) -> str:
        """A BROKER_URL of this kind where nobody listens."""
        scheme, _, _ = self.server.spec.url.partition(":")
        return f"{scheme}://127.0.0.1:1//"


def of_rabbitmq(rabbitmq: RabbitMQ) -> Broker:
    """RabbitMQ; without its variable the broker is REDIS_URL's server."""
    return Broker(rabbitmq.server, {"BROKER_URL": rabbitmq.url})


on_rabbitmq = pytest.param("rabbitmq", marks=[pytest.mark.rabbitmq, pytest.mark.xdist_group("rabbitmq")])
on_both_brokers = pytest.mark.parametrize("broker", ["valkey", on_rabbitmq], indirect=True)
