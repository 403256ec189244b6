"""Kafka's access control lists, from the table of principals: what is missing is made, nothing is ever removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # its stubs forget to export them
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from turnlog.schemas import KafkaConnection, SettingError, TransientError
from turnlog.schemas.topics import RAW
from turnlog.stack.access.principals import PRINCIPALS, Principal

_TIMEOUT = 30.0
_EVERYTHING = AclBindingFilter(
    ResourceType.ANY,
    None,  # type: ignore[arg-type] # its stubs know of no "any", for which None stands
    ResourcePatternType.ANY,
    None,  # type: ignore[arg-type] # same
    None,  # type: ignore[arg-type] # same
    AclOperation.ANY,
    AclPermissionType.ANY,
)
_OPENING = {AclOperation.READ, AclOperation.ALL}


class Acl(tuple[str, str, str, str, str, str, str]):
    """An entry as plain values: resource, name, pattern, principal, host, operation, permission."""

    __slots__ = ()

    def __str__(self) -> str:
        """Say it in words."""
        kind, name, pattern, principal, host, operation, permission = self
        ending = "*" if pattern == ResourcePatternType.PREFIXED.name and name != "*" else ""
        where = "" if host == "*" else f" from {host}"
        return f"{permission.lower()} {principal} {operation} on {kind.lower()} {name}{ending}{where}"


class State(Enum):
    """How an entry is."""

    THERE = "ok"
    MISSING = "missing"
    MADE = "made"
    FOREIGN = "not ours"


@dataclass(frozen=True)
class AclState:
    """An entry, and whether it is there.

    Attributes:
        acl: The entry.
        state: How it is.
        opens_raw: Whether it is somebody else's and lets unredacted data be read.
    """

    acl: Acl
    state: State
    opens_raw: bool = False


def bindings(prefix: str, users: Mapping[str, str] | None = None) -> list[AclBinding]:
    """Return the entries that there should be.

    Args:
        prefix: What stands before topics' names.
        users: Kafka's name of a principal where it is another than ``turnlog-<name>``, such as a certificate's.

    Raises:
        SettingError: If a principal is named that there is none of in Kafka.
    """
    named = {each.name: f"turnlog-{each.name}" for each in PRINCIPALS if each.in_kafka}
    unknown = set(users or ()) - set(named)
    if unknown:
        raise SettingError(f"there is no principal {min(unknown)} in Kafka; there are {', '.join(named)}")
    named |= users or {}
    return [
        _binding(kind, name, pattern, f"User:{named[each.name]}", operation)
        for each in PRINCIPALS
        for kind, name, pattern, operation in _wanted(each, prefix)
    ]


def inspect(connection: KafkaConnection, users: Mapping[str, str] | None = None) -> list[AclState]:
    """Compare what there is with what there should be; blocks until Kafka answers.

    Raises:
        SettingError: If a principal is unknown, or the broker has no access control.
        TransientError: If Kafka does not answer.
    """
    return _inspect(_admin(connection), connection.prefix, users)


def apply(connection: KafkaConnection, users: Mapping[str, str] | None = None) -> list[AclState]:
    """Make the entries that are missing and return the state of all; safe to repeat. Blocks until Kafka answers.

    Raises:
        SettingError: If a principal is unknown, or the broker has no access control.
        TransientError: If Kafka does not answer.
    """
    admin = _admin(connection)
    states = _inspect(admin, connection.prefix, users)
    missing = {each.acl for each in states if each.state is State.MISSING}
    wanted = [each for each in bindings(connection.prefix, users) if plain(each) in missing]
    if wanted:
        try:
            for future in admin.create_acls(wanted, request_timeout=_TIMEOUT).values():
                future.result(_TIMEOUT)
        except KafkaException as error:
            raise _refused(error) from error
    return [AclState(each.acl, State.MADE) if each.acl in missing else each for each in states]


def _wanted(each: Principal, prefix: str) -> Iterator[tuple[ResourceType, str, ResourcePatternType, AclOperation]]:
    literal, prefixed = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
    for operation, topics in (
        (AclOperation.READ, each.reads),
        (AclOperation.WRITE, each.writes),
        (AclOperation.DESCRIBE, each.describes),
    ):
        for topic in topics:
            yield ResourceType.TOPIC, prefix + topic, literal, operation
    for group in (*(prefix + name for name in each.groups), *each.own_groups):
        yield ResourceType.GROUP, group, literal, AclOperation.READ
    for group in each.asks:
        yield ResourceType.GROUP, prefix + group, literal, AclOperation.DESCRIBE
    if each.transactions is not None:
        for operation in (AclOperation.WRITE, AclOperation.DESCRIBE):
            yield ResourceType.TRANSACTIONAL_ID, prefix + each.transactions, prefixed, operation
    if each.administers:
        yield ResourceType.TOPIC, prefix, prefixed, AclOperation.CREATE
        yield ResourceType.TOPIC, prefix, prefixed, AclOperation.DESCRIBE_CONFIGS
        yield ResourceType.BROKER, "kafka-cluster", literal, AclOperation.DESCRIBE


def _binding(
    kind: ResourceType, name: str, pattern: ResourcePatternType, principal: str, operation: AclOperation
) -> AclBinding:
    return AclBinding(kind, name, pattern, principal, "*", operation, AclPermissionType.ALLOW)


def _inspect(admin: AdminClient, prefix: str, users: Mapping[str, str] | None) -> list[AclState]:
    wanted = [plain(each) for each in bindings(prefix, users)]
    ours = {principal for _, _, _, principal, *_ in wanted}
    try:
        entries = admin.describe_acls(_EVERYTHING, request_timeout=_TIMEOUT).result(_TIMEOUT)
    except KafkaException as error:
        raise _refused(error) from error
    found = {plain(each): each for each in entries}
    states = [AclState(each, State.THERE if each in found else State.MISSING) for each in wanted]
    for acl, binding in found.items():
        if acl not in wanted and (binding.principal in ours or _touches(binding, prefix)):
            states.append(AclState(acl, State.FOREIGN, _opens(binding, prefix, wanted)))
    return states


def _touches(binding: AclBinding, prefix: str) -> bool:
    """Tell whether an entry is about our topics."""
    if binding.restype is not ResourceType.TOPIC:
        return False
    if binding.resource_pattern_type is ResourcePatternType.PREFIXED:
        return binding.name.startswith(prefix) or prefix.startswith(binding.name)
    return binding.name == "*" or binding.name.startswith(prefix)


def _opens(binding: AclBinding, prefix: str, wanted: Sequence[Acl]) -> bool:
    """Tell whether an entry lets somebody read raw topics who should not."""
    if binding.permission_type is not AclPermissionType.ALLOW or binding.operation not in _OPENING:
        return False
    if not _touches(binding, prefix):
        return False
    raw = [name for _, name, _, _, _, operation, _ in wanted if operation == "READ" and name.startswith(prefix + RAW)]
    if binding.resource_pattern_type is ResourcePatternType.PREFIXED:
        return any(name.startswith(binding.name) for name in raw)
    return binding.name == "*" or binding.name in raw or binding.name == f"{prefix}dlq"


def plain(binding: AclBinding) -> Acl:
    """Return an entry as plain values."""
    return Acl(
        (
            _name(binding.restype),
            binding.name,
            _name(binding.resource_pattern_type),
            binding.principal,
            binding.host,
            _name(binding.operation),
            _name(binding.permission_type),
        )
    )


def _name(value: Enum | str | int) -> str:
    """Return the name of what the library keeps as one of its enumerations, whatever it was given."""
    return value.name if isinstance(value, Enum) else str(value)


def _admin(connection: KafkaConnection) -> AdminClient:
    return AdminClient(connection.librdkafka(log_level=0))


def _refused(error: KafkaException) -> SettingError | TransientError:
    cause: KafkaError = error.args[0]
    if cause.code() == KafkaError.SECURITY_DISABLED:
        return SettingError("Kafka has no access control: set authorizer.class.name on its brokers (docs/access.md)")
    if cause.code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED:
        return SettingError("Kafka lets nobody but a super user see and change access control lists")
    return TransientError(f"Kafka does not answer: {cause.str()}")
