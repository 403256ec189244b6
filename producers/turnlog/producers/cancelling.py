"""Whether a cancellation was a timeout: ``asyncio.timeout`` cancels the task and takes the cancellation back outside.

A call inside of the timeout's block sees a CancelledError; only when that has left the block is it known which it was.
So the verdict waits for the event loop's next round.
"""

from __future__ import annotations

import sys
from collections.abc import Callable


def on_verdict(error: BaseException, told: Callable[[bool], None]) -> bool:
    """Arrange to be told, once it is known, whether a cancellation that arrives here is a timeout's.

    Args:
        error: What arrived.
        told: Called by the event loop in its next round.

    Returns:
        False if it is no cancellation of a running task, so that nothing will be told.
    """
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
        requests = task.cancelling() if task is not None else 0
        if not requests:
            return False

        # asyncio.timeout takes its request back; so does a TaskGroup whose task failed, which can't be told apart.
        task.get_loop().call_soon(lambda: told(task.cancelling() < requests))
    except Exception:  # noqa: BLE001 - no loop here, a closed one, or one that is not asyncio's: it stays a cancellation
        return False
    return True
