"""The one door to the outside: every call to a receiver, a supplier or a file behind a URL goes through here.

Callers import `request`, `stream_to`, `fetch`, `encode_form`, `check_url`, `read_retry_after`, `Policy`,
`policy_from_settings` and the errors from this package; the rules are REL section 4. Tests that play a resolver
replace `mediahub.lib.http.lookup.resolve`.
"""

from mediahub.lib.http.calls import Answer, Fetched, fetch, request, stream_to
from mediahub.lib.http.errors import BadUrl, OutboundError, Reason
from mediahub.lib.http.forms import FormFile, encode_form
from mediahub.lib.http.policy import Policy, check_url, policy_from_settings
from mediahub.lib.http.retry_after import read_http_date, read_retry_after

__all__ = [
    "Answer",
    "BadUrl",
    "Fetched",
    "FormFile",
    "OutboundError",
    "Policy",
    "Reason",
    "check_url",
    "encode_form",
    "fetch",
    "policy_from_settings",
    "read_http_date",
    "read_retry_after",
    "request",
    "stream_to",
]
