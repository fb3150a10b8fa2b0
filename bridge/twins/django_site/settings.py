"""Settings of the helpdesk, all of them taken from the environment that `serve.py` was started with."""

import os
import secrets
from pathlib import Path

DATA = Path(os.environ["HELPDESK_DATA_DIR"])


def secret_key() -> str:
    """The key of this data folder, made on first use and kept, so that a login outlives a restart."""
    path = DATA / "secret-key"
    if not path.exists():
        part = path.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(secrets.token_urlsafe(48), encoding="ascii")
        part.replace(path)
    return path.read_text(encoding="ascii")


def new_ticket_webhooks() -> list[str]:
    """The URLs told about new tickets; whitespace separates them because a URL may hold a comma."""
    return os.environ.get("HELPDESK_NEW_TICKET_WEBHOOK_URLS", "").split()


def followup_webhooks() -> list[str]:
    """The URLs told about follow-ups, separated like those for new tickets."""
    return os.environ.get("HELPDESK_FOLLOWUP_WEBHOOK_URLS", "").split()


SECRET_KEY = secret_key()
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "urls"
SITE_ID = 1
LANGUAGE_CODE = "en-us"
TIME_ZONE = os.environ.get("HELPDESK_TIME_ZONE", "UTC")
USE_TZ = True
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = str(DATA / "media")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sites",
    "django.contrib.staticfiles",
    "rest_framework",
    "helpdesk",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(DATA / "helpdesk.sqlite3"),
        # Closing the last connection folds the write-ahead log back, which would cost every request two syncs.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            # A transaction that starts by reading cannot wait for a writer, it fails as "database is locked".
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    },
}
PASSWORD_HASHERS = ["hashers.OneLaneScryptPasswordHasher"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.BasicAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
}
HELPDESK_API_ENABLED = True
HELPDESK_TEAMS_MODE_ENABLED = False
HELPDESK_USE_CDN = False
# Every custom field of the reply form is saved as it was when the page was opened, which would erase a
# conversation written down since.
HELPDESK_SHOW_CUSTOM_FIELDS_FOLLOW_UP_LIST = ["phone"]
HELPDESK_GET_NEW_TICKET_WEBHOOK_URLS = new_ticket_webhooks
HELPDESK_GET_FOLLOWUP_WEBHOOK_URLS = followup_webhooks

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # Without this Django mails its errors to nobody and prints nothing.
    "loggers": {"django": {"handlers": [], "level": "WARNING", "propagate": True}},
}
