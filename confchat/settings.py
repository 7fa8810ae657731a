"""Settings of the project: Django's, and the product's own with the prefix CONFCHAT_.

Every variable read here is described in docs/SETTINGS.md; `confchat.checks` refuses unsafe combinations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from confchat import env
from confchat.build import build_id, read_key_file, read_secret
from confchat.databases import postgresql_database, sqlite_database
from confchat.sign_on import sign_on_providers

BASE_DIR = Path(__file__).resolve().parent.parent

# --- the product ------------------------------------------------------------------------------

CONFCHAT_DEVELOPMENT = env.flag("CONFCHAT_DEVELOPMENT", default=False)
CONFCHAT_DATA_DIR = env.path("CONFCHAT_DATA_DIR", BASE_DIR / "var")
# No setting of Django's that shows: a password may stand in it.
_DATABASE_URL = env.text("CONFCHAT_DATABASE_URL", "")
CONFCHAT_FIRST_PASSWORD = env.text("CONFCHAT_FIRST_PASSWORD", "")
CONFCHAT_HOST = env.text("HOST", "127.0.0.1")
CONFCHAT_PORT = env.integer("PORT", 8000, least=1)
CONFCHAT_ORIGINS = env.words(
    "CONFCHAT_ORIGINS", (f"http://127.0.0.1:{CONFCHAT_PORT}", f"http://localhost:{CONFCHAT_PORT}")
)
CONFCHAT_POLICY = env.text("CONFCHAT_POLICY", "development" if CONFCHAT_DEVELOPMENT else "strict")
CONFCHAT_TDX: Literal["auto", "configfs", "library", "qgs", "driver", "simulator"] = env.choice(
    "CONFCHAT_TDX", "auto", among=("auto", "configfs", "library", "qgs", "driver", "simulator")
)
CONFCHAT_CONFIGFS = env.path("CONFCHAT_CONFIGFS", Path("/sys/kernel/config/tsm/report"))
CONFCHAT_TDX_LIBRARY = env.text("CONFCHAT_TDX_LIBRARY", "libtdx_attest.so.1")
# Empty: whichever of the names that kernels use is there.
CONFCHAT_TDX_DEVICE = env.text("CONFCHAT_TDX_DEVICE", "")
# Empty: the port that /etc/tdx-attest.conf names.
CONFCHAT_QGS = env.text("CONFCHAT_QGS", "")
CONFCHAT_SIMULATOR_DIR = CONFCHAT_DATA_DIR / "simulator"
# Whether the simulated platform is somebody else's process, which goes on when the product is started anew.
CONFCHAT_SIMULATOR_RUNS = env.flag("CONFCHAT_SIMULATOR_RUNS", default=False)
CONFCHAT_PCCS_URL = env.text("CONFCHAT_PCCS_URL", "")
CONFCHAT_QCNL_FILE = env.path("CONFCHAT_QCNL_FILE", Path("/etc/sgx_default_qcnl.conf"))
CONFCHAT_UNSAFE_PCCS_TLS = env.flag("CONFCHAT_UNSAFE_PCCS_TLS", default=False)
CONFCHAT_UNSAFE_KBS_HTTP = env.flag("CONFCHAT_UNSAFE_KBS_HTTP", default=False)
# Absolute: of an interpreter that is run as somebody said, and not found by chance.
CONFCHAT_GPU_PYTHON = env.path_or_none("CONFCHAT_GPU_PYTHON")
CONFCHAT_GPU_VERIFIER: Literal["local", "nras"] = env.choice("CONFCHAT_GPU_VERIFIER", "local", among=("local", "nras"))
CONFCHAT_GPU_KEYS = env.path_or_none("CONFCHAT_GPU_KEYS")
CONFCHAT_GPU_ENVIRONMENT = env.everything()
CONFCHAT_GPU_SCRIPT = BASE_DIR / "deploy" / "gpu_evidence.py"
CONFCHAT_ENGINE: Literal["ollama", "openai", "eas"] = env.choice(
    "CONFCHAT_ENGINE", "ollama", among=("ollama", "openai", "eas")
)
CONFCHAT_ENGINE_URL = env.text("CONFCHAT_ENGINE_URL", "")
CONFCHAT_ENGINE_TOKEN = env.text("CONFCHAT_ENGINE_TOKEN", "")
# What an engine inside this machine serves, where that is not Ollama's library: a GGUF file, or a directory.
CONFCHAT_MODEL_FILES = env.path_or_none("CONFCHAT_MODEL_FILES")
CONFCHAT_MODEL_SEES: Literal["ask", "0", "1"] = env.choice("CONFCHAT_MODEL_SEES", "ask", among=("ask", "0", "1"))
# The model that makes vectors of passages, on the same endpoint; what it serves, like CONFCHAT_MODEL_FILES.
CONFCHAT_EMBEDDING_MODEL = env.text("CONFCHAT_EMBEDDING_MODEL", "")
CONFCHAT_EMBEDDING_FILES = env.path_or_none("CONFCHAT_EMBEDDING_FILES")
CONFCHAT_OLLAMA_HOST = env.text("OLLAMA_HOST", "")
# Where Ollama keeps its models: what OLLAMA_MODELS says to it, else its own user's home, else this user's.
_OLLAMA_HOMES = (Path("/usr/share/ollama/.ollama/models"), Path("~/.ollama/models").expanduser())
CONFCHAT_OLLAMA_MODELS = env.path(
    "OLLAMA_MODELS", next((path for path in _OLLAMA_HOMES if path.is_dir()), _OLLAMA_HOMES[0])
)
CONFCHAT_UNSAFE_REMOTE_MODEL = env.flag("CONFCHAT_UNSAFE_REMOTE_MODEL", default=False)
# Set by `manage.py serve` for the server it starts when OLLAMA_HOST is not set: that host is then the embedded model's.
CONFCHAT_EMBEDDED_MODEL = env.flag(
    "CONFCHAT_EMBEDDED_MODEL", default=CONFCHAT_ENGINE == "ollama" and not CONFCHAT_OLLAMA_HOST
)
CONFCHAT_MODEL = env.text("CONFCHAT_MODEL", "smollm2:135m" if CONFCHAT_EMBEDDED_MODEL else "deepseek-r1:70b")
# Alibaba's do_content_packager.sh, where its owner has installed it.
CONFCHAT_SAM_PACKAGER = env.path_or_none("CONFCHAT_SAM_PACKAGER")
CONFCHAT_MODEL_RECORDS = env.path("CONFCHAT_MODEL_RECORDS", CONFCHAT_DATA_DIR / "encrypted-models")
# How often whoever keeps a model open shows its broker fresh evidence.
CONFCHAT_UNLOCKED_MINUTES = env.integer("CONFCHAT_UNLOCKED_MINUTES", 15, least=1)
# What an engine is started with that serves an unlocked model: nothing of ours, in which a token may stand.
CONFCHAT_ENGINE_ENVIRONMENT = env.others()
CONFCHAT_SERVICE_MANAGER = env.text("NOTIFY_SOCKET", "")
CONFCHAT_RELEASES_DIR = env.path("CONFCHAT_RELEASES_DIR", CONFCHAT_DATA_DIR / "releases")
CONFCHAT_VERIFIERS_DIR = env.path("CONFCHAT_VERIFIERS_DIR", CONFCHAT_DATA_DIR / "verifiers")
CONFCHAT_RELEASE_KEY = env.text("CONFCHAT_RELEASE_KEY", read_key_file(CONFCHAT_DATA_DIR / "keys" / "release.pub"))
# What is accepted of a machine stands in a policy's file alone; an old setting that nobody reads would mislead.
env.refuse(
    *("CONFCHAT_MIN_RELEASE", "CONFCHAT_MIN_TCB_EVALUATION", "CONFCHAT_TCB_STATUSES"),
    *("CONFCHAT_REFUSED_ADVISORIES", "CONFCHAT_SERVICE_TDS"),
    instead="a policy's file, which CONFCHAT_POLICY names (docs/policies.md)",
)
# Where the history's pages get today's lists for a quote from: an async function, by its name.
CONFCHAT_COLLATERAL_SOURCE = "confchat.deployment.collateral_for"
# And what around the product would undo it.
CONFCHAT_TRAPS_SOURCE = "confchat.traps.find_traps"
# Who takes over what two people approved: likewise.
CONFCHAT_TAKE_OVER = "confchat.deployment.take_over"
# Written at the first set-up: a log keeps its name when the port or the origins change.
_FIRST_LOG_ORIGIN = read_key_file(CONFCHAT_DATA_DIR / "log.origin")
CONFCHAT_LOG_ORIGIN = env.text(
    "CONFCHAT_LOG_ORIGIN", _FIRST_LOG_ORIGIN or f"{urlsplit(CONFCHAT_ORIGINS[0]).netloc}/attestation-log"
)
CONFCHAT_WITNESSES = env.words("CONFCHAT_WITNESSES", ())
CONFCHAT_CONTEXT_TOKENS = env.integer("CONFCHAT_CONTEXT_TOKENS", 8192, least=512)
CONFCHAT_HANDSHAKES_PER_USER = env.integer("CONFCHAT_HANDSHAKES_PER_USER", 60, least=1)
CONFCHAT_HANDSHAKES_PER_ADDRESS = env.integer("CONFCHAT_HANDSHAKES_PER_ADDRESS", 300, least=1)
CONFCHAT_EVIDENCE_PER_ADDRESS = env.integer("CONFCHAT_EVIDENCE_PER_ADDRESS", 30, least=1)
# Days without a word after which conversations that are not pinned are deleted; 0 keeps them.
CONFCHAT_RETENTION_DAYS = env.integer("CONFCHAT_RETENTION_DAYS", 0)
CONFCHAT_SIGNUP: Literal["open", "invitation", "closed"] = env.choice(
    "CONFCHAT_SIGNUP", "invitation", among=("open", "invitation", "closed")
)
# Whether people may make access tokens for programs, and whether those that they made count.
CONFCHAT_ACCESS_TOKENS = env.flag("CONFCHAT_ACCESS_TOKENS", default=True)
CONFCHAT_ATTACHMENT_QUOTA_MB = env.integer("CONFCHAT_ATTACHMENT_QUOTA_MB", 200)
# What one person may use in a day (UTC), where neither he nor a group of his has another allowance; 0 is no limit.
CONFCHAT_MESSAGES_A_DAY = env.integer("CONFCHAT_MESSAGES_A_DAY", 0)
CONFCHAT_TOKENS_A_DAY = env.integer("CONFCHAT_TOKENS_A_DAY", 0)
CONFCHAT_METRICS_TOKEN = env.text("CONFCHAT_METRICS_TOKEN", "")
# In development nobody waits for notices, and a laptop has better things to do.
CONFCHAT_WATCH_MINUTES = env.integer("CONFCHAT_WATCH_MINUTES", 0 if CONFCHAT_DEVELOPMENT else 15)
CONFCHAT_WATCH_MAIL_TO = env.words("CONFCHAT_WATCH_MAIL_TO", ())
CONFCHAT_WATCH_WEBHOOK = env.text("CONFCHAT_WATCH_WEBHOOK", "")
CONFCHAT_WATCH_WEBHOOK_SECRET = env.text("CONFCHAT_WATCH_WEBHOOK_SECRET", "")
CONFCHAT_MAX_SOCKETS = env.integer("CONFCHAT_MAX_SOCKETS", 5000, least=1)
CONFCHAT_SOCKETS_PER_USER = env.integer("CONFCHAT_SOCKETS_PER_USER", 100, least=1)

# --- Django -----------------------------------------------------------------------------------

DEBUG = False
SECRET_KEY = env.text("CONFCHAT_SECRET_KEY", read_secret(CONFCHAT_DATA_DIR / "secret_key"))
_IS_OPEN = CONFCHAT_DEVELOPMENT and CONFCHAT_HOST not in ("127.0.0.1", "localhost", "::1")
ALLOWED_HOSTS = ["*"] if _IS_OPEN else [urlsplit(origin).hostname or "" for origin in CONFCHAT_ORIGINS]
CSRF_TRUSTED_ORIGINS = list(CONFCHAT_ORIGINS)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "attestation",
    "confchat",
    "confchat.accounts",
    "confchat.oidc",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "confchat.middleware.SecurityHeadersMiddleware",
    "confchat.compression.StaticCompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "confchat.accounts.from_elsewhere.FromElsewhereMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]
ROOT_URLCONF = "confchat.urls"
ASGI_APPLICATION = "confchat.asgi.application"
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
                "confchat.accounts.pages.account_context",
            ]
        },
    }
]
DATABASES = {
    "default": postgresql_database(_DATABASE_URL)
    if _DATABASE_URL
    else sqlite_database(CONFCHAT_DATA_DIR / "db.sqlite3")
}
# Budgets are counted here: with Django's 300 entries, many addresses would push out each other's counts.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "confchat.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "confchat.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
_SIGNUP_EMAIL = "email*" if CONFCHAT_SIGNUP == "open" else "email"
ACCOUNT_SIGNUP_FIELDS = ["username*", _SIGNUP_EMAIL, "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if CONFCHAT_SIGNUP == "open" else "optional"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # nobody makes us write to strangers
ACCOUNT_EMAIL_NOTIFICATIONS = ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "ConfChat: "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(CONFCHAT_ORIGINS[0]).scheme
# Lock-out: 5 wrong passwords for one name, or 10 a minute from one address, and no more are tried for a while.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/300s/key"}
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
SOCIALACCOUNT_ADAPTER = "confchat.accounts.adapter.SignOnAccountAdapter"
SOCIALACCOUNT_PROVIDERS = sign_on_providers(
    issuer=env.text("CONFCHAT_OIDC_ISSUER", ""),
    client_id=env.text("CONFCHAT_OIDC_CLIENT_ID", ""),
    secret_file=env.path_or_none("CONFCHAT_OIDC_SECRET_FILE"),
    name=env.text("CONFCHAT_OIDC_NAME", "Single sign-on"),
    development=CONFCHAT_DEVELOPMENT,
)
USERSESSIONS_TRACK_ACTIVITY = True
MFA_ADAPTER = "confchat.accounts.second_factors.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "ConfChat"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = CONFCHAT_DEVELOPMENT  # of this computer alone: browsers allow no other

EMAIL_HOST = env.text("CONFCHAT_MAIL_HOST", "")
EMAIL_PORT = env.integer("CONFCHAT_MAIL_PORT", 587, least=1)
EMAIL_HOST_USER = env.text("CONFCHAT_MAIL_USER", "")
EMAIL_HOST_PASSWORD = env.text("CONFCHAT_MAIL_PASSWORD", "")
_MAIL_TLS: Literal["starttls", "tls", "none"] = env.choice(
    "CONFCHAT_MAIL_TLS", "starttls", among=("starttls", "tls", "none")
)
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL_TLS == "starttls", _MAIL_TLS == "tls"
EMAIL_TIMEOUT = 20
# In development letters are printed where the server was started; elsewhere nobody reads that.
CONFCHAT_SENDS_MAIL = bool(EMAIL_HOST) or CONFCHAT_DEVELOPMENT
_MAILER = "smtp" if EMAIL_HOST else "dummy"
EMAIL_BACKEND = f"django.core.mail.backends.{_MAILER}.EmailBackend"
if CONFCHAT_DEVELOPMENT and not EMAIL_HOST:
    EMAIL_BACKEND = "confchat.accounts.printed_letters.EmailBackend"
DEFAULT_FROM_EMAIL = env.text("CONFCHAT_MAIL_FROM", f"confchat@{urlsplit(CONFCHAT_ORIGINS[0]).hostname or 'localhost'}")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_SAMESITE = "Strict"
LANGUAGE_COOKIE_HTTPONLY = True
USE_TZ = True
TIME_ZONE = "UTC"

# The build id in the path lets modules import each other relatively and be cached for good.
CONFCHAT_BUILD = build_id(BASE_DIR / "static")
STATIC_URL = f"/static/{CONFCHAT_BUILD}/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 31_536_000
WHITENOISE_ALLOW_ALL_ORIGINS = False

_IS_TLS = all(origin.startswith("https://") for origin in CONFCHAT_ORIGINS)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _IS_TLS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 31_536_000 if _IS_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # httpx logs every URL it asks for; names of models and hosts stay out of our logs.
    "loggers": {"httpx": {"level": "WARNING"}, "django.request": {"level": "ERROR"}},
}
