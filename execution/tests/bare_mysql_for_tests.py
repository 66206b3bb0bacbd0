"""A MySQL server that knows little more than how to begin: with TLS, and with hostile wishes.

One connection after the other, on a thread with blocking sockets.
"""

import socket
import ssl
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

_PROTOCOL_41, _SSL, _SECURE, _PLUGINS = 1 << 9, 1 << 11, 1 << 15, 1 << 19
_OK = b"\x00\x00\x00\x02\x00\x00\x00"
_EOF = b"\xfe\x00\x00\x02\x00"
#: A result set of one column of text, `a`, and one row.
_COLUMN = b"\x03def\x00\x00\x00\x01a\x01a\x0c\x2d\x00\xff\x00\x00\x00\xfd\x00\x00\x00\x00\x00"
_ROWS = (b"\x01", _COLUMN, _EOF, b"\x018", _EOF)


class BareMySql:
    """Asks for the password in the clear; answers each SELECT with `reply` where one is given."""

    def __init__(self, certificate: Path | None = None, reply: bytes = b"") -> None:
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(certificate)
        self._reply = reply
        #: What came where the password was asked for, and beyond.
        self.told: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            with suppress(OSError, EOFError), peer:
                self._talk(_Packets(peer))

    def _talk(self, packets: "_Packets") -> None:
        flags = _PROTOCOL_41 | _SECURE | _PLUGINS | (_SSL if self._tls else 0)
        low, high = struct.pack("<H", flags & 0xFFFF), struct.pack("<H", flags >> 16)
        greeting = b"\x0a8.4.0\x00" + b"\x01\x00\x00\x00" + b"s" * 8 + b"\x00" + low + b"\x2d"
        greeting += b"\x02\x00" + high + b"\x15" + b"\x00" * 10 + b"s" * 12 + b"\x00"
        packets.send(greeting + b"mysql_native_password\x00")
        packets.read()
        if self._tls:
            packets.encrypt(self._tls)
            packets.read()
        packets.send(b"\xfemysql_clear_password\x00")
        self.told.append(packets.read())
        packets.send(_OK)
        while True:
            asked = packets.read()
            if b"sql_mode" in asked:
                packets.send(b"\x02", _COLUMN, _COLUMN, _EOF, b"\x058.4.0\x00", _EOF)
            elif asked.startswith(b"\x03SELECT"):
                packets.send(*((self._reply,) if self._reply else _ROWS))
            else:
                packets.send(_OK)


class _Packets:
    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._number = 0

    def encrypt(self, tls: ssl.SSLContext) -> None:
        self._peer = tls.wrap_socket(self._peer, server_side=True)

    def send(self, *payloads: bytes) -> None:
        for payload in payloads:
            self._peer.sendall(
                struct.pack("<I", len(payload))[:3] + bytes([self._number]) + payload
            )
            self._number += 1

    def read(self) -> bytes:
        head = self._exactly(4)
        self._number = head[3] + 1
        return self._exactly(int.from_bytes(head[:3], "little"))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._peer.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data
