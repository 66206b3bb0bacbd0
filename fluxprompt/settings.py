"""Settings, read from the environment; every name is in docs/configuration.md."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.csp import CSP

from fluxprompt.account_settings import *  # noqa: F403
from fluxprompt.environment import env
from fluxprompt.log_lines import without_trace
from fluxprompt.operators_look import UNFOLD as UNFOLD
from fluxprompt.paths import (
    ROOT,
    data_dir,
    embedded_database_url,
    forget_other_databases,
)
from fluxprompt.pool_check import check_unless_silent
from fluxprompt.secrets_file import load_secrets

BASE_DIR: Path = ROOT
FLUX_DATA_DIR: Path = data_dir()
_secrets = load_secrets(FLUX_DATA_DIR)

DEBUG = env.bool("FLUX_DEBUG", default=False)
SECRET_KEY: str = _secrets.django
#: Base64 keys for stored secrets and Temporal payloads, newest first.
FLUX_SECRET_KEYS: list[str] = _secrets.keys

FLUX_HOST = env.str("FLUX_HOST", default="127.0.0.1")
FLUX_PORT = env.int("FLUX_PORT", default=8000)
FLUX_PUBLIC_URL = env.str("FLUX_PUBLIC_URL", default=f"http://{FLUX_HOST}:{FLUX_PORT}")
ALLOWED_HOSTS = env.list(
    "DJANGO_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", FLUX_HOST]
)
CSRF_TRUSTED_ORIGINS = [FLUX_PUBLIC_URL]
_https = FLUX_PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Two copies on one host share the host's cookies (cookies know no ports).
SESSION_COOKIE_NAME = f"flux_session_{FLUX_PORT}"
CSRF_COOKIE_NAME = f"flux_csrf_{FLUX_PORT}"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "fluxprompt.operators.OperatorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "lucide",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.github",
    "accounts.authentication.oidc",
    "accounts",
    "flows",
    "billing",
    "execution",
    "execution.files",
    "execution.memories",
    "execution.knowledge",
    "fluxprompt",
    # After ours: it has a `runworker` command of its own.
    "channels",
    # After execution: it has a command named runworker too, and the first one wins.
]

MIDDLEWARE = [
    "accounts.middleware.origin",
    "fluxprompt.security_headers.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "fluxprompt.maintenance.maintenance",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Deny by default: a page that says nothing is for those who have signed in.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.credentials.leaving.leaving",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]

#: Whether the console wants a second factor; so where it is reached over a network.
FLUX_OPERATORS_NEED_2FA = env.bool("FLUX_OPERATORS_NEED_2FA", default=_https)
#: Proxies in front of us, as addresses or CIDR: their X-Forwarded-For says who calls.
FLUX_TRUSTED_PROXIES: list[str] = env.list("FLUX_TRUSTED_PROXIES", default=["127.0.0.1", "::1"])
#: Limits of doors that need no sign-in, where they differ from accounts/limits.py.
FLUX_RATE_LIMITS: dict[str, str] = env.dict("FLUX_RATE_LIMITS", default={})

ROOT_URLCONF = "fluxprompt.urls"
ASGI_APPLICATION = "fluxprompt.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

_database_url = env.str("DATABASE_URL", default="")
if not _database_url:
    _database_url = embedded_database_url()
    forget_other_databases()
_database: dict[str, Any] = env.db_url_config(_database_url)
# A socket's folder and port come as options; so `manage.py dbshell` finds them too.
for _name in ("host", "port"):
    _database[_name.upper()] = (
        _database.get("OPTIONS", {}).pop(_name, "") or _database[_name.upper()]
    )
DATABASES = {
    "default": {
        **_database,
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 0,
        # A connection that died with the server is noticed when taken from the pool.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # A host that vanishes closes no connection: half a minute, not the kernel's two hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            # A statement is parsed and planned once a connection, not at each run: a third of
            # PostgreSQL's work. Kept connections need a pooler that pools sessions, as LISTEN does.
            "server_side_binding": True,
            "prepare_threshold": 2,
            **_database.get("OPTIONS", {}),
            "pool": {
                "min_size": 2,
                "max_size": env.int("FLUX_DB_POOL", default=24),
                "timeout": 5,
                "check": check_unless_silent,
            },
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "flux_cache",
        # Counters of failed sign-ins live here: were it small, a flood of them would clear it.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

MAILERS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
}
DEFAULT_FROM_EMAIL = env.str(
    "FLUX_EMAIL_FROM", default=f"FluxPrompt <fluxprompt@{urlsplit(FLUX_PUBLIC_URL).hostname}>"
)
#: Whether flows that name no mail server of their own may send by this one.
FLUX_FLOW_MAIL = env.bool("FLUX_FLOW_MAIL", default=False)
if env.str("EMAIL_URL", default=""):
    _mail = env.email_url("EMAIL_URL")
    MAILERS = {
        "default": {
            "BACKEND": _mail["EMAIL_BACKEND"],
            "OPTIONS": {
                "host": _mail["EMAIL_HOST"],
                "port": _mail["EMAIL_PORT"],
                "username": _mail["EMAIL_HOST_USER"],
                "password": _mail["EMAIL_HOST_PASSWORD"],
                "use_tls": _mail.get("EMAIL_USE_TLS", False),
                "use_ssl": _mail.get("EMAIL_USE_SSL", False),
                # Seconds that a server may take to answer.
                "timeout": 10,
            },
        }
    }

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiKeyAuthentication",
        "accounts.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.HasWorkspace"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["fluxprompt.api.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "fluxprompt.api.negotiation.LenientNegotiation",
    "EXCEPTION_HANDLER": "fluxprompt.api.problems.problem_handler",
    # `?format=` belongs to the calls that have several formats.
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "FluxPrompt API",
    "DESCRIPTION": "Build, run and watch AI workflows.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["fluxprompt.api.openapi.complete"],
}
#: Bytes of a request body; larger ones get a 413 problem. The limit of a run's inputs.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("FLUX_MAX_BODY_BYTES", default=50_000_000)

SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "connect-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
STATIC_URL = "/static/"
STATIC_ROOT = FLUX_DATA_DIR / "static"
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "fluxprompt.staticfiles.ManifestStorage"},
    # What people upload and runs make. Web servers and workers have to see the same one.
    "files": {
        "BACKEND": env.str(
            "FLUX_FILES_STORAGE", default="django.core.files.storage.FileSystemStorage"
        ),
        "OPTIONS": env.json(
            "FLUX_FILES_STORAGE_OPTIONS",
            default={
                "location": str(FLUX_DATA_DIR / "files"),
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            }
            if not env.str("FLUX_FILES_STORAGE", default="")
            else {},
        ),
    },
}
#: Bytes of one file, and of all files of a workspace.
FLUX_FILE_MAX_BYTES = env.int("FLUX_FILE_MAX_BYTES", default=50_000_000)
FLUX_FILES_MAX_TOTAL_BYTES = env.int("FLUX_FILES_MAX_TOTAL_BYTES", default=5_000_000_000)
#: Media types that are stored, as patterns (`image/*`); none: all.
FLUX_FILES_ALLOWED_TYPES: list[str] = env.list("FLUX_FILES_ALLOWED_TYPES", default=[])
#: Days that files are kept; 0: for ever.
FLUX_FILES_KEEP_DAYS = env.int("FLUX_FILES_KEEP_DAYS", default=30)
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

TEMPORAL_ADDRESS = env.str(
    "TEMPORAL_ADDRESS", default=f"127.0.0.1:{env.int('TEMPORAL_PORT', default=7233)}"
)
TEMPORAL_NAMESPACE = env.str("TEMPORAL_NAMESPACE", default="default")
TEMPORAL_UI_URL = env.str(
    "TEMPORAL_UI_URL", default=f"http://127.0.0.1:{env.int('TEMPORAL_UI_PORT', default=8233)}"
)
TEMPORAL_TASK_QUEUE = env.str("TEMPORAL_TASK_QUEUE", default="flux")

#: Runs of a workspace that are at work at once, where the workspace has no limit of its own.
FLUX_MAX_RUNNING_PER_WORKSPACE = env.int("FLUX_MAX_RUNNING_PER_WORKSPACE", default=200)
#: Calls at once with each of the operator's own model keys; None: no limit.
FLUX_PROVIDER_MAX_CONCURRENT = env.int("FLUX_PROVIDER_MAX_CONCURRENT", default=0) or None
#: Pieces of work of each kind that one worker does at once.
FLUX_SLOTS_IO = env.int("FLUX_SLOTS_IO", default=200)
FLUX_SLOTS_MODEL = env.int("FLUX_SLOTS_MODEL", default=200)
# More than processes of the sandbox: who waits for one of these keeps nobody else out.
FLUX_SLOTS_CODE = env.int("FLUX_SLOTS_CODE", default=100)
#: Processes in which one worker (or a web process, for its inline runs) runs code at once.
FLUX_SANDBOX_PROCESSES = env.int(
    "FLUX_SANDBOX_PROCESSES", default=max(8, 2 * (os.cpu_count() or 1))
)

#: Private addresses that nodes may call: host, host:port or CIDR.
FLUX_ALLOW_HOSTS = env.list("FLUX_ALLOW_HOSTS", default=[])
#: Days that runs are kept after their end where a workspace says nothing; None: for ever.
FLUX_RETENTION_DAYS: int | None = env.int("FLUX_RETENTION_DAYS", default=0) or None
#: Days that audit events are kept; None: for ever.
FLUX_AUDIT_DAYS: int | None = env.int("FLUX_AUDIT_DAYS", default=0) or None
#: Days after which a session that nothing is added to is forgotten; None: never.
FLUX_MEMORY_DAYS: int | None = env.int("FLUX_MEMORY_DAYS", default=90) or None
#: More folders with node types, beside flows/nodes.
FLUX_NODE_PATHS = [Path(p) for p in env.str("FLUX_NODE_PATHS", default="").split(":") if p]
ANTHROPIC_API_KEY = env.str("ANTHROPIC_API_KEY", default="")
ANTHROPIC_BASE_URL = env.str("ANTHROPIC_BASE_URL", default="")
OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="")
#: Address of the small local model's server (`up --with-local-model` sets it).
FLUX_LOCAL_MODEL_URL = env.str("FLUX_LOCAL_MODEL_URL", default="")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {
        "without_trace": {"()": "django.utils.log.CallbackFilter", "callback": without_trace}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    # Whoever scans the net sends wrong host names; filters of a parent would not see them.
    "loggers": {"django.security.DisallowedHost": {"filters": ["without_trace"]}},
    "root": {"handlers": ["stderr"], "level": env.str("FLUX_LOG_LEVEL", default="WARNING")},
}
