"""Every setting, read once from the environment. `docs/settings.md` has the table; a test keeps the two equal."""

from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from mediahub.lib.datadir import default_broker_url, key_file
from mediahub.lib.env import env_bool, env_counts, env_float, env_int, env_list, env_rates, env_secret, env_str
from mediahub.lib.prefix import path_prefix

BASE_DIR = Path(__file__).resolve().parent.parent

# Where things are ----------------------------------------------------------------------------------------------------

MEDIAHUB_DATA_DIR = Path(env_str("MEDIAHUB_DATA_DIR") or BASE_DIR / "var").resolve()
MEDIAHUB_TMP_DIR = MEDIAHUB_DATA_DIR / "tmp"
for _folder in (MEDIAHUB_DATA_DIR, MEDIAHUB_TMP_DIR):
    _folder.mkdir(parents=True, exist_ok=True, mode=0o700)
MEDIAHUB_PUBLIC_URL = env_str("MEDIAHUB_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
MEDIAHUB_DELIVERY_URL = env_str("MEDIAHUB_DELIVERY_URL").rstrip("/")
FORCE_SCRIPT_NAME = path_prefix(MEDIAHUB_PUBLIC_URL) or None

# Secrets and hosts ---------------------------------------------------------------------------------------------------

DEBUG = env_bool("MEDIAHUB_DEBUG")
SECRET_KEY = env_secret("MEDIAHUB_SECRET_KEY") or key_file(MEDIAHUB_DATA_DIR / "keys" / "secret_key")
MEDIAHUB_ENCRYPTION_KEY = env_secret("MEDIAHUB_ENCRYPTION_KEY") or key_file(
    MEDIAHUB_DATA_DIR / "keys" / "encryption_key"
)
ALLOWED_HOSTS = env_list("MEDIAHUB_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
if _delivery_host := urlsplit(MEDIAHUB_DELIVERY_URL).hostname:
    ALLOWED_HOSTS = [*ALLOWED_HOSTS, _delivery_host]
CSRF_TRUSTED_ORIGINS = env_list("MEDIAHUB_CSRF_TRUSTED_ORIGINS")
MEDIAHUB_BEHIND_TLS = env_bool("MEDIAHUB_BEHIND_TLS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = MEDIAHUB_BEHIND_TLS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = FORCE_SCRIPT_NAME or "/"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
MEDIAHUB_TRUSTED_PROXIES = tuple(ip_network(item) for item in env_list("MEDIAHUB_TRUSTED_PROXIES"))
if MEDIAHUB_BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Applications --------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "mediahub.admin.MediaHubAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "library",
    "extensions",
]
MIDDLEWARE = [
    "mediahub.lib.api.RequestIdMiddleware",
    "mediahub.paths.PathMiddleware",
    "mediahub.lib.limits.rates.RateLimitHeadersMiddleware",
    "library.api.cors.UploadCorsMiddleware",
    "library.delivery.hosts.DeliveryHostMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "mediahub.lib.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "mediahub.urls"
APPEND_SLASH = False
WSGI_APPLICATION = "mediahub.wsgi.application"
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
            ],
        },
    },
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Database ------------------------------------------------------------------------------------------------------------

DATABASE_URL = env_secret("DATABASE_URL")
MEDIAHUB_PROCESS = env_str("MEDIAHUB_PROCESS", "command")  # web, worker, sweep or command; set by `manage.py up`


def _sqlite(path: str) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        # Opening a connection costs as much as five statements.
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            # Read-then-write under the default mode fails whenever two processes write (REL section 12).
            "transaction_mode": "IMMEDIATE",
            "timeout": env_float("MEDIAHUB_SQLITE_BUSY_S", 20),
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864; "
                "PRAGMA cache_size=-4000; PRAGMA temp_store=MEMORY;"
            ),
        },
    }


def _postgresql(url: str) -> dict[str, object]:
    statement_ms = 15_000 if MEDIAHUB_PROCESS == "web" else 120_000
    found = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    options = dict(found.get("OPTIONS") or {})  # type: ignore[call-overload]
    options.setdefault(
        "options",
        f"-c statement_timeout={statement_ms} -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000",
    )
    return found | {"OPTIONS": options}


