"""Public addresses are reached, all others only where their network is allowed."""

from __future__ import annotations

import ipaddress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from argosy.core.addresses import NOT_PUBLIC, Address, Addresses, Network, carried, is_public, parse
from argosy.errors import UsageError

PUBLIC = Addresses()
REFUSED = """
0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.192 192.0.2.1 192.88.99.1
192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.255 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1
2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:a00:1::
3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::1%2 febf::1 fec0::1 ff02::1 ffff::1
""".split()  # noqa: SIM905 - one line of numbers reads better than a page of quotes
REACHED = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0
172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
168.63.129.15
2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00::1 3ffe::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1
""".split()  # noqa: SIM905


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_on_the_public_internet_is_refused(text: str) -> None:
    assert not PUBLIC.permits_text(text)


@pytest.mark.parametrize("text", REACHED)
def test_what_is_on_the_public_internet_is_reached(text: str) -> None:
    assert PUBLIC.permits_text(text)


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "1.1.1.1:80", "[::1]"]
)
def test_what_is_not_an_address_in_plain_writing_is_refused(text: str) -> None:
    assert not PUBLIC.permits_text(text)


@given(st.ip_addresses())
@example(ipaddress.ip_address("192.0.0.9"))
@example(ipaddress.ip_address("64:ff9b::1.1.1.1"))
def test_nothing_is_reached_that_python_knows_to_be_private(address: Address) -> None:
    judged = carried(address) or address
    if PUBLIC.permits(address):
        assert judged.is_global
        assert not any((judged.is_multicast, judged.is_reserved, judged.is_loopback, judged.is_link_local))


OURS = tuple(map(ipaddress.ip_network, ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4")))
"""What we refuse and Python calls global."""


@given(st.ip_addresses(v=4))
def test_every_ipv4_address_that_python_calls_global_is_reached_but_for_those_named(
    address: ipaddress.IPv4Address,
) -> None:
    if address.is_global and not any(address in network for network in OURS):
        assert PUBLIC.permits(address)


@given(st.ip_addresses(v=4), st.integers(0, 2**80 - 1))
def test_an_ipv4_address_is_judged_alike_in_every_clothing(address: ipaddress.IPv4Address, rest: int) -> None:
    low = int(address)
    clothed = [
        ipaddress.IPv6Address(0xFFFF << 32 | low),
        ipaddress.IPv6Address(0x64FF9B << 96 | low),
        ipaddress.IPv6Address(0x2002 << 112 | low << 80 | rest),
    ]
    assert {PUBLIC.permits(each) for each in clothed} == {is_public(address)}
    mine = Addresses((ipaddress.ip_network(address),))
    everything: list[Address] = [address, *clothed]
    assert all(mine.permits(each) for each in everything)


@given(st.ip_addresses())
def test_an_allowed_network_opens_itself_and_nothing_else(address: Address) -> None:
    network = ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False)
    policy = Addresses((network,))
    assert policy.permits_text(str(network[0]))
    assert policy.permits_text(str(network[-1]))
    kind = ipaddress.IPv4Address if address.version == 4 else ipaddress.IPv6Address
    outside: Address = kind((int(network[-1]) + 1) % (1 << network.max_prefixlen))
    inner = carried(outside)
    if inner is None or inner not in network:
        assert policy.permits(outside) == PUBLIC.permits(outside)


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", ()),
        (" , ", ()),
        ("127.0.0.1", ("127.0.0.1/32",)),
        ("192.168.1.7/24, fd00::/8,10.0.0.0/255.0.0.0", ("192.168.1.0/24", "fd00::/8", "10.0.0.0/8")),
        ("::1", ("::1/128",)),
    ],
)
def test_allowed_networks_are_a_list_by_commas(text: str, networks: tuple[str, ...]) -> None:
    expected: tuple[Network, ...] = tuple(map(ipaddress.ip_network, networks))
    assert parse(text).allowed == expected


@pytest.mark.parametrize(
    "text", ["localhost", "10.0.0.0/33", "10.0.0", "http://10.0.0.1", "10.0.0.0/8 11.0.0.0/8", "any"]
)
def test_what_is_no_network_is_told(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.detail_code == "config"
    assert repr(text.strip()) in caught.value.message


def test_the_table_has_no_network_twice() -> None:
    ordered = sorted(NOT_PUBLIC)
    assert not any(one.overlaps(other) for one, other in pairwise(ordered))
