"""What Sentinel asks of RabbitMQ, as far as no server is needed."""

from __future__ import annotations

import ssl

import pytest

from sentinel import rabbitmq


@pytest.mark.parametrize(
    ("url", "is_rabbitmq"),
    [
        ("amqp://guest:guest@127.0.0.1:5672//", True),
        ("amqps://queue.example.com/sentinel", True),
        ("pyamqp://queue.example.com", True),
        ("redis://:amqp://@127.0.0.1:6379/0", False),
        ("", False),
    ],
)
def test_the_scheme_tells_the_broker(url: str, *, is_rabbitmq: bool) -> None:
    assert rabbitmq.is_rabbitmq(url) is is_rabbitmq


def test_over_tls_the_certificate_must_be_the_hosts() -> None:
    assert rabbitmq.tls("amqps://queue.example.com") == {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}
    assert rabbitmq.tls("amqp://queue.example.com") is False
    assert rabbitmq.tls("rediss://queue.example.com") is False


@pytest.mark.parametrize(("asked", "waited"), [(1.0, 1), (1.2, 2), (0.2, 1), (239.5, 240)])
def test_a_wait_is_rounded_up_for_a_message_never_comes_before_it_is_due(asked: float, waited: int) -> None:
    assert rabbitmq.whole_seconds(asked) == waited