if DATABASE_URL.startswith(("postgres://", "postgresql://")):
    DATABASES = {"default": _postgresql(DATABASE_URL)}
elif not DATABASE_URL or DATABASE_URL.startswith("sqlite:///"):
    _path = DATABASE_URL.removeprefix("sqlite:///") or str(MEDIAHUB_DATA_DIR / "mediahub.sqlite3")
    DATABASES = {"default": _sqlite(_path)}
else:
    raise ImproperlyConfigured("DATABASE_URL must begin with postgresql:// or sqlite:///.")

# Blobs and static files ----------------------------------------------------------------------------------------------

MEDIAHUB_STORAGE = env_str("MEDIAHUB_STORAGE", "disk")
MEDIAHUB_STORAGE_BUCKET = env_str("MEDIAHUB_STORAGE_BUCKET")
_BLOB_STORAGES: dict[str, dict[str, object]] = {
    "disk": {
        "BACKEND": "library.storage.DiskStorage",
        "OPTIONS": {"location": str(MEDIAHUB_DATA_DIR / "media")},
    },
    # Time-outs: the client library's own are 60 s, five times (REL 13.14).
    "s3": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": MEDIAHUB_STORAGE_BUCKET,
            "endpoint_url": env_str("AWS_S3_ENDPOINT_URL") or None,
            "file_overwrite": True,
            "default_acl": None,
            "querystring_expire": 300,
            "max_memory_size": 1 << 20,  # a larger file that is read goes to disk; without this, whole into memory
        },
    },
    "gcs": {
        "BACKEND": "storages.backends.gcloud.GoogleCloudStorage",
        "OPTIONS": {"bucket_name": MEDIAHUB_STORAGE_BUCKET},
    },
    "azure": {
        "BACKEND": "storages.backends.azure_storage.AzureStorage",
        "OPTIONS": {"azure_container": MEDIAHUB_STORAGE_BUCKET},
    },
}
if MEDIAHUB_STORAGE not in _BLOB_STORAGES:
    raise ImproperlyConfigured(f"MEDIAHUB_STORAGE={MEDIAHUB_STORAGE!r}: use disk, s3, gcs or azure.")
if MEDIAHUB_STORAGE == "s3":
    from botocore.config import Config

    _BLOB_STORAGES["s3"]["OPTIONS"]["client_config"] = Config(  # type: ignore[index]
        connect_timeout=2, read_timeout=10, retries={"max_attempts": 2}
    )
