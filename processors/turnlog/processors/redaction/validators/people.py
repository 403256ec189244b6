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


_TITLES_SAID = (
    "mr mrs ms miss mx dr prof sir madam rev fr herr frau m mme mlle sr sra srta dott dra doña don sig signor signora"
    " pan pani dhr mevr bay bayan av ing dipl \u0442\u043e\u0432 \u0433-\u043d \u0433-\u0436\u0430"
)
_TITLES = frozenset(_TITLES_SAID.split())
_PARTICLES = "de da do dos das del della di du la le van von der den ten ter bin ibn al el y e i und "
_INNER = frozenset(_PARTICLES.split())


def _is_title(folded: str) -> bool:
    return folded.removesuffix(".") in _TITLES


def name(match: re.Match[str], text: str) -> Found | None:
    """Take what stands where a name is said to, but for words that stand there as well."""
    value, start = part(match), match.start("it")
    words = _WORD.findall(value)
    folded = [each.casefold() for each in words]
    proper = [
        (word, fold) for word, fold in zip(words, folded, strict=True) if fold not in _INNER and not _is_title(fold)
    ]
    if not proper:
        return None
    # Capitals among words that are not are an abbreviation's.
    capitals = [word for word, _ in proper if word.isupper()]
    if len(capitals) < len(proper) and any(len(word) > 2 for word in capitals):
        return None
    bare = [fold.strip(_SIGNS) for _, fold in proper]
    if not _list("organisations").isdisjoint(bare):
        return None
    stops = _list("not_names")
    if not stops.isdisjoint(bare):
        # A name may be followed by a sentence's next word; it can't begin with one.
        kept = words[: _count_before_stop(folded, stops)]
        if not kept:
            return None
        end = start + value.index(kept[-1], sum(map(len, kept[:-1]))) + len(kept[-1])
        return Found(" ".join(kept).casefold(), end)
    end = start + len(value.rstrip(" ,.'\u2019-"))
    if text[end : end + 1] == "." and _ABBREVIATED.search(value[: end - start]):
        end += 1
    return Found(" ".join(folded).rstrip("."), end)


_WORD = re.compile(r"[^\s,]+")
_SIGNS = ".'\u2019-"
_ABBREVIATED = re.compile(r"(?:^|\s)(?:[A-Z]|Jr|Sr)$")


def _count_before_stop(folded: list[str], stops: frozenset[str]) -> int:
    """Return how many words, folded, make a name before one that is no name's; none if they are titles alone."""
    count = next(index for index, each in enumerate(folded) if each.strip(_SIGNS) in stops)
    while count and folded[count - 1] in _INNER:
        count -= 1
    return 0 if all(map(_is_title, folded[:count])) else count


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
