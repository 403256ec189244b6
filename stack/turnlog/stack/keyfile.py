"""Which keys of pseudonyms a command works with."""

from __future__ import annotations

from pathlib import Path

from turnlog.processors.keys import KeyFile, KeyRing, load_service
from turnlog.processors.settings import ProcessorSettings
from turnlog.schemas import SettingError
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.servers import Servers


def chosen_file(file: Path | None = None, data: Path | None = None) -> KeyFile:
    """Return the key file: the one given, else TURNLOG_PSEUDONYM_KEY_FILE's, else that of the data directory.

    Raises:
        SettingError: If the keys are in the environment, where no command can change them, or a setting is wrong.
    """
    settings = ProcessorSettings.read()
    path = file or (settings.pseudonym_key_file if data is None else None)
    if path is None:
        if data is None and settings.pseudonym_key is not None:
            raise SettingError("the keys are in TURNLOG_PSEUDONYM_KEY: put them into a file to rotate or destroy them")
        path = DataDirectory.choose(data).pseudonym_key
    service = None if settings.pseudonym_kms is None else load_service(settings.pseudonym_kms)
    return KeyFile(path, service, settings.pseudonym_epoch)


def chosen_ring(file: Path | None = None, data: Path | None = None) -> KeyRing:
    """Return the keys themselves, the environment's too.

    Raises:
        SettingError: If there are none or they can't be read.
        TransientError: If a key service does not answer.
    """
    settings = ProcessorSettings.read()
    if file is None and data is None and settings.pseudonym_key_file is None and settings.pseudonym_key is not None:
        return settings.keys().ring()
    return chosen_file(file, data).read()


def processor_settings(servers: Servers) -> ProcessorSettings:
    """Return the processors' settings, with the key of the servers' own stack where the environment names none.

    Raises:
        SettingError: If one is wrong.
    """
    settings = ProcessorSettings.read()
    if servers.data is None or settings.pseudonym_key is not None or settings.pseudonym_key_file is not None:
        return settings
    file = DataDirectory(servers.data).pseudonym_key
    return settings.model_copy(update={"pseudonym_key_file": file}) if file.exists() else settings
