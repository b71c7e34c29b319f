"""The one door to the outside: every call to a receiver, a supplier or a file behind a URL goes through here.

Callers import `request`, `stream_to`, `fetch`, `check_url`, `Policy`, `policy_from_settings` and the errors from this
package; the rules are REL section 4. Tests that play a resolver replace `mediahub.lib.http.lookup.resolve`.
"""

from mediahub.lib.http.calls import Answer, Fetched, fetch, request, stream_to
from mediahub.lib.http.errors import BadUrl, OutboundError, Reason
from mediahub.lib.http.policy import Policy, check_url, policy_from_settings

__all__ = [
    "Answer",
    "BadUrl",
    "Fetched",
    "OutboundError",
    "Policy",
    "Reason",
    "check_url",
    "fetch",
    "policy_from_settings",
    "request",
    "stream_to",
]
