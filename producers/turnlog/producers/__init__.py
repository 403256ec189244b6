"""The client for chatbots: logs calls, steps, lines, scores and releases, and never stands in the way.

    from turnlog.producers import Client, KafkaConnection

    client = Client("support-bot", tenant="acme", connection=KafkaConnection("127.0.0.1:9092"))

    messages = [{"role": "user", "content": "Where is my parcel?"}]
    with client.conversation("c-1", user_key="u-17"), client.turn():
        with client.retrieval("faq", input="parcel") as step:
            step.finish(documents=[{"id": "faq-3", "score": 0.9}])
        with client.call(provider="openai", model="gpt-4o", input=messages, temperature=0.2) as call:
            answer = "".join(call.stream(["It is ", "on its way."]))  # or call.first_chunk(), call.chunk(text)
            call.finish(output=answer, usage={"input_tokens": 12, "output_tokens": 7}, finish_reason="stop")
        client.info("answered", attributes={"parcel": "p-9"})
        client.score("thumbs", True, target=call, source="user")

    client.model_version("mv-1", provider="openai", name="gpt-4o", match_names=["gpt-4o*"],
                         prices={"input_token": "2.50", "output_token": "10"})
    client.deployment("d-1", "rollout", model_version_id="mv-1", traffic_percent=10)
    print(client.close())          # Result(sent=…, failed=0, dropped=0, pending=0)

A ``with`` or ``async with`` block that an exception leaves records it: an error, a timeout or a cancellation. Without a
block: ``call = client.start_call(…)`` then ``call.finish(…)`` or ``call.fail(error)``. ``@client.observe`` records a
function. History is replayed with
``event_time=``, ``start_time=``, ``duration=`` and ``event_id=`` (any text: the same text twice counts once).
Which conversations are kept is said by ``sampling=``, what is captured of their texts by ``content=``, and ``mask=``
changes every text that is. Settings from the environment or a file: ``Client.from_env()``, ``Client.from_file(path)``.
For tests of chatbots: :mod:`turnlog.producers.testing`.
"""

from turnlog.producers.client import Client
from turnlog.producers.clock import Clock
from turnlog.producers.delivery.losses import REPORT_NAME
from turnlog.producers.delivery.result import Result
from turnlog.producers.delivery.transport import Message, Transport
from turnlog.producers.ids import Ids, TraceParent
from turnlog.producers.limits import Limits
from turnlog.producers.operations.call import Call
from turnlog.producers.operations.scope import Conversation, Turn
from turnlog.producers.operations.step import Step
from turnlog.producers.operations.stream import AsyncStream, Stream
from turnlog.producers.sampling import Sampling
from turnlog.producers.spool import Spool
from turnlog.producers.texts.content import Content
from turnlog.producers.texts.places import TextKind
from turnlog.producers.texts.policy import Mask
from turnlog.schemas import KafkaConnection, SettingError

__all__ = [
    "REPORT_NAME",
    "AsyncStream",
    "Call",
    "Client",
    "Clock",
    "Content",
    "Conversation",
    "Ids",
    "KafkaConnection",
    "Limits",
    "Mask",
    "Message",
    "Result",
    "Sampling",
    "SettingError",
    "Spool",
    "Step",
    "Stream",
    "TextKind",
    "TraceParent",
    "Transport",
    "Turn",
]
