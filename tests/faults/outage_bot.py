"""A chatbot for the outage test: logs calls at a steady rate until it is killed, and says on stdout what it has logged.

Run as ``python outage_bot.py SERVERS SPOOL RATE SECONDS``. Each line: the moment (monotonic, ns), the number of the
event, and what logging it cost (ns). With SECONDS above 0 it ends by itself and closes the client.
"""

from __future__ import annotations

import sys
import time

from turnlog.producers import Client, KafkaConnection, Spool


def main() -> None:
    servers, spool, rate, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
    client = Client("outage-bot", connection=KafkaConnection(servers), spool=Spool(spool))
    messages = [{"role": "user", "content": "Where is my parcel?"}]
    sys.stdout.write(f"{client.producer_id}\n")
    number, began = 0, time.monotonic()
    while not seconds or time.monotonic() - began < seconds:
        start = time.perf_counter_ns()
        with client.call(
            provider="p", model="m", input=messages, conversation_id=f"c-{number % 20}", request_id=f"r-{number}"
        ) as call:
            call.finish(output="It is on its way. " * 20, usage={"input_tokens": 9, "output_tokens": 40})
        cost = time.perf_counter_ns() - start
        sys.stdout.write(f"{time.monotonic_ns()} {number} {cost}\n")
        sys.stdout.flush()
        number += 1
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
    sys.stderr.write(f"{client.close(60)}\n")


main()
