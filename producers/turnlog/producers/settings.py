"""A client's settings from the environment and a file: what there is, where each came from, and what is wrong with it.

Arguments win over the environment, and that over the file. A mistake is one :class:`SettingError` that names the
setting and where it was made; secrets never show.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from turnlog.producers.limits import Limits
from turnlog.producers.sampling import Sampling
from turnlog.producers.secrecy import MASKED, is_secret, without_secrets
from turnlog.producers.spool import Spool
from turnlog.producers.texts.content import EVERY_TENANT, Content
from turnlog.schemas import KafkaConnection, SettingError

CONFIG = "TURNLOG_CONFIG"
"""Names the file, in the environment."""

_PREFIX = "TURNLOG_"
_KAFKA = "TURNLOG_KAFKA_"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")  # noqa: TRY004 - all readers refuse alike
    return value


def _whole(value: Any) -> int:
    number = _number(value, "a whole number")
    if not isinstance(number, int):
        raise ValueError("a whole number")  # noqa: TRY004 - same
    return number


def _number(value: Any, wanted: str = "a number") -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    for kind in (int, float):
        try:
            return kind(_text(value))
        except ValueError:
            continue
    raise ValueError(wanted)


def _flag(value: Any) -> bool:
    flags = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    found = value if isinstance(value, bool) else flags.get(str(value).strip().lower())
    if found is None:
        raise ValueError("true or false")
    return found


def _scores(value: Any) -> Any:
    """Read one number, or numbers by name: a table, or ``name=number,name=number``."""
    if isinstance(value, str) and "=" in value:
        value = _pairs(value)
    return {name: _number(each) for name, each in value.items()} if isinstance(value, Mapping) else _number(value)


def _pairs(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    pairs = [each.partition("=") for each in _text(value).split(",") if each.strip()]
    if not all(name.strip() and sign for name, sign, _ in pairs):
        raise ValueError("name=value,name=value")
    return {name.strip(): each.strip() for name, _, each in pairs}


class Setting(NamedTuple):
    """A setting.

    Attributes:
        section: Its table in the file; empty for the file's own level.
        name: Its key there, and the argument's name.
        variable: Its name in the environment.
        read: Takes a text or a TOML value, returns the argument's value; a ValueError says what it must be.
    """

    section: str
    name: str
    variable: str
    read: Callable[[Any], Any]


_READERS: Mapping[str, Callable[[Any], Any]] = {"int": _whole, "float": _number}

SETTINGS = (
    *(
        Setting("", name, f"{_PREFIX}{name.upper()}", _text)
        for name in ("service", "tenant", "environment", "service_version", "service_instance", "output")
    ),
    Setting("kafka", "bootstrap_servers", f"{_KAFKA}BOOTSTRAP_SERVERS", _text),
    Setting("kafka", "topic_prefix", "TURNLOG_TOPIC_PREFIX", _text),
    *(
        Setting("limits", each.name, f"{_PREFIX}LIMIT_{each.name.upper()}", _READERS.get(str(each.type), _number))
        for each in fields(Limits)
    ),
    Setting("sampling", "keep_one_in", "TURNLOG_SAMPLING_KEEP_ONE_IN", _whole),
    Setting("sampling", "debug_one_in", "TURNLOG_SAMPLING_DEBUG_ONE_IN", _whole),
    Setting("sampling", "errors", "TURNLOG_SAMPLING_ERRORS", _flag),
    Setting("sampling", "slow", "TURNLOG_SAMPLING_SLOW", _number),
    Setting("sampling", "low_score", "TURNLOG_SAMPLING_LOW_SCORE", _scores),
    Setting("content", "capture", "TURNLOG_CONTENT_CAPTURE", _text),
    Setting("content", "logs", "TURNLOG_CONTENT_LOGS", _text),
    Setting("content", "max_bytes", "TURNLOG_CONTENT_MAX_BYTES", _whole),
    Setting("content", "secret", "TURNLOG_CONTENT_SECRET", _text),
    Setting("content", "tenants", "TURNLOG_CONTENT_TENANTS", _pairs),
    Setting("spool", "path", "TURNLOG_SPOOL", _text),
    Setting("spool", "max_bytes", "TURNLOG_SPOOL_BYTES", _whole),
    Setting("spool", "max_age", "TURNLOG_SPOOL_AGE", _number),
)
_BY_VARIABLE = {each.variable: each for each in SETTINGS}
_BY_PLACE = {(each.section, each.name): each for each in SETTINGS}
_SECTIONS = frozenset(each.section for each in SETTINGS if each.section)
_OWN_PREFIXES = (
    "TURNLOG_SERVICE",
    "TURNLOG_SAMPLING_",
    "TURNLOG_CONTENT_",
    "TURNLOG_LIMIT",
    "TURNLOG_OUTPUT",
    "TURNLOG_SPOOL",
)

_USUAL = (
    "bootstrap.servers",
    "client.id",
    "compression.type",
    "sasl.mechanism",
    "sasl.oauthbearer.config",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "socket.keepalive.enable",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
)
"""What people set of librdkafka, which does not say what it might have been that is not known to it."""

_OTHERS = (
    "TURNLOG_CACHE",
    "TURNLOG_CLICKHOUSE",
    "TURNLOG_COMMIT_SECONDS",
    "TURNLOG_CONFIG",
    "TURNLOG_DATA",
    "TURNLOG_FETCH_BYTES",
    "TURNLOG_LOG_FORMAT",
    "TURNLOG_LOG_LEVEL",
    "TURNLOG_PARTITIONS",
    "TURNLOG_POLL_RECORDS",
    "TURNLOG_PSEUDONYM",
    "TURNLOG_READY_FILE",
    "TURNLOG_REDACTION",
    "TURNLOG_RETENTION",
    "TURNLOG_SCHEMA_REGISTRY",
    "TURNLOG_SESSION_SECONDS",
    "TURNLOG_SINK",
    "TURNLOG_STACK",
    "TURNLOG_WORKER_ID",
)
"""What variables of turnlog's other parts begin with: one environment may serve several parts."""


