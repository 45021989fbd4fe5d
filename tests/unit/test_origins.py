"""Where requests come from, as limits count it."""

from __future__ import annotations

import pytest

from sentinel.origins import origin_of


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        # A socket for both kinds has addresses of IPv4 so.
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "elsewhere"),
        (None, "elsewhere"),
        ("unix:", "elsewhere"),
    ],
)
def test_an_address_of_ipv6_stands_for_its_network_and_one_of_ipv4_for_itself(address: str | None, origin: str) -> None:
    assert origin_of(address) == origin
