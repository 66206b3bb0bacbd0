"""Which addresses may be called: the corpus of ways to reach what is near."""

import ipaddress

import pytest

from execution.egress_addresses import AllowList, is_public, origin_entry

NEAR = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "169.254.170.2",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:53aa:64c:0:ffff:80ff:fffe",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
FAR = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
]


@pytest.mark.parametrize("address", NEAR)
def test_s8_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", FAR)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "admitted"),
    [
        ("intranet", "intranet", 80, "10.0.0.5", True),
        ("intranet", "Intranet.", 80, "10.0.0.5", True),
        ("intranet", "intranet.evil.example", 80, "10.0.0.5", False),
        ("intranet:8080", "intranet", 8080, "10.0.0.5", True),
        ("intranet:8080", "intranet", 80, "10.0.0.5", False),
        ("intranet", "intranet", 80, "169.254.169.254", False),
        ("intranet", "intranet", 80, "::ffff:169.254.169.254", False),
        ("169.254.169.254", "metadata", 80, "169.254.169.254", True),
        ("10.1.0.0/16", "anything", 80, "10.1.2.3", True),
        ("10.1.0.0/16", "anything", 80, "10.2.2.3", False),
        ("10.1.0.0/16", "anything", 80, "::ffff:10.1.2.3", True),
        ("127.0.0.1", "localhost", 80, "127.0.0.1", True),
        ("127.0.0.1:9000", "localhost", 9000, "127.0.0.1", True),
        ("127.0.0.1:9000", "localhost", 9001, "127.0.0.1", False),
        ("[::1]:9000", "localhost", 9000, "::1", True),
        ("fd00::/8", "anything", 80, "fd12::1", True),
    ],
)
def test_s8_the_allow_list_admits_what_it_names(
    entry: str, host: str, port: int, address: str, admitted: bool
) -> None:
    allowed = AllowList.parse([entry])
    assert allowed.admits(host, port, ipaddress.ip_address(address)) is admitted


@pytest.mark.parametrize("entry", ["", "host:http", "10.0.0.0/99", "a/b"])
def test_an_unreadable_entry_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="FLUX_ALLOW_HOSTS"):
        AllowList.parse([entry])


def test_an_address_of_the_operator_becomes_the_entry_for_just_its_port() -> None:
    assert origin_entry("http://models:8080/v1") == "models:8080"
    assert origin_entry("https://models.example/v1") == "models.example:443"
    assert origin_entry("http://[::1]:8080") == "[::1]:8080"
