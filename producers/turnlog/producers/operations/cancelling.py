"""Whether a cancellation was a timeout: ``asyncio.timeout`` cancels the task and takes the cancellation back outside.

A call inside of the timeout's block sees a CancelledError; only when that has left the block is it known which it was.
So the verdict waits for the event loop's next round.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def verdict(error: BaseException, then: Callable[[], None]) -> Callable[[], bool] | None:
    """Return what tells whether a cancellation that arrives here is a timeout's; None if it is nothing to wait for.

    Args:
        error: What arrived.
        then: Called by the event loop in its next round, when the answer is known.
    """
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not isinstance(error, asyncio.CancelledError):
        return None
    try:
        task = asyncio.current_task()
        requests = task.cancelling() if task is not None else 0
        if not requests:
            return None
        task.get_loop().call_soon(then)
    except Exception:  # noqa: BLE001 - no loop here, a closed one, or one that is not asyncio's: it stays a cancellation
        return None
    # asyncio.timeout takes its request back; so does a TaskGroup whose task failed, which can't be told apart.
    return lambda: bool(task.cancelling() < requests)
