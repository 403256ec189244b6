"""The table of principals says what the promises ask for, and its statements are ClickHouse's."""

from __future__ import annotations

import re
from hashlib import sha256

import chdb
import pytest

from turnlog.schemas import SettingError, raw_topics
from turnlog.sinks import Flavour
from turnlog.sinks.migration import packaged
from turnlog.sinks.rights import TABLES
from turnlog.sinks.routes import ROUTES
from turnlog.stack.access import PRINCIPALS, Passwords, bindings, statements
from turnlog.stack.access.kafka import plain
from turnlog.stack.access.principals import TENANT_TABLES, VIEWS

RAW = {topic.name for topic in raw_topics()}
SECRETS = Passwords({"TURNLOG_ACCESS_PASSWORD_ANALYST_ACME_CO": "hunter2"}, lambda: "salt")


def test_raw_topics_are_readable_by_the_processors_only_and_written_by_clients_only() -> None:
    assert [each.name for each in PRINCIPALS if RAW & set(each.reads)] == ["processors"]
    assert [each.name for each in PRINCIPALS if RAW & set(each.writes)] == ["client"]
    assert all(set(each.reads) >= RAW for each in PRINCIPALS if each.name == "processors")


def test_the_rights_worker_alone_deletes_rows() -> None:
    assert [each.name for each in PRINCIPALS if each.deletes] == ["rights"]
    made = statements("turnlog", ["acme"], SECRETS)
    assert {each.rpartition("`turnlog_")[2] for each in made if "ALTER DELETE" in each} == {"rights_role`"}
    assert not any(re.search(r"\b(TRUNCATE|DROP TABLE|ALL|GRANT OPTION)\b", each) for each in made)


def test_analysts_see_tables_that_say_whose_their_rows_are() -> None:
    scripts = "\n".join(each.template for each in packaged())
    for table in TENANT_TABLES:
        body = scripts.split(f"TABLE IF NOT EXISTS {{{{db}}}}.{table}{{{{on_cluster}}}}")[1].split("ENGINE")[0]
        assert re.search(r"^\s+tenant_id ", body, re.MULTILINE), table
    for view in VIEWS:
        assert re.search(rf"VIEW (IF NOT EXISTS )?{{{{db}}}}\.{view}{{{{on_cluster}}}}", scripts), view


def test_every_tenant_has_a_policy_for_every_table() -> None:
    made = statements("turnlog", ["acme.co", "other"], SECRETS)
    for table in TENANT_TABLES:
        policies = [each for each in made if each.startswith("CREATE ROW POLICY") and f"turnlog.{table} " in each]
        held = " AND hold = 0" if table in {*TABLES} else ""
        assert [each.partition("USING ")[2] for each in policies] == [
            "1 TO `turnlog_rights_role`, `turnlog_operator_role`",
            f"tenant_id = 'acme.co'{held} TO `turnlog_analyst_acme.co_role`",
            f"tenant_id = 'other'{held} TO `turnlog_analyst_other_role`",
        ]


def test_sinks_write_what_they_load_and_nothing_about_peoples_requests() -> None:
    (sinks,) = (each for each in PRINCIPALS if each.name == "sinks")
    assert {route.table for route in ROUTES.values()} <= set(sinks.inserts)
    assert not any(table.startswith("privacy_") or table == "*" for table in sinks.inserts)


def test_users_are_made_where_their_password_is_known_and_it_is_not_shown() -> None:
    made = "\n".join(statements("turnlog", ["acme.co", "other"], SECRETS))
    assert "hunter2" not in made
    assert f"IDENTIFIED WITH sha256_hash BY '{sha256(b'hunter2salt').hexdigest()}' SALT 'salt'" in made
    assert "USER IF NOT EXISTS `turnlog_analyst_other`" not in made


@pytest.mark.parametrize("flavour", [Flavour(), Flavour("main")], ids=["one server", "cluster"])
def test_statements_are_clickhouses(flavour: Flavour) -> None:
    made = statements("turnlog", ["acme.co"], SECRETS, flavour)
    quoted = ", ".join("'" + each.replace("\\", "\\\\").replace("'", "\\'") + "'" for each in made)
    # The engine in a process parses such statements, and has nobody to grant anything to.
    query = f"SELECT formatQuerySingleLine(arrayJoin([{quoted}]))"
    parsed = str(chdb.query(query, "TSVRaw")).splitlines()  # type: ignore[no-untyped-call] # the library's
    assert len(parsed) == len(made)
    assert {"ON CLUSTER" in each for each in parsed} == {flavour.cluster is not None}


def test_tenants_that_would_share_a_password_are_refused() -> None:
    with pytest.raises(SettingError, match="one password"):
        statements("turnlog", ["acme.co", "acme-co"], SECRETS)


@pytest.mark.parametrize("tenant", ["a'b", "", "x" * 65, "a`b", "a b"])
def test_a_tenant_that_would_need_quoting_is_refused(tenant: str) -> None:
    with pytest.raises(SettingError):
        statements("turnlog", [tenant], SECRETS)


def test_users_may_have_other_names_in_kafka() -> None:
    acls = [plain(each) for each in bindings("x.", {"client": "CN=bot"})]
    assert {each[3] for each in acls if each[5] == "WRITE" and each[1] == "x.raw.calls"} == {"User:CN=bot"}
    assert "allow User:CN=bot WRITE on topic x.raw.calls" in map(str, acls)
    with pytest.raises(SettingError, match="no principal nobody"):
        bindings("x.", {"nobody": "me"})
