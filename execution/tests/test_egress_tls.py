"""TLS through the guard: the certificate has to be for the name that was asked for."""

import asyncio
import datetime
import ssl
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from execution.egress import failure
from execution.egress_addresses import AllowList
from execution.egress_transport import GuardedTransport


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and self-signed certificate of good.example in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "good.example")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("good.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "good.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
    await writer.drain()
    writer.close()


async def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_the_certificate_is_checked_against_the_name_not_the_vetted_address(
    certificate: Path,
) -> None:
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate)
    trust = ssl.create_default_context(cafile=str(certificate))
    transport = GuardedTransport(AllowList.parse(["127.0.0.1"]), resolve=to_loopback, trust=trust)
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=served) as server:
        port = server.sockets[0].getsockname()[1]
        good = httpx2.Request("GET", f"https://good.example:{port}/")
        response = await transport.handle_async_request(good)
        assert await response.aread() == b"ok"
        evil = httpx2.Request("GET", f"https://evil.example:{port}/")
        with pytest.raises(httpx2.ConnectError) as caught:
            await transport.handle_async_request(evil)
    error = failure(caught.value, "evil.example", 5)
    assert (error.code, error.retryable) == ("connection_failed", False)
    assert "certificate" in error.message
    await transport.close()


async def test_an_unknown_authority_is_not_trusted(certificate: Path) -> None:
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate)
    transport = GuardedTransport(AllowList.parse(["127.0.0.1"]), resolve=to_loopback)
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=served) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await transport.handle_async_request(
                httpx2.Request("GET", f"https://good.example:{port}/")
            )
    await transport.close()
