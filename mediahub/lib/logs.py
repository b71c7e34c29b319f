"""Logging: one line per event through structlog, with secrets masked on the way out (REL A2).

Django calls `configure` at start; code logs with `structlog.get_logger(__name__)`.
"""

import logging.config
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

MASKED = "***"
_SECRET_NAMES = re.compile(r"(?i)^(authorization|private_?key|secret|signature|token|password|ik-s|webhook_secret)$")
_SECRET_VALUES = re.compile(
    r"(private_[A-Za-z0-9+/=_-]{6,}|whsec_[A-Za-z0-9+/=_-]{6,}|(?<=ik-s=)[0-9a-f]{8,}|(?<=Basic )[A-Za-z0-9+/=]{8,})"
)


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of secret-looking keys, and secret-looking parts of every text."""
    for key, value in event.items():
        if _SECRET_NAMES.match(key):
            event[key] = MASKED
        elif isinstance(value, str):
            event[key] = _SECRET_VALUES.sub(MASKED, value)
    return event


def configure(options: dict[str, Any]) -> None:
    """Set up structlog and the standard library's loggers to write masked lines to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    renderer = structlog.processors.JSONRenderer() if options["json"] else structlog.dev.ConsoleRenderer(colors=False)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "event": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        mask_secrets,
                        renderer,
                    ],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "event"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
            "loggers": {
                "django.server": {"level": "WARNING"},
                "celery": {"level": "WARNING"},
                "kombu": {"level": "WARNING"},
                "PIL": {"level": "WARNING"},
                "numba": {"level": "WARNING"},
            },
        }
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
