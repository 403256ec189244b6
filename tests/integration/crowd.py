"""A crowd that logs at once through one client: threads, tasks and forked workers. Run as a program by its test.

Arguments: bootstrap servers and topic prefix. Writes a line for each process to standard output: its producer's id and
how many events were sent.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import traceback

from turnlog.producers import Client, KafkaConnection

THREADS, TASKS, WORKERS = 100, 1000, 8
EACH = 20
"""Log lines and calls of each thread, task and worker, half and half."""


def chat(client: Client, name: str) -> None:
    """Have a conversation."""
    with client.conversation(name):
        for number in range(EACH // 2):
            client.info(str(number))
            with client.call(provider="p", model="m", input=str(number)) as call:
                call.finish(output="x")


async def achat(client: Client, name: str) -> None:
    """Have a conversation among others of the same thread."""
    async with client.conversation(name):
        for number in range(EACH // 2):
            client.info(str(number))
            async with client.call(provider="p", model="m", input=str(number)) as call:
                await asyncio.sleep(0)
                call.finish(output="x")


def report(client: Client) -> None:
    """Flush and say what was sent."""
    result = client.flush(120)
    assert result.complete, result
    sys.stdout.write(f"{client.producer_id} {result.sent}\n")
    sys.stdout.flush()


async def tasks(client: Client) -> None:
    """Have all tasks' conversations at once."""
    await asyncio.gather(*(achat(client, f"task-{number}") for number in range(TASKS)))


def main() -> None:
    """Let threads and tasks of this process, and the workers that it forks, log at once."""
    client = Client("crowd", connection=KafkaConnection(sys.argv[1], sys.argv[2]))
    client.info("before the crowd", conversation_id="parent")
    gate = threading.Barrier(THREADS + 1)

    def thread(name: str) -> None:
        gate.wait()
        chat(client, name)

    threads = [threading.Thread(target=thread, args=(f"thread-{number}",)) for number in range(THREADS)]
    children = []
    for number in range(WORKERS):
        child = os.fork()
        if not child:
            try:
                chat(client, f"worker-{number}")
                report(client)
            except BaseException:  # noqa: BLE001 - a child must not go on in the parent's program
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    for each in threads:
        each.start()
    gate.wait()
    asyncio.run(tasks(client))
    for each in threads:
        each.join()
    report(client)
    if any(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children):
        raise SystemExit("a worker failed")


if __name__ == "__main__":
    main()
