"""Proxies of the environment."""

import pytest

from capture.sinks.environment import proxy_of

PROXY = "http://user:pass@proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://h.example/in", {}, None),
        ("https://h.example/in", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://h.example/in", {"https_proxy": PROXY}, PROXY),
        ("https://h.example/in", {"https_proxy": "", "HTTPS_PROXY": PROXY}, None),
        ("https://h.example/in", {"HTTP_PROXY": PROXY}, None),
        ("https://h.example/in", {"ALL_PROXY": PROXY}, PROXY),
        ("http://h.example/in", {"HTTP_PROXY": "proxy.example:3128"}, "http://proxy.example:3128"),
        # A CGI program: the variable is a header of the request.
        ("http://h.example/in", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, None),
        ("http://h.example/in", {"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, PROXY),
        ("https://h.example/in", {"ALL_PROXY": "socks5://proxy.example:1080"}, None),
        ("https://h.example/in", {"HTTPS_PROXY": " "}, None),
    ],
)
def test_which_proxy(url, environ, proxy):
    assert proxy_of(url, environ) == proxy


@pytest.mark.parametrize(
    ("host", "no_proxy", "excluded"),
    [
        ("h.example", "*", True),
        ("h.example", "other, h.example", True),
        ("a.h.example", "h.example", True),
        ("a.h.example", ".h.example", True),
        ("a.h.example", "*.h.example", True),
        ("H.Example.", "h.EXAMPLE", True),
        ("xh.example", "h.example", False),
        ("h.example", "a.h.example", False),
        ("h.example:8443", "h.example:8443", True),
        ("h.example", "h.example:443", True),
        ("h.example:8443", "h.example:443", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("[::1]", "::1", True),
        ("[::1]:8443", "[::1]:8443", True),
        ("[2001:db8::1]", "2001:db8::/32", True),
        ("h.example", " , ,", False),
        ("h.example", "10.0.0.0/99", False),
    ],
)
def test_excluded_hosts(host, no_proxy, excluded):
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}

    assert (proxy_of(f"https://{host}/in", environ) is None) is excluded
