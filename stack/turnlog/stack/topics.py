"""Makes Kafka's topics as the table in :mod:`turnlog.schemas.topics` says: creates, compares, never shrinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # its stubs forget to export two of them
    AdminClient,
    ConfigResource,
    NewTopic,
)

from turnlog.schemas import TOPICS, KafkaConnection, SettingError, Topic, TransientError
from turnlog.schemas.topics import DEFAULT_PARTITIONS
from turnlog.stack.leaders import await_leaders

_TIMEOUT = 30.0


@dataclass(frozen=True)
class TopicState:
    """A topic as it is, beside what it should be.

    Attributes:
        topic: What it should be.
        name: Its full name, prefix included.
        partitions: How many it should have.
        found: How many it has; 0 if it does not exist.
        differences: Sentences on what differs, such as ``retention.ms is 1000, should be 86400000``.
        created: Whether this call made it.
    """

    topic: Topic
    name: str
    partitions: int
    found: int = 0
    differences: Sequence[str] = field(default_factory=tuple)
    created: bool = False

    @property
    def state(self) -> str:
        """``created``, ``missing``, ``differs`` or ``ok``."""
        if self.created:
            return "created"
        if not self.found:
            return "missing"
        return "differs" if self.differences else "ok"


def inspect(connection: KafkaConnection, partitions: int = DEFAULT_PARTITIONS) -> list[TopicState]:
    """Compare every topic with what it should be; blocks until Kafka answers.

    Raises:
        TransientError: If Kafka does not answer.
    """
    return _inspect(_admin(connection), connection.prefix, partitions)


def apply(connection: KafkaConnection, partitions: int = DEFAULT_PARTITIONS) -> list[TopicState]:
    """Create the topics that are missing and return the state of all; safe to repeat and to run twice at once.

    What exists is left as it is, also where it differs: growing a topic would send later messages of a conversation to
    another partition than its earlier ones. Blocks until Kafka answers, and the new topics can be used.

    Args:
        connection: Where Kafka is, and the topics' prefix.
        partitions: Partitions of the topics that run side by side: raw, clean and panes.

    Raises:
        SettingError: If the number of partitions can't be.
        TransientError: If Kafka does not answer.
    """
    if not 1 <= partitions <= 10_000:
        raise SettingError(f"{partitions} partitions: give a number from 1 to 10000")
    admin = _admin(connection)
    missing = [state for state in _inspect(admin, connection.prefix, partitions) if not state.found]
    made: set[str] = set()
    if missing:
        # Replication is the broker's default: one on a single machine, three on a cluster that says so.
        wanted = [
            NewTopic(state.name, num_partitions=state.partitions, replication_factor=-1, config=state.topic.config())
            for state in missing
        ]
        for name, future in admin.create_topics(wanted, operation_timeout=_TIMEOUT).items():
            try:
                future.result(_TIMEOUT)
                made.add(name)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise _away(error) from error
        try:
            await_leaders(admin, {state.name: state.partitions for state in missing if state.name in made}, _TIMEOUT)
        except KafkaException as error:
            raise _away(error) from error
        except TimeoutError as error:
            raise TransientError("Kafka does not answer: it has made topics that nobody leads yet") from error
    return [
        TopicState(each.topic, each.name, each.partitions, each.partitions, (), created=True)
        if each.name in made
        else each
        for each in _inspect(admin, connection.prefix, partitions)
    ]


def _admin(connection: KafkaConnection) -> AdminClient:
    # Its own complaints about a broker that is away would repeat the one line that the caller prints.
    return AdminClient(connection.librdkafka(log_level=0))


def _inspect(admin: AdminClient, prefix: str, partitions: int) -> list[TopicState]:
    try:
        existing = admin.list_topics(timeout=_TIMEOUT).topics
        names = [prefix + topic.name for topic in TOPICS]
        present = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names if name in existing]
        configs = {
            resource.name: {key: entry.value for key, entry in future.result(_TIMEOUT).items()}
            for resource, future in (admin.describe_configs(present) if present else {}).items()
        }
    except KafkaException as error:
        raise _away(error) from error
    states = []
    for topic, name in zip(TOPICS, names, strict=True):
        should = topic.partitions or partitions
        found = len(existing[name].partitions) if name in existing else 0
        states.append(TopicState(topic, name, should, found, _differences(topic, should, found, configs.get(name))))
    return states


def _differences(topic: Topic, should: int, found: int, config: dict[str, str | None] | None) -> tuple[str, ...]:
    if config is None:
        return ()
    differences = [] if found == should else [f"{found} partitions, should be {should}"]
    for key, wanted in topic.config().items():
        is_now = config.get(key)
        if sorted((is_now or "").split(",")) != sorted(wanted.split(",")):
            differences.append(f"{key} is {is_now}, should be {wanted}")
    return tuple(differences)


def _away(error: KafkaException) -> TransientError:
    return TransientError(f"Kafka does not answer: {error.args[0].str()}")
