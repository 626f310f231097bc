"""The one settings file. Everything that differs between machines comes from the environment or the state folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from installer_tasks.local import state_folder
from installer_tasks.local.processes import redis
from wizard import env

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = state_folder.folder()

DEBUG = env.boolean("TMC_INSTALLER_DEBUG", False)
SECRET_KEY = env.text("TMC_INSTALLER_SECRET_KEY") or state_folder.secret_file("django-secret-key").decode()
#: One Fernet key a line, newest first; seals every secret in the database (installer_tasks/local/secrets.py).
KEYRING_FILE = Path(env.text("TMC_INSTALLER_KEYRING") or STATE_DIR / "keyring")

#: Installers may name bundles below these, and below what administrators open on the page Bundle folders.
BUNDLE_FOLDERS = env.folders("TMC_INSTALLER_BUNDLES")

ALLOWED_HOSTS = env.words("TMC_INSTALLER_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("TMC_INSTALLER_ORIGINS")
#: Whose X-Forwarded-For is believed (wizard/accounts/addresses.py): addresses and networks; nobody's by default.
PROXIES = env.networks("TMC_INSTALLER_PROXIES")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "installer_tasks",
    "wizard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "wizard.middleware.CompressedPages",
    "wizard.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Before the CSRF check, which reads the form.
    "wizard.bodies.CutBodies",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "wizard.accounts.session_end.SignInRequired",
    "wizard.accounts.sessions.SessionUse",
    "wizard.accounts.access.RouteAccess",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "wizard.urls"
ASGI_APPLICATION = "wizard.asgi.application"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "installations"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("MinimumLengthValidator", {"min_length": 12}),
        ("UserAttributeSimilarityValidator", {"user_attributes": ("username",)}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "wizard.context.chrome",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "wizard.templatetags.wizard"],
        },
    }
]


def _sqlite() -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": STATE_DIR / "installer.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            # Take the write lock at BEGIN: a later upgrade of a read lock cannot wait and fails at once.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
        },
    }


def _host(netloc: str) -> str:
    """As it was written: a socket folder (percent-encoded) may have capitals, which `hostname` would fold."""
    place = netloc.rpartition("@")[2]
    return unquote(place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0])


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must start with postgresql://")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": _host(parts.netloc),
        "PORT": str(parts.port or ""),
        # A connection per request: under ASGI kept ones pile up, a thread each.
        "CONN_MAX_AGE": 0,
    }


DATABASE_URL = env.text("DATABASE_URL")
DATABASES = {"default": _postgresql(DATABASE_URL) if DATABASE_URL else _sqlite()}
#: Cookies know no port: without names of its own, each installer on a host would sign out the people of the others.
INSTANCE = state_folder.instance(SECRET_KEY, database=str(DATABASES["default"]["NAME"]) if DATABASE_URL else "")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

#: Where Celery's doorbell rings; `manage.py up` starts a private Redis on this socket when REDIS_URL is not set.
REDIS_URL = env.text("REDIS_URL") or redis.url(redis.socket_path(STATE_DIR))

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "wizard" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served from where they lie, in the wheel of django-htmx too: no collect step to forget on a jump host.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

#: A kubeconfig or a PEM is kilobytes. How much of a body is read at all: wizard/bodies.py.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = ["wizard.uploads.Capped"]
CSRF_FAILURE_VIEW = "wizard.views.site.csrf_failure"

SESSION_COOKIE_NAME = f"session-{INSTANCE}"
CSRF_COOKIE_NAME = f"csrf-{INSTANCE}"
LANGUAGE_COOKIE_NAME = f"language-{INSTANCE}"
THEME_COOKIE_NAME = f"theme-{INSTANCE}"
#: In which browser a name has signed in before (wizard/accounts/throttle.py).
BROWSER_COOKIE_NAME = f"browser-{INSTANCE}"
# Not in a cookie, whose name could not be chosen.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
#: Since a person last did something (wizard/accounts/sessions.py).
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.boolean("TMC_INSTALLER_HTTPS", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SESSION_COOKIE_SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "installer_tasks.local.log_redaction.CleanFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.text("TMC_INSTALLER_LOG", "INFO")},
    "loggers": {
        # Django's own handlers do not know what to leave out.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        # Expected refusals (404, 403) are answers, not news.
        "django.request": {"level": "ERROR"},
    },
}
