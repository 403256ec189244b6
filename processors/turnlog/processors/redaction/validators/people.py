"""Checks that tell a person's name from another word in its place."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from turnlog.processors.redaction.validators.found import Found, part

_FOLDER = Path(__file__).parent.parent / "names"


@cache
def _list(name: str) -> frozenset[str]:
    """Return the words of a list beside the rules, a line of it a group."""
    return frozenset((_FOLDER / f"{name}.txt").read_text(encoding="utf-8").casefold().split())


_TITLES = re.compile(
    r"(?:mr|mrs|ms|miss|mx|dr|prof|sir|madam|rev|fr|herr|frau|m|mme|mlle|sr|sra|srta|dott|dra|doña|don|sig|signor|signora|pan|pani"
    r"|dhr|mevr|bay|bayan|av|ing|dipl|\u0442\u043e\u0432|\u0433-\u043d|\u0433-\u0436\u0430)\.?",
    re.IGNORECASE,
)
_PARTICLES = "de da do dos das del della di du la le van von der den ten ter bin ibn al el y e i und "
_INNER = frozenset(_PARTICLES.split())


def name(match: re.Match[str], text: str) -> Found | None:
    """Take what stands where a name is said to, but for words that stand there as well."""
    value = part(match)
    words = re.findall(r"[^\s,]+", value)
    proper = [each for each in words if each.casefold() not in _INNER and _TITLES.fullmatch(each) is None]
    if not proper:
        return None
    # Capitals among words that are not are an abbreviation's.
    if any(len(each) > 2 and each.isupper() for each in proper) and not all(map(str.isupper, proper)):
        return None
    if any(each.casefold().strip(".,'\u2019-") in _list("organisations") for each in proper):
        return None
    stops = _list("not_names")
    if any(each.casefold().strip(".'\u2019-") in stops for each in proper):
        # A name may be followed by a sentence's next word; it can't begin with one.
        kept = _before_stop(words, stops)
        if not kept:
            return None
        end = match.start("it") + value.index(kept[-1], sum(map(len, kept[:-1]))) + len(kept[-1])
        return Found(" ".join(kept).casefold(), end)
    end = match.start("it") + len(value.rstrip(" .,'\u2019-"))
    if text[end : end + 1] == "." and re.search(r"(?:^|\s)(?:[A-Z]|Jr|Sr)$", value[: end - match.start("it")]):
        end += 1
    return Found(" ".join(words).casefold().rstrip("."), end)


def _before_stop(words: list[str], stops: frozenset[str]) -> list[str]:
    kept: list[str] = []
    for each in words:
        if each.casefold().strip(".'\u2019-") in stops:
            break
        kept.append(each)
    while kept and kept[-1].casefold() in _INNER:
        kept.pop()
    return kept if any(_TITLES.fullmatch(each) is None for each in kept) else []


def name_elsewhere(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - the signature of all validators
    """Take names in scripts without capitals, but for words that forms and questions have in their place."""
    value = part(match)
    return None if any(each in _list("form_words") for each in value.split()) else Found(value)


def listed_name(match: re.Match[str], text: str) -> Found | None:
    """Take a given name of the list with what follows it, where at least one of the two can't be another word."""
    value = part(match)
    first, *others = value.split()
    if first.casefold() not in _list("given_names"):
        return None
    if not others and first.casefold() in _list("ambiguous"):
        return None
    return name(match, text)
