import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from turnlog.processors.redaction import GlinerModel, Pseudonyms, Redactor, Scanner, SpacyModel, Span, builtin
from turnlog.schemas import MissingExtraError, SettingError


class Tiny:
    version = "tiny-1"

    def find(self, text: str) -> Iterable[Span]:
        start = text.find("Zebulon")
        if start >= 0:
            yield Span(start, start + 7, "PERSON", "tiny", 0.5)


class Broken(Tiny):
    def find(self, text: str) -> Iterable[Span]:
        raise RuntimeError


def test_a_model_finds_what_rules_do_not() -> None:
    scanner = Scanner(builtin(), models=[Tiny()])
    assert scanner.ruleset.version == f"{builtin().version}+tiny-1"
    assert [span.type for span in scanner.scan("Zebulon at ann@example.com")] == ["PERSON", "EMAIL"]
    assert not Scanner(builtin()).scan("Zebulon is here")


def test_a_model_that_fails_withholds() -> None:
    redactor = Redactor(Scanner(builtin(), models=[Broken()]), Pseudonyms(b"k" * 32))
    log = redactor.redact({"tenant_id": "t", "body": "Zebulon"}, "LogRecord")
    assert log["body"] == "<WITHHELD>"
    assert "body" in log["redaction_withheld"]


def test_adapters_read_what_their_libraries_give(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spacy, gliner = ModuleType("spacy"), ModuleType("gliner")
    entity = SimpleNamespace(start_char=0, end_char=7, label_="PERSON")

    class Pipeline:
        meta = {"version": "1.0"}  # noqa: RUF012 - as spaCy's

        def __call__(self, text: str) -> SimpleNamespace:
            return SimpleNamespace(ents=[entity, SimpleNamespace(start_char=8, end_char=9, label_="ORG")])

    gliner_model = SimpleNamespace(
        predict_entities=lambda text, labels, threshold: [{"start": 0, "end": 7, "label": labels[0], "score": 0.9}]
    )
    spacy.load = lambda path: Pipeline()  # type: ignore[attr-defined]  # a stand-in
    gliner.GLiNER = SimpleNamespace(from_pretrained=lambda path, local_files_only: gliner_model)  # type: ignore[attr-defined]  # same
    monkeypatch.setitem(sys.modules, "spacy", spacy)
    monkeypatch.setitem(sys.modules, "gliner", gliner)
    for model in (SpacyModel(tmp_path), GlinerModel(tmp_path)):
        assert [span[:3] for span in model.find("Zebulon x")] == [(0, 7, "PERSON")]
    with pytest.raises(SettingError):
        SpacyModel(tmp_path / "none")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingExtraError, match="names-spacy"):
        SpacyModel(tmp_path)
