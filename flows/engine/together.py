"""Does several things at the same time, and none of them on when one breaks."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def together[T](works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What each gives, in order. The first exception of one cancels the others, and is raised
    when they have ended; so does a cancel from outside.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    if not tasks:
        return []
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        if left := [task for task in tasks if not task.done()]:
            await asyncio.wait(left)
    return [task.result() for task in tasks]
