"""The settings under test: as in production, but cheap to start."""

import sys

from fluxprompt.settings import *  # noqa: F403
from fluxprompt.settings import STORAGES

# No collectstatic before a test: files are served from where they are.
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
# Every client of a test makes the middleware anew, which would look at all files each time (0.1 s);
# the web server of a test looks once.
WHITENOISE_AUTOREFRESH = "pytest" in sys.modules
# Slow hashes protect real passwords only.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
