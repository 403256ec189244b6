"""The Java runtime that the broker needs."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from turnlog.schemas.errors import UserError

MINIMUM_VERSION = 17
"""Kafka 4's brokers run on this version of Java or a later one."""

_HINT = f"install a JDK {MINIMUM_VERSION} or later, and set JAVA_HOME or put java on PATH"


def find_java(environ: Mapping[str, str] = os.environ) -> Path:
    """Find a Java of a sufficient version: JAVA_HOME's, else the first on PATH.

    Starts the Java it finds once, to ask for its version (about 0.1 s).

    Raises:
        UserError: there is none, or it is too old.
    """
    home = environ.get("JAVA_HOME")
    if home:
        java = Path(home) / "bin" / "java"
        if not os.access(java, os.X_OK):
            raise UserError(f"JAVA_HOME is {home}, but there is no java in its bin folder: {_HINT}")
    else:
        found = shutil.which("java", path=environ.get("PATH"))
        if found is None:
            raise UserError(f"Kafka needs Java and none was found: {_HINT}")
        java = Path(found)
    version = _ask_version(java)
    if version < MINIMUM_VERSION:
        raise UserError(f"Kafka needs Java {MINIMUM_VERSION} or later, but {java} is Java {version}: {_HINT}")
    return java


def parse_version(output: str) -> int | None:
    """Read the major version out of what `java -version` prints; None when there is none.

    >>> parse_version('openjdk version "17.0.15" 2025-04-15')
    17
    >>> parse_version('java version "1.8.0_402"')
    8
    """
    match = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(match.group(1)) if match else None


def _ask_version(java: Path) -> int:
    try:
        answer = subprocess.run(
            [java, "-version"], capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{java} -version did not run ({error}): {_HINT}") from error
    version = parse_version(answer.stderr + answer.stdout)
    if version is None:
        # macOS keeps a /usr/bin/java that only says that there is no Java.
        raise UserError(f"{java} does not say its version: {_HINT}")
    return version
