"""The sandbox's own OAuth verifier, against vectors that others published."""

import pytest

from sandbox.platforms.text_em_all.oauth import (
    Nonces,
    OAuthError,
    OAuthHeader,
    base_string,
    parse_header,
    sign,
)

_PHOTO = [
    ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
    ("oauth_token", "nnch734d00sl2jdk"),
    ("oauth_signature_method", "HMAC-SHA1"),
    ("oauth_timestamp", "1191242096"),
    ("oauth_nonce", "kllo9940pd9333jh"),
    ("oauth_version", "1.0"),
]


def test_base_string_is_the_one_of_rfc_5849() -> None:
    """RFC 5849, 3.4.1.1: encoded names, repeated names, an empty value, form parameters."""
    parameters = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]
    url = "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"

    assert base_string("post", url, parameters) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%25"
        "3D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7"
        "d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_toke"
        "n%3Dkkk9d7dh3k39sjv7"
    )


def test_signature_is_the_one_of_oauth_core() -> None:
    """OAuth Core 1.0, appendix A.5."""
    url = "http://photos.example.net/photos?file=vacation.jpg&size=original"

    signature = sign(base_string("GET", url, _PHOTO), "kd94hf93k423kf44", "pfkkdhi9sl3r4s00")

    assert signature == "tR3+Ty81lMeYAr/Fid0kMTYa/WM="


def test_a_port_that_is_not_the_default_is_signed() -> None:
    assert "127.0.0.1%3A8081" in base_string("GET", "http://127.0.0.1:8081/account", [])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer token",
        "OAuth",
        'OAuth oauth_consumer_key="k"',
        'OAuth oauth_consumer_key=k, oauth_token="t"',
        'OAuth oauth_consumer_key="k", oauth_token="t", oauth_signature_method="PLAINTEXT", '
        'oauth_timestamp="1", oauth_nonce="n", oauth_signature="s"',
    ],
)
def test_a_malformed_header_is_refused(header: str | None) -> None:
    with pytest.raises(OAuthError):
        parse_header(header)


def _stamped(timestamp: str, nonce: str) -> OAuthHeader:
    known = {"oauth_consumer_key": "k", "oauth_token": "t"}
    return OAuthHeader({**known, "oauth_timestamp": timestamp, "oauth_nonce": nonce})


def test_nonces_are_good_once_and_timestamps_must_be_near() -> None:
    nonces = Nonces()
    nonces.check(_stamped("1000", "a"), now=1000)
    nonces.check(_stamped("1000", "b"), now=1000)

    for timestamp, nonce in [("1000", "a"), ("500", "c"), ("1500", "c"), ("soon", "c")]:
        with pytest.raises(OAuthError):
            nonces.check(_stamped(timestamp, nonce), now=1000)


def test_old_nonces_are_forgotten() -> None:
    nonces = Nonces()
    nonces.check(_stamped("1000", "a"), now=1000)
    nonces.check(_stamped("9000", "b"), now=9000)

    assert len(nonces._seen) == 1
