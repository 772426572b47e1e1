"""Proxies and certificates of the environment, where the configuration names none."""

from __future__ import annotations

import logging
import os
import re
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from capture.errors import LogOnce

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["proxy_of", "trusting_context"]

#: Files or folders of certificates that are trusted beside the system's.
_CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_log_once = LogOnce(logging.getLogger("capture.sinks"))


def proxy_of(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for `url`: ``HTTPS_PROXY`` or ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``.

    The names in lower case decide where both are set.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    # A web server that runs a CGI program sets HTTP_PROXY from a header of the request.
    own = "" if scheme == "http" and "REQUEST_METHOD" in environ else f"{scheme}_proxy"
    proxy = _variable(own or "http_proxy", environ, upper=bool(own)) or _variable("all_proxy", environ)
    if not proxy or _is_excluded(parts.hostname or "", parts.port or _DEFAULT_PORTS.get(scheme, 0), environ):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    kind = proxy.partition("://")[0].lower()
    if kind not in _DEFAULT_PORTS:
        message = "the proxy of the environment is not used: it is for %s, expected http or https"
        _log_once(f"proxy {kind}", logging.WARNING, message, kind)
        return None
    return proxy


def _variable(name: str, environ: Mapping[str, str], *, upper: bool = True) -> str:
    value = environ.get(name)
    if value is None and upper:
        value = environ.get(name.upper())
    return (value or "").strip()


def _is_excluded(host: str, port: int, environ: Mapping[str, str]) -> bool:
    """Return whether ``NO_PROXY`` names a host: ``*``, names with their subdomains, addresses, networks."""
    host = host.lower().rstrip(".")
    for entry in re.split(r"[,\s]+", _variable("no_proxy", environ).lower()):
        name, own_port = _split_port(entry)
        if not name or (own_port is not None and own_port != port):
            continue
        domain = name.removeprefix("*").strip(".")
        if name == "*" or (domain and (host == domain or host.endswith(f".{domain}"))):
            return True
        if _is_within(host, name):
            return True
    return False


def _split_port(entry: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"\[([^\]]*)\](?::(\d+))?|([^:]*):(\d+)", entry)
    if found is None:
        return entry, None
    port = found[2] or found[4]
    return found[1] or found[3] or "", int(port) if port else None


def _is_within(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def trusting_context(environ: Mapping[str, str]) -> Any:
    """Return a TLS context that trusts the system's certificates and those that the environment names."""
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context()
    context.load_default_certs()
    for variable in _CA_VARIABLES:
        path = environ.get(variable, "").strip()
        if not path:
            continue
        try:
            context.load_verify_locations(**{"capath" if os.path.isdir(path) else "cafile": path})  # noqa: PTH112 - of several folders too
        except (OSError, ValueError) as error:
            message = "%s = %r: no certificates are read from it: %s"
            _log_once(variable, logging.WARNING, message, variable, path, error)
    return context
