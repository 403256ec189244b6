"""Checks of python-stdnum as validators."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module

from turnlog.processors.redaction.validators.found import Found, Validator, part

# Numbers of one digit only are samples and fillers, whatever their checksum.
_FEW = 1


@cache
def stdnum(module: str) -> Validator:
    """Return a validator that takes what a module of python-stdnum, such as ``br.cpf``, takes.

    Raises:
        KeyError: If there is no such module.
    """
    try:
        check = import_module(f"stdnum.{module}").validate
    except ImportError as error:
        raise KeyError(module) from error

    def validate(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - the signature of all validators
        value = part(match)
        if len(set(value)) <= _FEW:
            return None
        try:
            return Found(str(check(value)))
        # Several modules raise ValueError or KeyError for what they did not foresee: not theirs, either way.
        except Exception:  # noqa: BLE001 - see above
            return None

    return validate
