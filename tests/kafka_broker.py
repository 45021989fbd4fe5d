"""A broker that speaks Kafka's protocol over TCP: librdkafka's own mock cluster, in a process of its own.

The Python library exposes it by a setting alone; what tests need besides, outages and no wait at the first join of a
group, is in the C library that comes with it: https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_mock.h.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from types import TracebackType
from typing import Self

BROKER = 1
"""The id of the only broker."""


class KafkaBroker:
    """A cluster of one broker; topics are made when they are first used, with four partitions."""

    def __enter__(self) -> Self:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.address = self._heard()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)

    def go_down(self) -> None:
        """Close all connections, and let nobody connect."""
        self._say("down")

    def come_up(self) -> None:
        """Answer again, with all topics and groups as they were."""
        self._say("up")

    def _say(self, word: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{word}\n")
        assert self._heard() == word

    def _heard(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


def serve() -> None:
    """Be the cluster until standard input is closed, so that it does not outlive the tests."""
    from confluent_kafka import cimpl

    library = ctypes.CDLL(cimpl.__file__)  # brings the C library that it is linked with
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    settings = ctypes.c_void_p(library.rd_kafka_conf_new())
    library.rd_kafka_conf_set(settings, b"log_level", b"2", None, 0)  # its client has nobody to connect to
    client = ctypes.c_void_p(library.rd_kafka_new(0, settings, None, 0))
    cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(client, 1))
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
    _tell(library.rd_kafka_mock_cluster_bootstraps(cluster).decode())
    turn = {"down": library.rd_kafka_mock_broker_set_down, "up": library.rd_kafka_mock_broker_set_up}
    for word in map(str.strip, sys.stdin):
        assert turn[word](cluster, BROKER) == 0
        _tell(word)


def _tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
