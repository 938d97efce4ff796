"""Who may post to the consent endpoints: pages of this very origin, and nobody else."""

import pytest

from consent.origin import request_is_same_origin

OURS = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Origin": "https://a.example"},
    {"Origin": "https://a.example:443"},
    {"Origin": "https://A.example"},
    {"Referer": "https://a.example/items/?q=1"},
]
FOREIGN = [
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://a.example"},
    {"Origin": "https://b.example"},
    {"Origin": "https://a.example:8443"},
    {"Origin": "http://a.example"},
    {"Origin": "https://a.example.b.example"},
    {"Origin": "https://a.example@b.example"},
    {"Origin": "https://xa.example"},
    {"Origin": "https://b.example", "Referer": "https://a.example/"},
    {"Origin": "null"},
    {"Origin": "https://a.example:port"},
    {"Origin": "https://["},
    {"Referer": "https://b.example/?https://a.example/"},
    {"Referer": "about:blank"},
]


@pytest.mark.parametrize("headers", OURS, ids=str)
def test_own_pages_may_post(headers):
    assert request_is_same_origin(headers, host="a.example", secure=True)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_everybody_else_is_refused(headers):
    assert not request_is_same_origin(headers, host="a.example", secure=True)


def test_a_port_is_part_of_the_origin():
    for origin, expected in {"http://127.0.0.1:8000": True, "http://127.0.0.1:8001": False}.items():
        headers = {"Origin": origin}
        assert request_is_same_origin(headers, host="127.0.0.1:8000", secure=False) is expected


def test_behind_an_undeclared_tls_proxy_an_https_page_of_this_host_is_ours():
    headers = {"Origin": "https://a.example"}
    assert request_is_same_origin(headers, host="a.example", secure=False)
