"""The kills that the broker has a part in, with RabbitMQ as the broker."""

from __future__ import annotations

import pytest

from tests.brokers import Broker, of_rabbitmq
from tests.chaos.test_kills import (
    test_a_broker_killed_between_post_and_delivery_loses_nothing,
    test_a_worker_killed_in_the_middle_of_500_deliveries_loses_nothing,
    test_a_worker_told_to_stop_finishes_and_doubles_nothing,
)
from tests.rabbitmq import RabbitMQ

__all__ = [
    "test_a_broker_killed_between_post_and_delivery_loses_nothing",
    "test_a_worker_killed_in_the_middle_of_500_deliveries_loses_nothing",
    "test_a_worker_told_to_stop_finishes_and_doubles_nothing",
]

pytestmark = [pytest.mark.chaos, pytest.mark.rabbitmq, pytest.mark.xdist_group("rabbitmq")]


@pytest.fixture(scope="module")
def broker(rabbitmq: RabbitMQ) -> Broker:
    """The broker of this module's installation."""
    return of_rabbitmq(rabbitmq)
