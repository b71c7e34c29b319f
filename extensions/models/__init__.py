"""The nouns of extensions. Import models from here."""

from extensions.models.alerts import UnitAlert, UnitAlertDismissal
from extensions.models.backfill import Backfill
from extensions.models.providers import ProviderNotice, ProviderState
from extensions.models.run import ExtensionRun
from extensions.models.saved import SavedExtension
from extensions.models.turns import Turn, WorkerHeartbeat
from extensions.models.units import UnitEntry, UnitLedger
from extensions.models.webhooks import ClaimTerms, RetiredSecret, WebhookAttempt, WebhookDelivery, WebhookEndpoint

__all__ = [
    "Backfill",
    "ClaimTerms",
    "ExtensionRun",
    "ProviderNotice",
    "ProviderState",
    "RetiredSecret",
    "SavedExtension",
    "Turn",
    "UnitAlert",
    "UnitAlertDismissal",
    "UnitEntry",
    "UnitLedger",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkerHeartbeat",
]
