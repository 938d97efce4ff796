"""All settings. What differs between places is an environment variable; `.env.example` lists them.

A bad value fails at start, by name (config/env.py).
"""

import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF
from django.templatetags.static import static
from kombu import Queue

from config import embedded
from config.env import (
    check_host,
    env_bool,
    env_int,
    env_list,
    env_origins,
    env_path,
    env_str,
    env_zone,
    read_dotenv,
    secret_key,
)

BASE_DIR = Path(__file__).resolve().parent.parent
read_dotenv(BASE_DIR / ".env")

# --- The place ------------------------------------------------------------------------------

DEBUG = env_bool("DEBUG", default=True)
DATA_DIR = env_path("DATA_DIR", default=BASE_DIR / "data")
HOST = env_str("HOST", default="127.0.0.1")
check_host(HOST, debug=DEBUG)
PORT = env_int("PORT", default=8000, least=1, most=65535)
SITE_NAME = env_str("SITE_NAME", default="Fieldnotes")
SECRET_KEY = env_str("SECRET_KEY", default="") or secret_key(DATA_DIR, debug=DEBUG)
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", default=[])

# --- Services: PostgreSQL and Redis, embedded under DATA_DIR unless addresses are given ------

EMBEDDED_DATABASE_URL, EMBEDDED_REDIS_URL = embedded.urls(DATA_DIR)
DATABASE_URL = env_str("DATABASE_URL", default="") or EMBEDDED_DATABASE_URL
REDIS_URL = env_str("REDIS_URL", default="") or EMBEDDED_REDIS_URL

_database = urlsplit(DATABASE_URL)
_database_options = dict(parse_qsl(_database.query))
DATABASES = {
    "default": {
        # A restart of PostgreSQL costs no page an error: dead connections are found before use.
        "ENGINE": "config.database",
        "NAME": _database.path.lstrip("/"),
        "USER": unquote(_database.username or ""),
        "PASSWORD": unquote(_database.password or ""),
        "HOST": _database_options.pop("host", _database.hostname or ""),
        "PORT": str(_database.port or ""),
        "OPTIONS": {
            **_database_options,
            # Values travel apart from the statement, so bytes and arrays go in binary.
            "server_side_binding": True,
            # Statements are prepared that ask for it, and no others: their plans depend on what a
            # transaction has set.
            "prepare_threshold": sys.maxsize,
            "pool": {
                "min_size": 1,
                "max_size": env_int("DATABASE_POOL_SIZE", default=8),
                "timeout": 10,
            },
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "config.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "attune",
        "TIMEOUT": 24 * 3600,
    }
}

# --- Work in the background ------------------------------------------------------------------

CELERY_BROKER_URL = embedded.celery_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
#: What takes minutes has a queue of its own, so that events never wait behind it. A worker without
#: `-Q` works on both.
CELERY_TASK_QUEUES = tuple(map(Queue, ("celery", "slow")))
CELERY_TASK_ROUTES = {
    name: {"queue": "slow"}
    for name in (
        "personalization.tasks.backtest_shard_task",
        "personalization.tasks.readers_check_task",
        "profiles.tasks.baseline_compute_task",
        "profiles.tasks.self_check_task",
        "profiles.tasks.shard_rebuild_task",
        "tracking.tasks.replay_work_task",
        "tracking.tasks.retention_sweep_task",
    )
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_TIMEZONE = "UTC"

# --- What Attune does ------------------------------------------------------------------------

#: Visitors hash to this many shards; a shard is worked by one worker at a time. Fixed once
#: data exists: changing it would send a visitor's events through two shards.
SHARDS = env_int("SHARDS", default=16, least=1, most=32767)
#: Events older than this are refused from browsers; imports may bring any age.
EVENT_MAX_AGE_DAYS = env_int("EVENT_MAX_AGE_DAYS", default=7)
#: Days until events are deleted, where their type says nothing else (tracking.retention).
EVENT_RETENTION_DAYS = env_int("EVENT_RETENTION_DAYS", default=395, least=1)
#: Days for which what could not be used waits in quarantine to be mended.
QUARANTINE_DAYS = env_int("QUARANTINE_DAYS", default=30, least=1)
#: Events of the API kept there per reason and day; further ones are counted only.
QUARANTINE_MAX_PER_DAY = env_int("QUARANTINE_MAX_PER_DAY", default=1000, least=0)
#: Topics (categories and content types) one profile has room for: 64 keep the largest profile
#: below 148 KB (docs/profiles.md).
PROFILE_MAX_TOPICS = env_int("PROFILE_MAX_TOPICS", default=64)
#: The zone a new campaign's start and end are typed in, until its marketer chooses another.
CAMPAIGN_ZONE = env_zone("CAMPAIGN_ZONE", default="UTC")
#: Headers in which a server in front says which country (ISO 3166, as CF-IPCountry) and region a
#: request comes from; empty: nobody does. That server has to overwrite what it receives in them.
COUNTRY_HEADER = env_str("COUNTRY_HEADER", default="")
REGION_HEADER = env_str("REGION_HEADER", default="")

#: Other sites of yours whose pages may ask the API and report events (docs/embedding.md).
EMBED_ORIGINS = env_origins("EMBED_ORIGINS")

# --- Django ----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config",
    "consent",
    "tracking",
    "profiles",
    "personalization",
    "demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.EmbedMiddleware",
    "config.middleware.PagePolicyMiddleware",
    "config.middleware.PageSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.middleware.PageUserMiddleware",
    "config.middleware.PageMessagesMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "consent.middleware.ConsentMiddleware",
    "personalization.middleware.PersonalizationMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "consent.context_processors.consent",
                "demo.context_processors.site",
            ],
            "builtins": ["personalization.templatetags.attune"],
        },
    }
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = "config.formats"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

