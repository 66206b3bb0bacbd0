"""Makes a process give the room of large values back to the system when they are gone."""

import ctypes
import sys

#: Bytes from which an allocation is a mapping of its own, unmapped when it is freed. glibc would
#: raise this to 32 MB once it has seen large blocks go, and then keep up to as much in each of its
#: arenas. The number is glibc's own default at the start, times eight.
LARGE = 1_048_576
#: `M_MMAP_THRESHOLD` of <malloc.h>; setting it also switches its growing off.
_M_MMAP_THRESHOLD = -3


def give_large_values_back() -> bool:
    """Call once at the start of a process; False where the C library has no such switch."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_MMAP_THRESHOLD, LARGE) == 1