class Found(NamedTuple):
    """A setting's value, and where it was found."""

    value: Any
    where: str


class Configuration:
    """Settings that were found, ready to be a client's arguments.

    Args:
        environ: The environment.
        path: A TOML file; by default the one that the environment names, if it names one.

    Raises:
        SettingError: If the file can't be read, or a setting is unknown or malformed.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, path: str | os.PathLike[str] | None = None) -> None:
        env = os.environ if environ is None else environ
        path = path or env.get(CONFIG) or None
        self._found: dict[tuple[str, str], Found] = {}
        self._kafka: dict[str, Found] = {}
        if path is not None:
            self._read_file(Path(path))
        self._read_environment(env)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that were found.

        Raises:
            SettingError: If one is out of range; names it and where it was found.
        """
        found = {name: each.value for (section, name), each in self._found.items() if not section}
        with_kafka = {name: each.value for name, each in self._kafka.items()}
        try:
            found["connection"] = KafkaConnection.from_env(with_kafka)
            for section, kind in (("limits", Limits), ("sampling", Sampling)):
                values = self._section(section)
                if values:
                    found[section] = kind(**values)
            spool = self._section("spool")
            if "path" in spool:
                found["spool"] = Spool(**spool)
            content = self._contents()
        except SettingError as error:
            raise self.explained(error) from error
        return {**found, "content": content} if content else found

    def explained(self, error: SettingError) -> SettingError:
        """Return an error about a setting with where the setting was found, and without any secret."""
        message = str(error)
        named = [(name, each) for (_, name), each in self._found.items()]
        named += [(_librdkafka(name), each) for name, each in self._kafka.items()]
        message = without_secrets(message, {name: each.value for name, each in named})
        for name, each in sorted(named, key=lambda pair: -len(pair[0])):
            if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", message):
                unknown = _nearest(name, _USUAL) if "No such configuration property" in message else None
                hint = f"; did you mean {unknown}?" if unknown else ""
                return SettingError(f"{message} ({each.where}){hint}")
        return SettingError(message)

    def _section(self, section: str) -> dict[str, Any]:
        return {name: each.value for (at, name), each in self._found.items() if at == section}

    def _contents(self) -> dict[str, Content]:
        values = self._section("content")
        tenants = values.pop("tenants", {})
        if not values and not tenants:
            return {}
        contents = {EVERY_TENANT: Content(**values)}
        for tenant, own in tenants.items():
            where = f"tenant {tenant}, {self._found['content', 'tenants'].where}"
            given = own if isinstance(own, Mapping) else {"capture": own}
            known = {name: _read(_place("content", name, where), each, where) for name, each in given.items()}
            contents[tenant] = Content(**{**values, **known})
        return contents

    def _read_environment(self, env: Mapping[str, str]) -> None:
        for variable, value in env.items():
            if not variable.startswith(_PREFIX):
                continue
            where = f"{variable} in the environment"
            setting = _BY_VARIABLE.get(variable)
            if variable.startswith(_KAFKA) or variable == "TURNLOG_TOPIC_PREFIX":
                self._kafka[variable] = Found(value, where)
            elif setting is None:
                _refuse(variable)
            elif value.strip():
                self._found[setting.section, setting.name] = Found(_read(setting, value, where), where)

    def _read_file(self, path: Path) -> None:
        # Only who has such a file pays for reading TOML.
        import tomllib  # noqa: PLC0415 - same

        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise SettingError(f"the configuration {path} can't be read: {error.strerror} ({CONFIG})") from error
        except ValueError as error:
            raise SettingError(f"the configuration {path} is not TOML: {error} ({CONFIG})") from error
        for key, value in content.items():
            if key in _SECTIONS and isinstance(value, Mapping):
                for name, each in value.items():
                    self._keep(key, name, each, f"{key}.{name} in {path}")
            else:
                self._keep("", key, value, f"{key} in {path}")

    def _keep(self, section: str, name: str, value: Any, where: str) -> None:
        if section == "kafka":
            variable = "TURNLOG_TOPIC_PREFIX" if name == "topic_prefix" else f"{_KAFKA}{_as_variable(name)}"
            if not isinstance(value, str | int | float):
                raise SettingError(f"{where} must be a text, a number, true or false")
            self._kafka[variable] = Found(str(value).lower() if isinstance(value, bool) else str(value), where)
            return
        self._found[section, name] = Found(_read(_place(section, name, where), value, where), where)


