"""Questions to running servers: do you answer?"""

import asyncio
import contextlib

from fluxprompt.embedded.errors import StackError


async def http_status(host: str, port: int, path: str, *, seconds: float = 5) -> int | None:
    """The status of a GET, or None when nobody answers."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                words = (await reader.readline()).split()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return None
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


async def require_temporal(address: str, *, seconds: float = 10) -> None:
    """A StackError unless somebody listens at the given address of Temporal, `host:port`."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise StackError(f"TEMPORAL_ADDRESS must be host:port, not “{address}”.")
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error) or f"no answer in {seconds:g} s"
        raise StackError(
            f"Temporal of TEMPORAL_ADDRESS ({address}) cannot be reached: {reason}. Start it, or "
            "take the variable away to run the embedded one."
        ) from error
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