# --- The API ---------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.errors.problem_exception_handler",
    "UNAUTHENTICATED_USER": None,
    # Trust no X-Forwarded-For until an operator says how many proxies stand in front.
    "NUM_PROXIES": env_int("NUM_PROXIES", default=0),
}
# From one /24 or /48 network; a withdrawal always goes through.
CONSENT_CHOICES_PER_MINUTE = env_int("CONSENT_CHOICES_PER_MINUTE", default=60, least=1)
SPECTACULAR_SETTINGS = {
    "TITLE": "Attune API",
    "DESCRIPTION": "Collect consented events, and decide what each visitor sees.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Security --------------------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT = env_bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_HSTS_SECONDS = env_int("SECURE_HSTS_SECONDS", default=0 if DEBUG else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
if env_bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    # The admin's own interface library evaluates expressions, the API's docs inline a script, and
    # the API answers JSON: none shows a visitor's markup, all stay under X-Frame-Options. Answers
    # of the API do not even pass here (config.middleware).
    "EXCLUDE_URL_PREFIXES": ("/admin/",),
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- The admin's look ------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "Attune",
    "SITE_HEADER": "Attune",
    "SITE_SYMBOL": "tune",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": True,
    "DASHBOARD_CALLBACK": "personalization.dashboard.panels.dashboard_context",
    "STYLES": [
        lambda request: static("css/admin.css"),
        lambda request: static("css/admin-campaigns.css"),
        lambda request: static("css/admin-reach.css"),
        lambda request: static("css/admin-preview.css"),
    ],
    "SCRIPTS": [lambda request: static("dist/admin-errors.js")],
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "config.navigation.admin_navigation",
    },
}

# --- Logging: to standard error, one line an event ---------------------------------------------

LOG_LEVEL = env_str("LOG_LEVEL", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Our console alone: Django's own handler would write every line a second time.
        "django": {"level": LOG_LEVEL, "handlers": []},
        # Anybody can cause a 4xx, any number of times; what matters of them is counted
        # (tracking.DropCount). A 5xx is an ERROR.
        "django.request": {"level": "WARNING" if LOG_LEVEL == "DEBUG" else "ERROR"},
        "django.security.DisallowedHost": {
            "level": "ERROR" if LOG_LEVEL == "DEBUG" else "CRITICAL",
        },
        # Two lines for each of several tasks every two seconds would drown the rest.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
