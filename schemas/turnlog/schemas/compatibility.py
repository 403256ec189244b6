"""Whether schemas keep the promise of evolution: FULL_TRANSITIVE within a topic's version, and more.

Two parts. :func:`compare` holds a schema against one other, both ways, by the Avro project's own checker, and then by
what that checker lets pass: logical types, decimal scales, namespaces, and string against bytes. :func:`lint` looks at
one schema alone: docs, enum defaults, optional fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from turnlog.schemas.extras import require

require("turnlog.schemas.compatibility", "local", "avro")

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType  # noqa: E402 - after the check
from avro.schema import parse  # noqa: E402 - same

from turnlog.schemas.schema import NAMESPACE, RECORDS, Schema, load, released  # noqa: E402 - same


@dataclass(frozen=True)
class Finding:
    """One breach: which record, compared with what, where in it and why."""

    record: str
    against: str
    problem: str

    def __str__(self) -> str:
        return f"{self.record} ({self.against}): {self.problem}"


def check_all() -> list[Finding]:
    """Check every current schema alone and against every released version of it; empty means all is well."""
    return check({record: load(record) for record in RECORDS}, released())


def check(current: Mapping[str, Schema], releases: Mapping[int, Mapping[str, Schema]]) -> list[Finding]:
    """Check these schemas alone and against these releases.

    Args:
        current: Record name → schema.
        releases: Release number → record name → schema.
    """
    findings = [Finding(name, "alone", each) for name, schema in current.items() for each in lint(schema)]
    for number, schemas in releases.items():
        for name, old in schemas.items():
            against = f"release {number}"
            if name not in current:
                findings.append(Finding(name, against, "was released and is gone"))
            else:
                findings += [Finding(name, against, each) for each in compare(current[name], old)]
    return findings


def compare(new: Schema, old: Schema) -> list[str]:
    """Say what keeps readers of either schema from reading what the other wrote; empty if nothing does."""
    problems = [
        *_unreadable("can't read what it wrote", reader=new, writer=old),
        *_unreadable("can't be read by it", reader=old, writer=new),
    ]
    before, after = dict(_walk(old.definition)), dict(_walk(new.definition))
    for path in before.keys() & after.keys():
        was, now = before[path], after[path]
        problems += [
            f"{path}: {what} changed from {was.get(what)!r} to {now.get(what)!r}"
            for what in ("logicalType", "scale", "precision", "namespace")
            if was.get(what) != now.get(what)
        ]
        if {was.get("type"), now.get("type")} == {"string", "bytes"}:
            problems.append(f"{path}: changed between string and bytes")
    return sorted(problems)


def lint(schema: Schema) -> list[str]:
    """Say which house rules a schema breaks: a namespace, docs, enums that can grow, optionals that default to null."""
    problems = [] if schema.definition.get("namespace") == NAMESPACE else [f"namespace is not {NAMESPACE}"]
    for path, node in _walk(schema.definition):
        kind = node.get("type")
        if kind in ("record", "enum") and not node.get("doc") and "default" not in node:
            problems.append(f"{path}: no doc")
        if kind == "enum" and (node["symbols"][0] != "UNKNOWN" or node.get("default") != "UNKNOWN"):
            problems.append(f"{path}: an enum starts with UNKNOWN and has it as default")
        for field in node.get("fields", ()):
            where = f"{path}.{field['name']}"
            if not field.get("doc"):
                problems.append(f"{where}: no doc")
            if isinstance(field["type"], list) and (
                field["type"][0] != "null" or len(field["type"]) != 2 or field.get("default", ...) is not None
            ):
                problems.append(f"{where}: an optional field is [null, type] with default null")
    return sorted(problems)


def _unreadable(how: str, *, reader: Schema, writer: Schema) -> Iterator[str]:
    result = ReaderWriterCompatibilityChecker().get_compatibility(  # type: ignore[no-untyped-call] # its constructor
        reader=parse(json.dumps(reader.definition)), writer=parse(json.dumps(writer.definition))
    )
    if result.compatibility is not SchemaCompatibilityType.compatible:
        for message in result.messages:
            yield f"{how}: {message}"


def _walk(node: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every type in a schema with its path: record.field, record.field[] inside arrays and maps."""
    if isinstance(node, str):
        yield path, {"type": node}
    elif isinstance(node, list):
        for branch in node:
            if branch != "null":
                yield from _walk(branch, path)
    elif isinstance(node, Mapping):
        here = path or str(node.get("name", ""))
        yield here, node
        for field in node.get("fields", ()):
            yield from _walk(field["type"], f"{here}.{field['name']}")
        for inner in ("items", "values"):
            if inner in node:
                yield from _walk(node[inner], f"{here}[]")
