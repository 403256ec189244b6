"""Models that find names which no rule can tell, as a third tier: off unless given to a scanner.

Each is loaded from a local path, never from the net, and needs its library: ``turnlog[names-spacy]`` or
``[names-gliner]``.
A model's version belongs in the stamp of what it redacts; a scanner puts it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from turnlog.processors.redaction.span import Span
from turnlog.schemas import MissingExtraError, SettingError

SCORE = 0.55
"""A model's spans give way to those of most rules."""


class Model(Protocol):
    """Finds spans in a text; has a version that changes when what it finds may."""

    @property
    def version(self) -> str:
        """A stamp such as ``spacy-en_core-3.8``."""

    def find(self, text: str) -> Iterable[Span]:
        """Return spans, which may overlap; called once for each text, and may take long."""


class SpacyModel:
    """A spaCy pipeline with an entity recogniser.

    Args:
        path: The pipeline's folder.
        types: Which of its labels are what.

    Raises:
        MissingExtraError: If spaCy is not installed.
        SettingError: If there is no such folder.
    """

    def __init__(self, path: Path, types: Mapping[str, str] | None = None) -> None:
        self._types = types or {"PERSON": "PERSON", "PER": "PERSON"}
        self._pipeline = _library("spacy", "names-spacy").load(_folder(path))
        self.version = f"spacy-{path.name}-{self._pipeline.meta.get('version', '')}"

    def find(self, text: str) -> Iterable[Span]:
        """Return the entities whose labels were asked for."""
        for each in self._pipeline(text).ents:
            if each.label_ in self._types:
                yield Span(each.start_char, each.end_char, self._types[each.label_], "spacy", SCORE)


class GlinerModel:
    """A GLiNER model.

    Args:
        path: The model's folder.
        types: Which of its labels, in words, are what.
        threshold: How sure it must be, 0 to 1.

    Raises:
        MissingExtraError: If GLiNER is not installed.
        SettingError: If there is no such folder.
    """

    def __init__(self, path: Path, types: Mapping[str, str] | None = None, threshold: float = 0.6) -> None:
        self._types = types or {"person name": "PERSON"}
        self._threshold = threshold
        self._model = _library("gliner", "names-gliner").GLiNER.from_pretrained(_folder(path), local_files_only=True)
        self.version = f"gliner-{path.name}-{threshold}"

    def find(self, text: str) -> Iterable[Span]:
        """Return the entities whose labels were asked for."""
        for each in self._model.predict_entities(text, list(self._types), threshold=self._threshold):
            yield Span(each["start"], each["end"], self._types[each["label"]], "gliner", SCORE)


def _library(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(f"{name} is not installed: pip install 'turnlog[{extra}]'") from error


def _folder(path: Path) -> str:
    if not path.is_dir():
        raise SettingError(f"there is no model in {path}")
    return str(path)
