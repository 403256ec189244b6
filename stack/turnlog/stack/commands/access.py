"""`turnlog access`: who may do what in Kafka and ClickHouse, as it should be and as it is."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from typing import Annotated

import typer
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console

from turnlog.schemas import UserError
from turnlog.sinks import Address, Flavour, client
from turnlog.sinks.clients import unavailable
from turnlog.stack.access import Passwords, bindings, inspect, statements
from turnlog.stack.access import apply as apply_acls
from turnlog.stack.access.clickhouse import users
from turnlog.stack.access.kafka import AclState, State, plain
from turnlog.stack.acts import End, recorded
from turnlog.stack.commands.options import DataOption
from turnlog.stack.servers import Servers, resolve

KafkaOption = Annotated[bool, typer.Option("--kafka", help="Kafka alone.")]
ClickHouseOption = Annotated[bool, typer.Option("--clickhouse", help="ClickHouse alone.")]
TenantOption = Annotated[
    list[str] | None, typer.Option("--tenant", metavar="NAME", help="Who has an analyst's role; repeatable.")
]
UserOption = Annotated[
    list[str] | None,
    typer.Option(
        "--user",
        metavar="PRINCIPAL=NAME",
        help="Kafka's name of a principal where it is not turnlog-<principal>, such as a certificate's; repeatable.",
    ),
]
ClusterOption = Annotated[
    str | None, typer.Option("--cluster", metavar="NAME", help="ClickHouse's cluster; else one server.")
]


def register(app: typer.Typer) -> None:
    """Put the commands on the application."""
    group = typer.Typer(no_args_is_help=True, help="Who may do what in Kafka and ClickHouse.")
    group.command("show")(show)
    group.command("apply")(apply)
    app.add_typer(group, name="access")


def show(
    *,
    kafka: KafkaOption = False,
    clickhouse: ClickHouseOption = False,
    tenant: TenantOption = None,
    user: UserOption = None,
    cluster: ClusterOption = None,
    data: DataOption = None,
) -> None:
    """Print the access control lists and statements that there should be; asks no server."""
    servers = resolve(data)
    if kafka or not clickhouse:
        for binding in bindings(servers.kafka_connection().prefix, _users(user)):
            typer.echo(str(plain(binding)))
    if clickhouse or not kafka:
        for statement in _statements(servers, tenant, cluster):
            typer.echo(f"{statement};")
        _print_users_left(tenant or ())


def apply(
    *,
    kafka: KafkaOption = False,
    clickhouse: ClickHouseOption = False,
    tenant: TenantOption = None,
    user: UserOption = None,
    cluster: ClusterOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what differs, and change nothing.")] = False,
    data: DataOption = None,
) -> None:
    """Make what is missing. What is there is never changed or removed; what is not ours is told.

    ClickHouse's users are made where TURNLOG_ACCESS_PASSWORD_<PRINCIPAL> has their password (…_ANALYST_<TENANT> for an
    analyst); only a salted hash of it is sent.
    """
    servers = resolve(data)
    places = {"Kafka": kafka or not clickhouse, "ClickHouse": clickhouse or not kafka}
    named, made = _users(user), _statements(servers, tenant, cluster)
    bindings(servers.topic_prefix, named)  # what is wrong in them is told before anything is recorded as begun
    resource = ", ".join(name for name, chosen in places.items() if chosen)
    tenants = f"analysts of {', '.join(tenant)}" if tenant else None
    with nullcontext(End()) if dry_run else recorded("access.apply", resource, tenants, data=data) as end:
        if places["Kafka"]:
            connection = servers.kafka_connection()
            states = inspect(connection, named) if dry_run else apply_acls(connection, named)
            _print(states)
            end.attributes["acls_made"] = str(sum(each.state is State.MADE for each in states))
        if places["ClickHouse"]:
            _apply_clickhouse(servers, made, dry_run=dry_run)
            end.attributes["statements"] = str(len(made))
            _print_users_left(tenant or ())


def _statements(servers: Servers, tenants: Sequence[str] | None, cluster: str | None) -> list[str]:
    database = Address.parse(servers.clickhouse).database
    return statements(database, tenants or (), Passwords(os.environ), Flavour(cluster))


def _apply_clickhouse(servers: Servers, made: Sequence[str], *, dry_run: bool) -> None:
    if dry_run:
        for statement in made:
            typer.echo(f"{statement};")
        return
    address = Address.parse(servers.clickhouse)
    with closing(client(address, database="")) as server:
        for statement in made:
            try:
                server.command(statement)
            except (ClickHouseError, OSError) as error:
                raise unavailable(error, f"ClickHouse at {address}") from error
    typer.echo(f"ClickHouse: {len(made)} statements")


def _print(states: Sequence[AclState]) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for each in states:
        if each.state is not State.THERE:
            warning = ": opens what only the processors may read" if each.opens_raw else ""
            console.print(f"{each.state.value}: {each.acl}{warning}")
    counted = Counter(each.state.value for each in states)
    console.print("Kafka: " + ", ".join(f"{count} {state}" for state, count in sorted(counted.items())))


def _print_users_left(tenants: Sequence[str]) -> None:
    passwords = Passwords(os.environ)
    for name in users(tenants):
        if passwords.clause(name) is None:
            typer.echo(
                f"user {name} is left to you: set {passwords.variable(name)}, or CREATE USER `{name}` as your server "
                f"identifies people (LDAP, Kerberos, certificates) and GRANT `{name}_role` TO `{name}`",
                err=True,
            )


def _users(pairs: Sequence[str] | None) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for pair in pairs or ():
        principal, equals, name = pair.partition("=")
        if not equals or not name:
            raise UserError(f"--user {pair!r}: give PRINCIPAL=NAME")
        found[principal] = name
    return found
