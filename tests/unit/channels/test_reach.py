"""Which addresses are public, and which URL names which address."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.channels.reach import Reach, literal_address

FORBIDDEN = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),
    *("168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1"),
    *("192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *(
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "2002:7f00:1::",
    ),
    *("2002:a9fe:a9fe::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "5f00::1"),
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1"),
    *("2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"),
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_is_not_public_is_out_of_reach(address: str) -> None:
    assert not Reach().contains(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_within_reach_unless_only_private_is(address: str) -> None:
    assert Reach().contains(ip_address(address))
    assert not Reach(is_private_only=True).contains(ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00::7"])
@pytest.mark.parametrize("is_private_only", [True, False])
def test_a_named_network_is_within_reach_however_its_address_is_written(address: str, *, is_private_only: bool) -> None:
    networks = (ip_network("10.1.0.0/16"), ip_network("fd00::/64"))

    assert Reach(networks, is_private_only=is_private_only).contains(ip_address(address))
    assert not Reach(networks, is_private_only=is_private_only).contains(ip_address("10.2.0.1"))


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_as_the_inner_one(address: object) -> None:
    inner = int(ip_address(str(address)))
    wrapped = [ip_address((0xFFFF << 32) | inner), ip_address((0x64FF9B << 96) | inner)]

    assert {Reach().contains(each) for each in wrapped} == {Reach().contains(ip_address(inner))}


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("::1", "::1"),
    ],
)
def test_a_host_of_digits_is_the_address_the_c_library_takes_it_for(host: str, address: str) -> None:
    assert literal_address(host) == ip_address(address)


@pytest.mark.parametrize(
    "host", ["", "example.com", "1.2.3.4.example.com", "256.1.1.1", "face", "1.2.3.4.5", "dead.beef"]
)
def test_a_name_is_no_address(host: str) -> None:
    assert literal_address(host) is None
