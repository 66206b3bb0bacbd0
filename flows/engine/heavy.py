"""Takes heavy computing off the event loop: a worker's other calls go on, and it is not taken for
dead.
"""

import asyncio
from collections.abc import Callable

#: Bytes of data from which on working through it may hold others up.
HEAVY = 262_144


async def compute[**P, T](
    size: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """The function's result: on a thread where `size` bytes of data are heavy, else right here."""
    if size < HEAVY:
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)
