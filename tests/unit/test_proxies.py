"""Whom a request comes from, as proxies tell it: believed only as far as the chain of trusted proxies reaches."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.proxies import address_of, visitor_of

OURS = (IPv4Network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))
PROXY = IPv4Address("10.0.0.1")

proxies = st.one_of(st.ip_addresses(network="10.0.0.0/8"), st.ip_addresses(network="2001:db8:ffff::/48"))
visitors = st.one_of(st.ip_addresses(network="203.0.113.0/24"), st.ip_addresses(network="2001:db8:1::/48"))
forged = st.one_of(visitors.map(str), proxies.map(str), st.text(max_size=20), st.sampled_from(["", "unknown", "_x"]))


@pytest.mark.parametrize(
    ("header", "visitor"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("203.0.113.7,10.0.0.2,2001:db8:ffff::1", "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7", "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("  203.0.113.7  ", "203.0.113.7"),
        ("203.0.113.7:51000", "203.0.113.7"),
        ("[2001:db8:1::7]:51000", "2001:db8:1::7"),
        ("2001:db8:1::7", "2001:db8:1::7"),
        ("::ffff:203.0.113.7, ::ffff:10.0.0.2", "203.0.113.7"),
        # All are proxies: it began at the first one.
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        # What cannot be read ends the search where it is still known.
        ("", "10.0.0.1"),
        ("203.0.113.7, unknown, 10.0.0.2", "10.0.0.2"),
        ("203.0.113.7,", "10.0.0.1"),
        ("203.0.113.7, 10.0.0.999", "10.0.0.1"),
    ],
)
def test_the_visitor_is_the_first_from_the_right_that_is_no_trusted_proxy(header: str, visitor: str) -> None:
    assert visitor_of(PROXY, header, OURS) == ip_address(visitor)


@given(peer=visitors, header=st.lists(forged, max_size=5).map(",".join))
def test_who_is_no_trusted_proxy_speaks_for_nobody_else(peer: IPv4Address | IPv6Address, header: str) -> None:
    assert visitor_of(peer, header, OURS) == peer


@given(said=st.lists(forged, max_size=5), visitor=visitors, chain=st.lists(proxies, max_size=4), peer=proxies)
def test_whatever_a_visitor_says_the_proxies_know_it(
    said: list[str],
    visitor: IPv4Address | IPv6Address,
    chain: list[IPv4Address | IPv6Address],
    peer: IPv4Address | IPv6Address,
) -> None:
    header = ", ".join([*said, str(visitor), *map(str, chain)])

    assert visitor_of(peer, header, OURS) == visitor


@given(peer=proxies, header=st.text(max_size=200))
def test_no_header_breaks_the_search(peer: IPv4Address | IPv6Address, header: str) -> None:
    found = visitor_of(peer, header, OURS)

    assert found == peer or str(found) in {str(address_of(each)) for each in header.split(",")}


@given(address=st.ip_addresses(), port=st.integers(0, 65535))
def test_an_address_is_read_with_and_without_a_port(address: IPv4Address | IPv6Address, port: int) -> None:
    plain = getattr(address, "ipv4_mapped", None) or address
    bracketed = f"[{address}]" if address.version == 6 else str(address)

    assert address_of(str(address)) == address_of(bracketed) == address_of(f"{bracketed}:{port}") == plain


@pytest.mark.parametrize(
    "text", ["", " ", "unknown", "_hidden", "localhost", "127.1", "010.0.0.1", "1.2.3", "fe80::1%eth0"]
)
@pytest.mark.parametrize("form", ["{}", "[{}]", "{}:80"])
def test_names_and_riddles_are_no_addresses(text: str, form: str) -> None:
    assert address_of(form.format(text)) is None


@pytest.mark.parametrize(
    "text", ["[::1", "::1]", "[::1]x", "[::1]:", "[::1]:x", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:٣", "[]", "[[::1]]"]
)
def test_half_an_address_is_none(text: str) -> None:
    assert address_of(text) is None
