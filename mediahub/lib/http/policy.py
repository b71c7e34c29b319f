"""What the outbound door may call: the policy of this installation, and the reading of URLs under it.

`Policy` is made from settings by `policy_from_settings`; `check_url` serves forms and serializers that take a URL
from a client (REL W20), `read_url` is the same reading for the call itself, so check and call never differ.
"""

import re
from dataclasses import dataclass

from django.conf import settings
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from mediahub.lib.http.addresses import Address, Network, literal_address, networks, refusal
from mediahub.lib.http.errors import BadUrl

MAX_URL_CHARS = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Which addresses, schemes and ports may be called, and by which way.

    allowed_networks: called although not public (REL O5). allowed_ports: None for all. extra_ca_file: PEM file of
    authorities trusted beside the system's. proxy: `http://[user:password@]host:port`, which must grant CONNECT.
    operator_address: the URL comes from the operator's settings, so REL O2 to O4 are not asked.
    """

    allowed_networks: tuple[Network, ...] = ()
    https_only: bool = False
    allowed_ports: frozenset[int] | None = None
    extra_ca_file: str | None = None
    proxy: str | None = None
    operator_address: bool = False

    def refusal(self, address: Address) -> str | None:
        """Say why an address may not be called, or None if it may."""
        return None if self.operator_address else refusal(address, allowed=self.allowed_networks)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A URL taken apart: host in ASCII without brackets or trailing dot; literal if the host is an address."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None

    @property
    def host_header(self) -> str:
        """The `Host` header: brackets around IPv6, no default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host_header}{self.path}"


def policy_from_settings(*, operator_address: bool = False) -> Policy:
    """Read the `MEDIAHUB_...` settings of the outbound door. Raises ValueError on a bad network."""
    ports = getattr(settings, "MEDIAHUB_OUTBOUND_PORTS", None)
    return Policy(
        allowed_networks=networks(getattr(settings, "MEDIAHUB_ALLOWED_PRIVATE_NETWORKS", ())),
        https_only=bool(getattr(settings, "MEDIAHUB_HTTPS_ONLY", False)),
        allowed_ports=frozenset(int(port) for port in ports) if ports else None,
        extra_ca_file=getattr(settings, "MEDIAHUB_EXTRA_CA_FILE", "") or None,
        proxy=getattr(settings, "MEDIAHUB_OUTBOUND_PROXY", "") or None,
        operator_address=operator_address,
    )


def check_url(url: str, *, policy: Policy) -> None:
    """Refuse a URL that could never be called: scheme, host, credentials, length, port, inner address (REL W20).

    Names are not looked up: what they resolve to is judged when the call is made. Raises BadUrl, whose text is fit
    for the client.
    """
    read_url(url, policy=policy)


def read_url(url: str, *, policy: Policy) -> Target:
    """Take a URL apart under the policy. Raises BadUrl."""
    if len(url) > MAX_URL_CHARS:
        raise BadUrl(f"The URL is longer than {MAX_URL_CHARS} characters.")
    if any(char <= " " or char == "\x7f" for char in url):
        raise BadUrl("The URL holds a blank or control character.")
    try:
        parts = parse_url(url)
    except LocationParseError as error:
        raise BadUrl("This is not a URL.") from error
    scheme = _checked_scheme(parts.scheme, policy)
    if parts.auth is not None:
        raise BadUrl("The URL must not hold a user name or password.")
    port = DEFAULT_PORTS[scheme] if parts.port is None else parts.port
    if port == 0 or (policy.allowed_ports is not None and port not in policy.allowed_ports):
        raise BadUrl(f"Port {port} is not allowed in the URL.")
    host, literal = _checked_host(parts.host or "", policy)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query is not None else "")
    return Target(scheme=scheme, host=host, port=port, path=path, literal=literal)


def _checked_scheme(scheme: str | None, policy: Policy) -> str:
    if policy.https_only and scheme != "https":
        raise BadUrl("The URL must start with https://.")
    if scheme not in DEFAULT_PORTS:
        raise BadUrl("The URL must start with http:// or https://.")
    return scheme


def _checked_host(host: str, policy: Policy) -> tuple[str, Address | None]:
    if "%" in host:
        raise BadUrl("The URL must not name a network zone.")
    name = host.strip("[]").removesuffix(".")
    if (literal := literal_address(name)) is not None:
        if policy.refusal(literal):
            raise BadUrl("The address of the URL is not allowed.")
        return str(literal), literal
    if not name or len(name) > 253 or not all(LABEL.fullmatch(label) for label in name.split(".")):
        raise BadUrl("The URL has no valid host name.")
    return name, None
