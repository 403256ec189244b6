"""ClickHouse's roles, users and row policies, from the table of principals, as statements that can be repeated.

Passwords never stand in them: a user is identified by a salted hash, and one whose password is not known is left to
whoever runs the server.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from turnlog.schemas import SettingError
from turnlog.sinks import Flavour
from turnlog.sinks.address import check_database
from turnlog.stack.access.principals import ALL, HELD_TABLES, PRINCIPALS, TENANT_TABLES, Principal

VARIABLE = "TURNLOG_ACCESS_PASSWORD_"

_TENANT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DELETE = ("ALTER DELETE", "ALTER UPDATE")
_MIGRATE = (
    *(
        "CREATE DATABASE",
        "CREATE TABLE",
        "CREATE VIEW",
        "DROP VIEW",
        "ALTER COLUMN",
        "ALTER INDEX",
        "ALTER CONSTRAINT",
        "ALTER TTL",
    ),
    *("ALTER SETTINGS", "ALTER VIEW"),
)


@dataclass(frozen=True)
class Passwords:
    """Passwords of ClickHouse's users.

    Attributes:
        environ: Where they are: ``TURNLOG_ACCESS_PASSWORD_SINKS``, and ``…_ANALYST_<TENANT>`` in capitals with
            underscores for what a variable's name can't have.
        salt: Returns a new salt.
    """

    environ: Mapping[str, str]
    salt: Callable[[], str] = lambda: secrets.token_hex(16)

    def clause(self, user: str) -> str | None:
        """Return how a user is identified, or None if its password is not known."""
        password = self.environ.get(self.variable(user))
        if not password:
            return None
        salt = self.salt()
        digest = sha256(f"{password}{salt}".encode()).hexdigest()
        return f"IDENTIFIED WITH sha256_hash BY '{digest}' SALT '{salt}'"

    @staticmethod
    def variable(user: str) -> str:
        """Return the name of the variable with a user's password."""
        return VARIABLE + re.sub(r"[^A-Z0-9]", "_", user.removeprefix("turnlog_").upper())


def users(tenants: Collection[str]) -> list[str]:
    """Return the names of the users that there should be.

    Raises:
        SettingError: If a tenant's name can't stand in a user's.
    """
    return [name for name, _, _ in _people(tenants)]


def statements(
    database: str, tenants: Collection[str], passwords: Passwords, flavour: Flavour | None = None
) -> list[str]:
    """Return the statements that make roles, grants, row policies, and users whose passwords are known.

    Args:
        database: The database.
        tenants: Who has analysts.
        passwords: The users' passwords.
        flavour: One server, which is the default, or a cluster.

    Raises:
        SettingError: If a name can't be quoted.
    """
    check_database(database)
    on_cluster = (flavour or Flavour()).on_cluster
    return list(_statements(database, list(_people(tenants)), passwords, on_cluster))


def _people(tenants: Collection[str]) -> Iterator[tuple[str, Principal, str | None]]:
    """Yield users' names, what they are, and whose rows alone they see."""
    variables: dict[str, str] = {}
    for tenant in sorted(set(tenants)):
        if not _TENANT.fullmatch(tenant):
            raise SettingError(f"tenant {tenant!r}: access is given to names of letters, digits and . _ -")
        other = variables.setdefault(Passwords.variable(f"turnlog_analyst_{tenant}"), tenant)
        if other != tenant:
            raise SettingError(f"tenants {other} and {tenant} would have one password: give access to one at a time")
    for each in PRINCIPALS:
        if each.by_tenant:
            yield from ((f"turnlog_{each.name}_{tenant}", each, tenant) for tenant in sorted(set(tenants)))
        elif each.in_clickhouse:
            yield f"turnlog_{each.name}", each, None


def _statements(
    database: str, people: Sequence[tuple[str, Principal, str | None]], passwords: Passwords, on_cluster: str
) -> Iterator[str]:
    # Where a user and a role have one name, a grant goes to the user: so they never have.
    for name, each, _ in people:
        yield f"CREATE ROLE IF NOT EXISTS `{name}_role`{on_cluster}"
        for privileges, tables in _grants(each):
            for table in tables:
                yield f"GRANT{on_cluster} {', '.join(privileges)} ON {database}.{_quoted(table)} TO `{name}_role`"
    # A table with a policy shows rows only to those whom a policy names, wherever the server is told so.
    seeing = ", ".join(f"`{name}_role`" for name, each, tenant in people if tenant is None and each.selects)
    for table in TENANT_TABLES:
        place = f"{on_cluster} ON {database}.{table}"
        yield f"CREATE ROW POLICY IF NOT EXISTS turnlog_all{place} FOR SELECT USING 1 TO {seeing}"
        for name, _, tenant in people:
            if tenant is not None:
                # Restricted data is there to be kept, not to be worked with.
                only = f"tenant_id = '{tenant}'{' AND hold = 0' if table in HELD_TABLES else ''}"
                yield f"CREATE ROW POLICY IF NOT EXISTS `{name}`{place} FOR SELECT USING {only} TO `{name}_role`"
    for name, _, _ in people:
        clause = passwords.clause(name)
        if clause is not None:
            yield f"CREATE USER IF NOT EXISTS `{name}`{on_cluster} {clause}"
            yield f"GRANT{on_cluster} `{name}_role` TO `{name}`"


def _grants(each: Principal) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    if each.selects:
        yield ("SELECT",), each.selects
    if each.inserts:
        yield ("INSERT",), each.inserts
    if each.deletes:
        yield _DELETE, each.deletes
    if each.migrates:
        yield _MIGRATE, ALL


def _quoted(table: str) -> str:
    return table if table in ALL else f"`{table}`"
