"""Settings by argument, environment and file: who wins, what a mistake says, and what is never shown."""

from __future__ import annotations

import dataclasses
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from turnlog.processors.settings import ProcessorSettings
from turnlog.producers import Client, Content, KafkaConnection, Limits, Sampling, SettingError
from turnlog.producers.arguments import ClientArguments
from turnlog.producers.delivery.outputs import Discarding, Printing
from turnlog.producers.secrecy import is_secret, shown
from turnlog.producers.settings import SETTINGS, Configuration
from turnlog.sinks.retention import Retention
from turnlog.sinks.settings import SinkSettings

FILE = """
service = "shop"
tenant = "acme"
environment = "staging"
output = "stdout"

[kafka]
bootstrap_servers = "kafka-1:9093,kafka-2:9093"
topic_prefix = "shop."
"security.protocol" = "SASL_SSL"
sasl_mechanism = "SCRAM-SHA-512"
sasl_username = "shop"
sasl_password = "hunter22"
"socket.keepalive.enable" = true

[limits]
queue_events = 1000
linger = 0.5

[sampling]
keep_one_in = 10
slow = 5
low_score = { thumbs = 0.5, stars = 3 }

[content]
capture = "hashed"
secret = "0123456789abcdef-of-a-test"
max_bytes = 65536

[content.tenants]
open = "full"

[content.tenants.closed]
capture = "off"
logs = "off"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "turnlog.toml"
    path.write_text(FILE, "utf-8")
    return path


def test_a_file_says_it_all(file: Path) -> None:
    found = Configuration({}, file).arguments()
    connection = found.pop("connection")
    assert connection.bootstrap_servers == "kafka-1:9093,kafka-2:9093"
    assert connection.prefix == "shop."
    assert connection.options == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "shop",
        "sasl.password": "hunter22",
        "socket.keepalive.enable": "true",
    }
    secret = "0123456789abcdef-of-a-test"
    hashed = Content(capture="hashed", secret=secret, max_bytes=65536)
    assert found == {
        "service": "shop",
        "tenant": "acme",
        "environment": "staging",
        "output": "stdout",
        "limits": Limits(queue_events=1000, linger=0.5),
        "sampling": Sampling(keep_one_in=10, slow=5, low_score={"thumbs": 0.5, "stars": 3}),
        "content": {
            "*": hashed,
            "open": dataclasses.replace(hashed, capture="full"),
            "closed": dataclasses.replace(hashed, capture="off", logs="off"),
        },
    }


def test_the_environment_says_it_all() -> None:
    environ = {
        "TURNLOG_SERVICE": "shop",
        "TURNLOG_OUTPUT": "off",
        "TURNLOG_LIMIT_QUEUE_EVENTS": "1000",
        "TURNLOG_LIMIT_LINGER": "0.5",
        "TURNLOG_SAMPLING_KEEP_ONE_IN": "10",
        "TURNLOG_SAMPLING_DEBUG_ONE_IN": "100",
        "TURNLOG_SAMPLING_ERRORS": "no",
        "TURNLOG_SAMPLING_LOW_SCORE": "thumbs=0.5, stars=3",
        "TURNLOG_CONTENT_CAPTURE": "off",
        "TURNLOG_CONTENT_TENANTS": "open=full, closed=off",
        "TURNLOG_KAFKA_SASL_USERNAME": "shop",
        "TURNLOG_TENANT": "",
        "HOME": "/root",
    }
    found = Configuration(environ).arguments()
    assert found.pop("connection") == KafkaConnection(options={"sasl.username": "shop"})
    assert found == {
        "service": "shop",
        "output": "off",
        "limits": Limits(queue_events=1000, linger=0.5),
        "sampling": Sampling(keep_one_in=10, debug_one_in=100, errors=False, low_score={"thumbs": 0.5, "stars": 3}),
        "content": {"*": Content(capture="off"), "open": Content(), "closed": Content(capture="off")},
    }
    assert isinstance(found["limits"].queue_events, int)


def test_arguments_win_over_the_environment_and_that_over_the_file(file: Path) -> None:
    environ = {
        "TURNLOG_CONFIG": str(file),
        "TURNLOG_TENANT": "by environment",
        "TURNLOG_SERVICE": "by environment",
        "TURNLOG_KAFKA_SASL_PASSWORD": "other",
        "TURNLOG_SAMPLING_KEEP_ONE_IN": "20",
    }
    client = Client.from_env(environ, service="by argument", output="off")
    assert client.service == "by argument"
    assert client._pipe._fixed["tenant_id"] == "by environment"
    assert client._pipe._fixed["environment"] == "staging"
    found = Configuration(environ).arguments()
    assert found["connection"].options["sasl.password"] == "other"
    assert found["connection"].options["sasl.username"] == "shop"
    assert found["sampling"] == Sampling(keep_one_in=20, slow=5, low_score={"thumbs": 0.5, "stars": 3})
    assert Client.from_file(file, {}, tenant="by argument")._pipe._fixed["tenant_id"] == "by argument"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "TURNLOG_SERVICE must name the chatbot"),
        ({"TURNLOG_TENNANT": "x"}, "TURNLOG_TENNANT in the environment is no setting: did you mean TURNLOG_TENANT?"),
        ({"TURNLOG_SERVICE_NAME": "x"}, "TURNLOG_SERVICE_NAME in the environment is no setting: there are TURNLOG_"),
        ({"TURNLOG_SAMPLING_KEEP": "x"}, "TURNLOG_SAMPLING_KEEP in the environment is no setting"),
        ({"TURNLOG_LIMITS_LINGER": "1"}, "did you mean TURNLOG_LIMIT_LINGER?"),
        (
            {"TURNLOG_SAMPLING_KEEP_ONE_IN": "ten"},
            "TURNLOG_SAMPLING_KEEP_ONE_IN in the environment must be a whole number, not 'ten'",
        ),
        (
            {"TURNLOG_SAMPLING_KEEP_ONE_IN": "0"},
            "from 1 to 1000000, not 0 (TURNLOG_SAMPLING_KEEP_ONE_IN in the environment)",
        ),
        ({"TURNLOG_SAMPLING_ERRORS": "maybe"}, "must be true or false, not 'maybe'"),
        ({"TURNLOG_SAMPLING_LOW_SCORE": "thumbs"}, "TURNLOG_SAMPLING_LOW_SCORE in the environment must be a number"),
        ({"TURNLOG_LIMIT_LINGER": "-1"}, "(TURNLOG_LIMIT_LINGER in the environment)"),
        ({"TURNLOG_CONTENT_CAPTURE": "on"}, "(TURNLOG_CONTENT_CAPTURE in the environment)"),
        ({"TURNLOG_CONTENT_TENANTS": "acme"}, "must be name=value,name=value, not 'acme'"),
        ({"TURNLOG_CONTENT_TENANTS": "acme=none"}, "content capture must be one of full, off, hashed, not 'none'"),
        ({"TURNLOG_OUTPUT": "file"}, "output must be one of kafka, stdout, off, not 'file' (TURNLOG_OUTPUT in the"),
        ({"TURNLOG_KAFKA_BOOTSTRAP_SERVERS": "nowhere"}, "(TURNLOG_KAFKA_BOOTSTRAP_SERVERS in the environment)"),
        (
            {"TURNLOG_KAFKA_SASL_USRNAME": "x"},
            '"sasl.usrname" (TURNLOG_KAFKA_SASL_USRNAME in the environment); did you mean sasl.username?',
        ),
        ({"TURNLOG_KAFKA_SECURITY_PROTOCOL": "tls"}, "(TURNLOG_KAFKA_SECURITY_PROTOCOL in the environment)"),
        ({"TURNLOG_CONFIG": "/no/such/file.toml"}, "/no/such/file.toml can't be read: No such file or directory"),
    ],
)
def test_a_mistake_in_the_environment_is_named(environ: dict[str, str], message: str) -> None:
    service = {"TURNLOG_SERVICE": "bot"} if environ else {}
    with pytest.raises(SettingError) as caught:
        Client.from_env(service | environ)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("service = 'x", "is not TOML"),
        ("service = 3", "service in {path} must be a text, not 3"),
        ("servise = 'x'", "servise in {path} is no setting: did you mean service?"),
        ("[samplin]\nkeep_one_in = 3", "samplin in {path} is no setting: did you mean sampling?"),
        ("[sampling]\nkeep_1_in = 3", "sampling.keep_1_in in {path} is no setting: did you mean keep_one_in?"),
        ("sampling = 3", "sampling in {path} is no setting"),
        ("[sampling]\nkeep_one_in = 1.5", "sampling.keep_one_in in {path} must be a whole number, not 1.5"),
        ("[sampling]\nerrors = 2", "must be true or false, not 2"),
        ("[limits]\nqueue_bytes = 3", "(limits.queue_bytes in {path})"),
        ("[kafka]\nservers = 'a:1'", '"servers" (kafka.servers in {path})'),
        ("[kafka]\nacks = []", "kafka.acks in {path} must be a text, a number, true or false"),
        ("[content.tenants.acme]\ncaptur = 'off'", "tenant acme, content.tenants in {path} is no setting"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "turnlog.toml"
    path.write_text(text if "servi" in text else f"service = 'bot'\n{text}", "utf-8")
    with pytest.raises(SettingError) as caught:
        Client.from_file(path, {})
    assert message.format(path=path) in str(caught.value)


def test_variables_of_the_other_parts_are_passed_over() -> None:
    fields = {
        f"TURNLOG_{name.upper()}": "x" for part in (ProcessorSettings, SinkSettings) for name in part.model_fields
    }
    fields |= {f"TURNLOG_RETENTION_{name.upper()}": "x" for name in Retention.model_fields}
    sources = Path(__file__).parents[2]
    named = {
        name
        for part in ("stack", "processors", "sinks")
        for path in (sources / part).rglob("*.py")
        for name in re.findall(r"\bTURNLOG_[A-Z0-9_]*[A-Z0-9]\b", path.read_text("utf-8"))
    }
    others = {name: "x" for name in fields | dict.fromkeys(named, "x") if not name.startswith("TURNLOG_KAFKA")}
    own = {each.variable for each in SETTINGS} | {"TURNLOG_CONFIG"}
    environ = {name: value for name, value in others.items() if name not in own}
    assert {"TURNLOG_PSEUDONYM_KEY", "TURNLOG_CLICKHOUSE_URL", "TURNLOG_SINK_ROWS", "TURNLOG_DATA"} <= set(environ)
    Configuration(environ | {"TURNLOG_SOMETHING_NEW": "x"})


def test_secrets_never_show(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = "correct horse battery staple"
    environ = {
        "TURNLOG_SERVICE": "bot",
        "TURNLOG_KAFKA_SASL_PASSWORD": secret,
        "TURNLOG_KAFKA_SASL_USERNAME": "shop",
        "TURNLOG_CONTENT_SECRET": secret,
    }
    with caplog.at_level(logging.DEBUG):
        client = Client.from_env(environ)
        assert "'sasl.password': '***', 'sasl.username': 'shop'" in repr(client)
        assert repr(client).startswith("Client('bot', tenant='default', environment='production', output='kafka'")
        for wrong in (
            {"TURNLOG_KAFKA_SSL_KEY_PEM": secret, "TURNLOG_KAFKA_SECURITY_PROTOCOL": "SSL"},
            {"TURNLOG_KAFKA_SECURITY_PROTOCOL": secret},
            {"TURNLOG_CONTENT_CAPTURE": secret},
            {"TURNLOG_OUTPUT": secret},
        ):
            with pytest.raises(SettingError) as caught:
                Client.from_env(environ | wrong)
            assert secret not in str(caught.value)
        with pytest.raises(SettingError) as caught:
            Client.from_env(environ | {"TURNLOG_CONTENT_SECRET": "short"})
        assert "(TURNLOG_CONTENT_SECRET in the environment)" in str(caught.value)
    assert secret not in caplog.text + repr(client) + repr(Configuration(environ).arguments())


def test_secrets_do_not_show_without_an_environment_either() -> None:
    options = {"security.protocol": "hunter22", "sasl.password": "hunter22"}
    with pytest.raises(SettingError, match=r"security\.protocol") as caught:
        Client("bot", connection=KafkaConnection(options=options))
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("sasl.password", True),
        ("ssl.key.password", True),
        ("ssl_key_pem", True),
        ("sasl.oauthbearer.client.secret", True),
        ("sasl.oauthbearer.config", True),
        ("sasl.username", False),
        ("ssl.ca.location", False),
    ],
)
def test_what_is_a_secret(name: str, secret: bool) -> None:
    assert is_secret(name) == secret
    assert shown({name: "x"}) == {name: "***" if secret else "x"}


def test_every_argument_may_be_given_beside_the_environment() -> None:
    names = set(Client.__init__.__annotations__) - {"return"}
    assert set(ClientArguments.__annotations__) == names


def test_every_limit_is_a_setting() -> None:
    assert {each.name for each in dataclasses.fields(Limits)} == {
        each.name for each in SETTINGS if each.section == "limits"
    }


@pytest.mark.parametrize(("output", "kind"), [("stdout", Printing), ("off", Discarding)])
def test_without_kafka_no_kafka_is_asked(output: Any, kind: type) -> None:
    client = Client("bot", output=output, connection=KafkaConnection(options={"no.such.setting": "1"}))
    assert type(client._pipe._connect(lambda sentence: None)) is kind
    client.close()
