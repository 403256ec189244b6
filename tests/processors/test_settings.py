import pytest

from turnlog.processors.settings import ProcessorSettings
from turnlog.schemas import SettingError


def test_keys_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNLOG_PSEUDONYM_KEY", "hush" * 8)
    settings = ProcessorSettings.read()
    assert "hush" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert settings.keys().ring().at(None).key_of("acme") is not None


def test_a_service_is_named_by_module_and_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNLOG_PSEUDONYM_KMS", "no factory")
    with pytest.raises(SettingError, match="TURNLOG_PSEUDONYM_KMS"):
        ProcessorSettings.read()
