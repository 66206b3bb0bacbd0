"""Makes PNG files smaller without changing a pixel: browsers pack them fast, not tightly."""

import struct
import zlib
from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def tighten(file: Path) -> None:
    """Pack the picture's data again, as tightly as deflate does."""
    content = file.read_bytes()
    at, before, after, packed = len(_SIGNATURE), b"", b"", b""
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, chunk = content[at + 4 : at + 8], content[at : at + 12 + length]
        if kind == b"IDAT":
            packed += chunk[8:-4]
        elif packed:
            after += chunk
        else:
            before += chunk
        at += 12 + length
    data = zlib.compress(zlib.decompress(packed), 9)
    checked = b"IDAT" + data
    idat = struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))
    if len(before + idat + after) + len(_SIGNATURE) < len(content):
        file.write_bytes(_SIGNATURE + before + idat + after)
