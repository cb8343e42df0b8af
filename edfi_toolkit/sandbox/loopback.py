"""Who may use the control endpoint: programs of this machine and its own page, no page of another site."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from edfi_toolkit.sandbox.wire import Call

_OWN_PAGE = ("same-origin", "none")


def why_not(call: Call) -> str | None:
    """The reason to refuse a request; None when it comes from this machine and from no other site.

    The browser of this machine is on this machine too, and sends what any page asks it to: it names that page in
    Origin and Sec-Fetch-Site, and a name that was made to point here in Host.
    """
    host = call.headers.get("host", "")
    if not _is_loopback(call.client_host):
        return "The control endpoints answer on this machine only."
    if not _is_loopback(_name_of(f"//{host}")):
        return "The control endpoints answer to localhost only: open them by that name, or as 127.0.0.1."
    origin = call.headers.get("origin")
    if origin is not None and _site_of(origin) != host:
        return "The control endpoints answer no page of another site."
    if call.headers.get("sec-fetch-site", "none") not in _OWN_PAGE and not _opens_the_page(call):
        return "The control endpoints answer no page of another site."
    return None


def _opens_the_page(call: Call) -> bool:
    """A link was followed to the page for people: what it shows stays hidden from the page with the link."""
    return (
        call.method == "GET"
        and call.path.strip("/") == "control"
        and call.headers.get("sec-fetch-mode") == "navigate"
        and call.headers.get("sec-fetch-dest") == "document"
    )


def _site_of(address: str) -> str | None:
    try:
        return urlsplit(address).netloc
    except ValueError:  # as in `_name_of`
        return None


def _name_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:  # brackets without an address
        return None


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host or "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
