"""Kafka security settings, given once in librdkafka's terms, in Faust's."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from faust import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT, SASLMechanism

from turnlog.schemas import SettingError


def faust_credentials(options: Mapping[str, str]) -> CredentialsT | None:
    """Return Faust's credentials for librdkafka's ``security.protocol``, ``sasl.*`` and ``ssl.*.location``.

    Raises:
        SettingError: If the protocol or mechanism is one that Faust does not speak, or a file can't be read.
    """
    protocol = options.get("security.protocol", "plaintext").upper()
    if protocol == "PLAINTEXT":
        return None
    context = _ssl_context(options) if protocol in {"SSL", "SASL_SSL"} else None
    if protocol == "SSL":
        return SSLCredentials(context)
    if protocol not in {"SASL_SSL", "SASL_PLAINTEXT"}:
        raise SettingError(
            f"TURNLOG_KAFKA_SECURITY_PROTOCOL: {protocol} is none of plaintext, ssl, sasl_plaintext, sasl_ssl"
        )
    mechanism = options.get("sasl.mechanism", options.get("sasl.mechanisms", "PLAIN")).upper()
    if mechanism not in {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}:
        raise SettingError(f"TURNLOG_KAFKA_SASL_MECHANISM: {mechanism} is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512")
    return SASLCredentials(
        username=options.get("sasl.username"),
        password=options.get("sasl.password"),
        ssl_context=context,
        mechanism=SASLMechanism(mechanism),
    )


def _ssl_context(options: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ssl.ca.location"))
        certificate = options.get("ssl.certificate.location")
        if certificate:
            context.load_cert_chain(certificate, options.get("ssl.key.location"), options.get("ssl.key.password"))
    except OSError as error:
        raise SettingError(f"TURNLOG_KAFKA_SSL_…: {error}") from error
    return context
