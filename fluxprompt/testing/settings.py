"""The settings under test: as in production, but cheap to start."""

from fluxprompt.settings import *  # noqa: F403
from fluxprompt.settings import STORAGES

# No collectstatic before a test: files are served from where they are.
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
# Slow hashes protect real passwords only.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
