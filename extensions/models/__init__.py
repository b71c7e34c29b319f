"""The nouns of extensions. Import models from here."""

from extensions.models.run import ExtensionRun
from extensions.models.turns import Turn, WorkerHeartbeat
from extensions.models.units import UnitEntry, UnitLedger
from extensions.models.webhooks import ClaimTerms, RetiredSecret, WebhookAttempt, WebhookDelivery, WebhookEndpoint

__all__ = [
    "ClaimTerms",
    "ExtensionRun",
    "RetiredSecret",
    "Turn",
    "UnitEntry",
    "UnitLedger",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkerHeartbeat",
]