STORAGES = {
    "default": _BLOB_STORAGES[MEDIAHUB_STORAGE],
    "blobs": _BLOB_STORAGES[MEDIAHUB_STORAGE],
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = f"{FORCE_SCRIPT_NAME or ''}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = MEDIAHUB_DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
FILE_UPLOAD_TEMP_DIR = str(MEDIAHUB_TMP_DIR)
MEDIAHUB_MIN_FREE_BYTES = env_int("MEDIAHUB_MIN_FREE_BYTES", 1 << 30)
MEDIAHUB_BLOB_GRACE_S = env_int("MEDIAHUB_BLOB_GRACE_S", 24 * 3600)

# Uploads and images --------------------------------------------------------------------------------------------------

MEDIAHUB_MAX_UPLOAD_BYTES = env_int("MEDIAHUB_MAX_UPLOAD_BYTES", 50 * 1024 * 1024, least=1024)
MEDIAHUB_UPLOAD_ORIGINS = env_list("MEDIAHUB_UPLOAD_ORIGINS", "*")
MEDIAHUB_STRIP_GPS = env_bool("MEDIAHUB_STRIP_GPS")
MEDIAHUB_MAX_IMAGE_PIXELS = env_int("MEDIAHUB_MAX_IMAGE_PIXELS", 100_000_000)
MEDIAHUB_MAX_IMAGE_SIDE = env_int("MEDIAHUB_MAX_IMAGE_SIDE", 16_384)
MEDIAHUB_MAX_FRAMES = env_int("MEDIAHUB_MAX_FRAMES", 500)
MEDIAHUB_MAX_FRAME_PIXELS = env_int("MEDIAHUB_MAX_FRAME_PIXELS", 250_000_000)
MEDIAHUB_MAX_METADATA_BYTES = env_int("MEDIAHUB_MAX_METADATA_BYTES", 1 << 20)
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

# Extensions ----------------------------------------------------------------------------------------------------------

MEDIAHUB_SYNC_DEADLINE_S = env_float("MEDIAHUB_SYNC_DEADLINE_S", 5, most=50)
MEDIAHUB_EXTENSION_WEBHOOKS = env_str("MEDIAHUB_EXTENSION_WEBHOOKS", "pending")
if MEDIAHUB_EXTENSION_WEBHOOKS not in {"pending", "all"}:
    raise ImproperlyConfigured("MEDIAHUB_EXTENSION_WEBHOOKS must be pending or all.")
MEDIAHUB_UNIT_PRICES = {
    "remove-bg": env_int("MEDIAHUB_UNITS_REMOVE_BG", 130),
    "google-auto-tagging": env_int("MEDIAHUB_UNITS_GOOGLE_AUTO_TAGGING", 2),
    "aws-auto-tagging": env_int("MEDIAHUB_UNITS_AWS_AUTO_TAGGING", 1),
    "local-auto-tagging": env_int("MEDIAHUB_UNITS_LOCAL_AUTO_TAGGING", 0),
    "ai-auto-description": env_int("MEDIAHUB_UNITS_AI_AUTO_DESCRIPTION", 5),
    "ai-tasks": env_int("MEDIAHUB_UNITS_AI_TASKS", 5),
}
MEDIAHUB_UNITS_PACK_SIZE = env_int("MEDIAHUB_UNITS_PACK_SIZE", 5000, least=1, most=10**9)
MEDIAHUB_PROVIDER_CHAINS = {
    "remove-bg": env_list("MEDIAHUB_CHAIN_REMOVE_BG", "remove.bg,rembg"),
    "google-auto-tagging": env_list("MEDIAHUB_CHAIN_GOOGLE_AUTO_TAGGING", "google-vision"),
    "aws-auto-tagging": env_list("MEDIAHUB_CHAIN_AWS_AUTO_TAGGING", "aws-rekognition"),
    "local-auto-tagging": env_list("MEDIAHUB_CHAIN_LOCAL_AUTO_TAGGING", "local-tagger"),
    "ai-auto-description": env_list("MEDIAHUB_CHAIN_AI_AUTO_DESCRIPTION", "openai-compatible"),
    "ai-tasks": env_list("MEDIAHUB_CHAIN_AI_TASKS", "openai-compatible"),
}
MEDIAHUB_RUN_ATTEMPTS = env_int("MEDIAHUB_RUN_ATTEMPTS", 5, least=1)
MEDIAHUB_RUN_MAX_AGE_S = env_int("MEDIAHUB_RUN_MAX_AGE_S", 24 * 3600)
MEDIAHUB_RUN_BACKOFF_BASE_S = env_float("MEDIAHUB_RUN_BACKOFF_BASE_S", 2)
MEDIAHUB_RUN_BACKOFF_CAP_S = env_float("MEDIAHUB_RUN_BACKOFF_CAP_S", 600)
MEDIAHUB_BREAKER_FAILURES = env_int("MEDIAHUB_BREAKER_FAILURES", 5, least=1)
MEDIAHUB_BREAKER_OPEN_S = env_float("MEDIAHUB_BREAKER_OPEN_S", 30, least=1)
MEDIAHUB_BREAKER_CAP_S = env_float("MEDIAHUB_BREAKER_CAP_S", 900, least=1)
MEDIAHUB_PROVIDER_UNAVAILABLE_S = env_float("MEDIAHUB_PROVIDER_UNAVAILABLE_S", 300, least=1)
MEDIAHUB_PROVIDER_CONCURRENCY = env_counts("MEDIAHUB_PROVIDER_CONCURRENCY")
MEDIAHUB_PROVIDER_RATE_PER_MIN = env_counts("MEDIAHUB_PROVIDER_RATE_PER_MIN")
MEDIAHUB_BACKFILL_WAITING = env_int("MEDIAHUB_BACKFILL_WAITING", 40, least=1, most=1000)
MEDIAHUB_TAGGING_TIMEOUT_S = env_float("MEDIAHUB_TAGGING_TIMEOUT_S", 45, least=1)
MEDIAHUB_IMAGES_TIMEOUT_S = env_float("MEDIAHUB_IMAGES_TIMEOUT_S", 150, least=1)
MEDIAHUB_REMOVEBG_API_KEY = env_secret("MEDIAHUB_REMOVEBG_API_KEY")
MEDIAHUB_REMOVEBG_URL = env_str("MEDIAHUB_REMOVEBG_URL", "https://api.remove.bg/v1.0").rstrip("/")
MEDIAHUB_REMOVEBG_SIZE = env_str("MEDIAHUB_REMOVEBG_SIZE", "auto")
if MEDIAHUB_REMOVEBG_SIZE not in {"auto", "preview", "small", "regular", "medium", "hd", "full", "4k", "50MP"}:
    raise ImproperlyConfigured(
        "MEDIAHUB_REMOVEBG_SIZE must be auto, preview, small, regular, medium, hd, full, 4k or 50MP."
    )
MEDIAHUB_REMBG_MODEL = env_str("MEDIAHUB_REMBG_MODEL", "u2netp")
MEDIAHUB_REMBG_PRECISION = env_str("MEDIAHUB_REMBG_PRECISION", "auto")
if MEDIAHUB_REMBG_PRECISION not in {"auto", "fp32", "int8"}:
    raise ImproperlyConfigured("MEDIAHUB_REMBG_PRECISION must be auto, fp32 or int8.")
MEDIAHUB_WEIGHTS_DIR = Path(env_str("MEDIAHUB_WEIGHTS_DIR") or MEDIAHUB_DATA_DIR / "weights")
MEDIAHUB_AI_BASE_URL = env_str("MEDIAHUB_AI_BASE_URL").rstrip("/")
MEDIAHUB_AI_API_KEY = env_secret("MEDIAHUB_AI_API_KEY")
MEDIAHUB_AI_MODEL = env_str("MEDIAHUB_AI_MODEL")
MEDIAHUB_AI_MAX_TOKENS = env_int("MEDIAHUB_AI_MAX_TOKENS", 1000, least=16)
MEDIAHUB_AI_TOKENS_FIELD = env_str("MEDIAHUB_AI_TOKENS_FIELD", "max_tokens")
if MEDIAHUB_AI_TOKENS_FIELD not in {"max_tokens", "max_completion_tokens"}:
    raise ImproperlyConfigured("MEDIAHUB_AI_TOKENS_FIELD must be max_tokens or max_completion_tokens.")
MEDIAHUB_AI_ANSWER_FORMAT = env_str("MEDIAHUB_AI_ANSWER_FORMAT", "json_schema")
if MEDIAHUB_AI_ANSWER_FORMAT not in {"json_schema", "json_object", "none"}:
    raise ImproperlyConfigured("MEDIAHUB_AI_ANSWER_FORMAT must be json_schema, json_object or none.")
MEDIAHUB_AI_LANGUAGE = env_str("MEDIAHUB_AI_LANGUAGE", "English")
MEDIAHUB_FAKE_DIR = env_str("MEDIAHUB_FAKE_DIR")
GOOGLE_APPLICATION_CREDENTIALS = env_str("GOOGLE_APPLICATION_CREDENTIALS")
MEDIAHUB_GOOGLE_CREDENTIALS_JSON = env_secret("MEDIAHUB_GOOGLE_CREDENTIALS_JSON")
MEDIAHUB_GOOGLE_AMBIENT_CREDENTIALS = env_bool("MEDIAHUB_GOOGLE_AMBIENT_CREDENTIALS")
MEDIAHUB_GOOGLE_VISION_ENDPOINT = env_str("MEDIAHUB_GOOGLE_VISION_ENDPOINT")
_vision = urlsplit(MEDIAHUB_GOOGLE_VISION_ENDPOINT)
if MEDIAHUB_GOOGLE_VISION_ENDPOINT and not (
    _vision.hostname
    and (
        _vision.scheme == "https"
        or (_vision.scheme == "http" and _vision.hostname in {"127.0.0.1", "localhost", "::1"})
    )
):
    # Without TLS photos would travel in the open: only within this machine.
    raise ImproperlyConfigured("MEDIAHUB_GOOGLE_VISION_ENDPOINT must be https://host[:port], or http:// on 127.0.0.1.")
MEDIAHUB_AWS_AMBIENT_CREDENTIALS = env_bool("MEDIAHUB_AWS_AMBIENT_CREDENTIALS")

# Calls to the outside ------------------------------------------------------------------------------------------------

MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = tuple(ip_network(item) for item in env_list("MEDIAHUB_ALLOWED_PRIVATE_NETWORKS"))
MEDIAHUB_HTTPS_ONLY = env_bool("MEDIAHUB_HTTPS_ONLY")
MEDIAHUB_OUTBOUND_PORTS = tuple(int(item) for item in env_list("MEDIAHUB_OUTBOUND_PORTS"))
MEDIAHUB_OUTBOUND_PROXY = env_str("MEDIAHUB_OUTBOUND_PROXY")
MEDIAHUB_EXTRA_CA_FILE = env_str("MEDIAHUB_EXTRA_CA_FILE")
MEDIAHUB_WEBHOOK_SECRET_OVERLAP_S = env_int("MEDIAHUB_WEBHOOK_SECRET_OVERLAP_S", 24 * 3600)
MEDIAHUB_WEBHOOK_OFF_AFTER_DAYS = env_float("MEDIAHUB_WEBHOOK_OFF_AFTER_DAYS", 5, least=1)
MEDIAHUB_WEBHOOK_RETENTION_DAYS = env_int("MEDIAHUB_WEBHOOK_RETENTION_DAYS", 30, least=1)
MEDIAHUB_WEBHOOK_LOG_DAYS = env_int("MEDIAHUB_WEBHOOK_LOG_DAYS", 90, least=2)
if MEDIAHUB_WEBHOOK_LOG_DAYS < MEDIAHUB_WEBHOOK_RETENTION_DAYS:
    raise ImproperlyConfigured("MEDIAHUB_WEBHOOK_LOG_DAYS must not be below MEDIAHUB_WEBHOOK_RETENTION_DAYS.")
MEDIAHUB_WEBHOOK_TIMEOUT_S = env_float("MEDIAHUB_WEBHOOK_TIMEOUT_S", 30, least=0.1, most=30)
MEDIAHUB_WEBHOOK_THREADS = env_int("MEDIAHUB_WEBHOOK_THREADS", 16, least=1)

# Notices by e-mail ---------------------------------------------------------------------------------------------------

EMAIL_HOST = env_str("MEDIAHUB_SMTP_HOST")
EMAIL_PORT = env_int("MEDIAHUB_SMTP_PORT", 587, least=1, most=65535)
EMAIL_HOST_USER = env_str("MEDIAHUB_SMTP_USER")
EMAIL_HOST_PASSWORD = env_secret("MEDIAHUB_SMTP_PASSWORD")
_SMTP_TLS = env_str("MEDIAHUB_SMTP_TLS", "starttls").lower()
if _SMTP_TLS not in {"starttls", "tls", "off"}:
    raise ImproperlyConfigured("MEDIAHUB_SMTP_TLS must be starttls, tls or off.")
EMAIL_USE_TLS, EMAIL_USE_SSL = _SMTP_TLS == "starttls", _SMTP_TLS == "tls"
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = env_str("MEDIAHUB_EMAIL_FROM", "MediaHub <mediahub@localhost>")
MEDIAHUB_OPERATOR_EMAILS = env_list("MEDIAHUB_OPERATOR_EMAILS")

# Workers -------------------------------------------------------------------------------------------------------------

MEDIAHUB_TAGGING_PROCESSES = env_int("MEDIAHUB_TAGGING_PROCESSES", 1, least=1)
MEDIAHUB_IMAGES_PROCESSES = env_int("MEDIAHUB_IMAGES_PROCESSES", 2, least=1)
MEDIAHUB_RENDITIONS_PROCESSES = env_int("MEDIAHUB_RENDITIONS_PROCESSES", 1, least=1)
MEDIAHUB_JOB_THREADS = env_int("MEDIAHUB_JOB_THREADS", 2, least=1)
MEDIAHUB_WARM_UP = env_bool("MEDIAHUB_WARM_UP")
MEDIAHUB_WEB_THREADS = env_int("MEDIAHUB_WEB_THREADS", 16, least=2)
MEDIAHUB_TRANSFORM_PROCESSES = env_int("MEDIAHUB_TRANSFORM_PROCESSES", 2, least=1)
MEDIAHUB_TRANSFORM_MEMORY_BYTES = env_int("MEDIAHUB_TRANSFORM_MEMORY_BYTES", 2 << 30, least=256 << 20)
MEDIAHUB_TRANSFORM_TIMEOUT_S = env_int("MEDIAHUB_TRANSFORM_TIMEOUT_S", 15, least=1)
MEDIAHUB_SWEEP_INTERVAL_S = env_float("MEDIAHUB_SWEEP_INTERVAL_S", 2, least=0.1, most=60)
MEDIAHUB_WORKER_MEMORY_BYTES = env_int("MEDIAHUB_WORKER_MEMORY_BYTES", 4 << 30)
MEDIAHUB_SHUTDOWN_S = env_float("MEDIAHUB_SHUTDOWN_S", 8)

CELERY_BROKER_URL = env_secret("CELERY_BROKER_URL") or default_broker_url(MEDIAHUB_DATA_DIR)
_BROKER_FILES = MEDIAHUB_DATA_DIR / "broker"
_TRANSPORT: dict[str, object] = {
    # One quick try: without these kombu blocks for seconds on a dead broker and for ever on a silent one (REL 13.2).
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_connect_timeout": 1,
    "socket_timeout": 1 if MEDIAHUB_PROCESS == "web" else 5,
}
if CELERY_BROKER_URL.startswith("filesystem:"):
    for _name in ("queue", "done"):
        (_BROKER_FILES / _name).mkdir(parents=True, exist_ok=True, mode=0o700)
    _TRANSPORT = {
        "data_folder_in": str(_BROKER_FILES / "queue"),
        "data_folder_out": str(_BROKER_FILES / "queue"),
        "processed_folder": str(_BROKER_FILES / "done"),
        "polling_interval": 0.1,
    }
elif CELERY_BROKER_URL.startswith(("redis:", "rediss:")):
    _TRANSPORT |= {"socket_keepalive": True, "health_check_interval": 10}
CELERY_BROKER_TRANSPORT_OPTIONS = _TRANSPORT
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = env_int("MEDIAHUB_WORKER_MAX_TASKS", 1000, least=1)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_ENABLE_UTC = True

# Web interface -------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["library.api.auth.PrivateKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["library.api.limits.WithinLimits", "library.api.auth.KeyPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["mediahub.lib.json_input.StrictJSONParser"],
    "EXCEPTION_HANDLER": "mediahub.lib.api.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "extensions.api.schema.generator.OperationSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "MediaHub",
    "VERSION": "1",
    "DESCRIPTION": "Speaks ImageKit's wire format. What is under /api/, except uploads, is MediaHub's own.",
    "OAS_VERSION": "3.1.0",
    "DEFAULT_GENERATOR_CLASS": "extensions.api.schema.generator.Generator",
    "SERVE_INCLUDE_SCHEMA": False,
}
MEDIAHUB_RATE_LIMITS = env_rates(
    "MEDIAHUB_RATE_LIMITS", {"read": "100/300", "write": "40/120", "bulk": "10/40", "upload": "0"}
)
MEDIAHUB_LIMITS_URL = env_secret("MEDIAHUB_LIMITS_URL") or CELERY_BROKER_URL
MEDIAHUB_FAILURES_BEFORE_SLOWING = env_int("MEDIAHUB_FAILURES_BEFORE_SLOWING", 10, most=1000)
LOGIN_URL = "admin:login"
MEDIAHUB_HEALTH_TOKEN = env_secret("MEDIAHUB_HEALTH_TOKEN")
LOGIN_REDIRECT_URL = "admin:index"
MEDIAHUB_LOG_LEVEL = env_str("MEDIAHUB_LOG_LEVEL", "INFO").upper()
MEDIAHUB_LOG_JSON = env_bool("MEDIAHUB_LOG_JSON")
LOGGING_CONFIG = "mediahub.lib.logs.configure"
LOGGING = {"level": MEDIAHUB_LOG_LEVEL, "json": MEDIAHUB_LOG_JSON}
UNFOLD = {
    "SITE_TITLE": "MediaHub",
    "SITE_HEADER": "MediaHub",
    "SITE_SYMBOL": "perm_media",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_URL": None,
}
