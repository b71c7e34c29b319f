"""Logging: one line per event through structlog, with secrets masked on the way out (REL A2).

Django calls `configure` at start; code logs with `structlog.get_logger(__name__)`.
"""

import logging.config
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

MASKED = "***"
_SECRET_NAMES = re.compile(
    r"(?i)^(authorization|(x-)?api-?key|private_?key|secret|signature|token|password|ik-s|webhook_secret)$"
)
_SECRET_VALUES = re.compile(
    r"private_[A-Za-z0-9+/=_-]{6,}|whsec_[A-Za-z0-9+/=_-]{6,}|(?<=ik-s=)[0-9a-f]{8,}|(?<=Basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=Bearer )[^\s'\"]{8,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|AKIA[A-Z0-9]{12,}"
)


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of secret-looking keys, and secret-looking parts of every text."""
    for key, value in event.items():
        event[key] = _masked(key, value)
    return event


def _masked(key: str, value: Any) -> Any:
    if _SECRET_NAMES.match(key):
        return MASKED
    if isinstance(value, str):
        return _SECRET_VALUES.sub(MASKED, value)
    if isinstance(value, dict):
        return {name: _masked(str(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked("", inner) for inner in value]
    return value


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
