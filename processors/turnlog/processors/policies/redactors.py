"""Redacts every tenant's records by that tenant's policy."""

from __future__ import annotations

from pathlib import Path

from turnlog.processors.policies.configuration import GROUPS, Configuration, Policy, read
from turnlog.processors.policies.custom import ruleset_of
from turnlog.processors.policies.finding import PolicyFinder
from turnlog.processors.policies.replacing import PolicyTokens
from turnlog.processors.redaction import Pseudonyms, Redactor, Redacts, Scanner, builtin
from turnlog.processors.redaction.contracts import Finder
from turnlog.schemas import Datum


class Finders:
    """Makes what finds by policies; scanners are shared between those that have the same rules.

    Args:
        configuration: The policies.
        seconds: How long the scan of one text may take; None for no limit.
    """

    def __init__(self, configuration: Configuration, seconds: float | None = None) -> None:
        self._configuration = configuration
        self._seconds = seconds
        self._shipped: dict[frozenset[str], Scanner] = {}
        self._own: dict[tuple[str, ...], Scanner] = {}

    def of(self, policy: Policy) -> Finder:
        """Return what finds by a policy; takes seconds where rules are compiled for the first time.

        Raises:
            SettingError: If a rule does not compile.
        """
        shipped = self._shipped.get(policy.groups)
        if shipped is None:
            shipped = self._shipped[policy.groups] = Scanner(builtin(policy.groups), self._seconds)
        if not self._configuration.digest:
            return shipped
        names = tuple(each.rule.name for each in policy.rules)
        own = self._own.get(names)
        if own is None and names:
            own = self._own[names] = Scanner(ruleset_of(policy.rules, ""), self._seconds)
        return PolicyFinder(shipped, own, policy, self._configuration.digest)


class TenantRedactor:
    """Redacts records by their tenants' policies; not to be used by two threads at once.

    Args:
        configuration: The policies.
        pseudonyms: Makes tokens.
        seconds: How long the scan of one text may take; None for no limit.

    Raises:
        SettingError: If a rule does not compile.
    """

    def __init__(self, configuration: Configuration, pseudonyms: Pseudonyms, seconds: float | None = None) -> None:
        finders = Finders(configuration, seconds)

        def redactor(policy: Policy) -> Redactor:
            return Redactor(finders.of(policy), PolicyTokens(pseudonyms, policy.types))

        self._default = redactor(configuration.default)
        self._tenants = {name: redactor(policy) for name, policy in configuration.tenants.items()}

    @property
    def version(self) -> str:
        """The stamp of records whose tenant has no policy of its own."""
        return self._default.version

    def redact(self, datum: Datum, record: str) -> Datum:
        """Return a record with everything found replaced; see :meth:`turnlog.processors.redaction.Redactor.redact`."""
        tenant = str(datum.get("tenant_id") or "")
        return self._tenants.get(tenant, self._default).redact(datum, record)


def configured(path: Path | None) -> Configuration:
    """Return the configuration of a file, or that of no file.

    Raises:
        SettingError: If it can't be read or something in it can't be right.
    """
    if path is None:
        return Configuration()
    return read(path, frozenset(rule.type for rule in builtin(frozenset(GROUPS)).rules))


def redactor_of(configuration: Configuration, pseudonyms: Pseudonyms, seconds: float | None = None) -> Redacts:
    """Return what redacts by a configuration; without one, there is nothing between records and the rules.

    Raises:
        SettingError: If a rule does not compile.
    """
    if not configuration.digest:
        return Redactor(Finders(configuration, seconds).of(configuration.default), pseudonyms)
    return TenantRedactor(configuration, pseudonyms, seconds)
