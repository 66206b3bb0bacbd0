"""Settings of this app that `manage.py check` looks at."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.files.storage import storages


def settings_are_usable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The limits are numbers that fit one another, and the storage can be made."""
    found: list[CheckMessage] = []
    if settings.FLUX_FILE_MAX_BYTES < 1:
        found.append(Error("FLUX_FILE_MAX_BYTES has to be 1 or more.", id="files.E001"))
    if settings.FLUX_FILES_MAX_TOTAL_BYTES < settings.FLUX_FILE_MAX_BYTES:
        message = "FLUX_FILES_MAX_TOTAL_BYTES is less than FLUX_FILE_MAX_BYTES."
        found.append(Error(message, hint="A workspace has to have room.", id="files.E002"))
    if settings.FLUX_FILES_KEEP_DAYS < 0:
        message = "FLUX_FILES_KEEP_DAYS is a number of days; 0 keeps files for ever."
        found.append(Error(message, id="files.E003"))
    try:
        storages["files"]
    except Exception as error:
        found.append(
            Error(
                f"The storage of files cannot be made: {error}",
                hint="Look at FLUX_FILES_STORAGE and FLUX_FILES_STORAGE_OPTIONS.",
                id="files.E004",
            )
        )
    return found