def _read(setting: Setting, value: Any, where: str) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        said = MASKED if is_secret(setting.name) else repr(value)
        raise SettingError(f"{where} must be {error}, not {said}") from None


def _place(section: str, name: str, where: str) -> Setting:
    """Return the setting at a place of the file.

    Raises:
        SettingError: If there is none; says which is the nearest.
    """
    setting = _BY_PLACE.get((section, name))
    if setting is not None:
        return setting
    valid = [known for at, known in _BY_PLACE if at == section]
    raise SettingError(f"{where} is no setting: {_hint(name, valid if section else [*valid, *_SECTIONS])}")


def _refuse(variable: str) -> None:
    """Refuse a variable that must be meant for the client; others are some other part's.

    Raises:
        SettingError: If it looks like one of the client's; says which.
    """
    if variable.startswith(_OTHERS):
        return
    near = _nearest(variable.removeprefix(_PREFIX), [each.removeprefix(_PREFIX) for each in _BY_VARIABLE])
    if near or variable.startswith(_OWN_PREFIXES):
        hint = f"did you mean {_PREFIX}{near}?" if near else f"there are {', '.join(sorted(_BY_VARIABLE))}"
        raise SettingError(f"{variable} in the environment is no setting: {hint}")


def _hint(name: str, valid: Iterable[str]) -> str:
    near = _nearest(name, valid)
    return f"did you mean {near}?" if near else f"there are {', '.join(sorted(valid))}"


def _nearest(name: str, valid: Iterable[str]) -> str | None:
    # Only who made a mistake pays for finding what was meant.
    from difflib import get_close_matches  # noqa: PLC0415 - same

    return next(iter(get_close_matches(name, list(valid), 1, 0.8)), None)


def _as_variable(name: str) -> str:
    return name.upper().replace(".", "_")


def _librdkafka(variable: str) -> str:
    name = variable.removeprefix(_KAFKA).lower()
    return {"bootstrap_servers": "bootstrap servers", "turnlog_topic_prefix": "topic prefix"}.get(
        name, name.replace("_", ".")
    )
