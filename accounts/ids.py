"""Time-ordered identifiers (UUID version 7, RFC 9562 §5.7): index-friendly and safe to show."""

import os
import time
import uuid


def new_id() -> uuid.UUID:
    """A fresh UUIDv7: 48 bits of Unix milliseconds, 12 of their fraction, 62 random bits.

    The fraction (RFC 9562 §6.2, method 3) orders what one process makes within a millisecond.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | fraction << 64
    value |= 0x2 << 62 | int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=value)
