"""What is personal in text is found, and what only looks like it is left alone. Pure."""

from __future__ import annotations

import doctest
import random
import secrets
import time
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.pipeline import personal
from tracking.pipeline.personal import is_suspect, personal_kind

JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0"
    ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
)
PERSONAL = [
    ("email", "ana@example.org"),
    ("email", "/newsletter/ana.maria+news@mail.example.co.uk/confirm"),
    ("email", "/u/ana%40example.org"),
    ("email", "/login?next=%2Fu%3Fmail%3Dana%2540example.org"),
    ("email", "mail me: Jörg.Müller@müller.example"),
    ("email", "/@ana@mastodon.example"),
    ("email", "ana@example.xn--p1ai"),
    ("phone", "+49 171 2345678"),
    ("phone", "/call/+4917123456789"),
    ("phone", "/call/%2B4917123456789"),
    ("phone", "+1 (555) 234-1234"),
    ("phone", "(555) 234-1234"),
    ("phone", "call 555-234-1234 now"),
    ("phone", "555.234.1234"),
    ("card", "4111111111111111"),
    ("card", "/pay/4111-1111-1111-1111/"),
    ("card", "5555 5555 5555 4444"),
    ("card", "2223003122003222"),
    ("card", "378282246310005"),
    ("card", "3782 822463 10005"),
    ("card", "6011111111111117"),
    ("card", "3530111333300000"),
    ("card", "30569309025904"),
    ("token", JWT),
    ("token", f"/verify/{JWT}"),
    ("token", "Authorization: Bearer sk2live9f8e7d"),
    ("token", "/reset?token=abc"),
    ("token", "/a?b=1&password=hunter2"),
    ("token", "/a?access_token=x"),
    ("token", "/a#api-key=x"),
    ("token", "PHPSESSID=4k2j"),
    ("token", "5d41402abc4b2a76b9719d911017c592"),
    ("token", "/confirm/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08/"),
    ("token", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    ("token", "Zk3vQ9xL2mB7tR5wY8nP4cJ6hD1fG0sA"),
    ("token", "k3j9x2m7q1w8e5r4t6y0u2i3o5p7a9s1"),
]
TYPED = [
    "0171 2345678",
    "01712345678",
    "030/12345678",
    "(030) 1234 5678",
    "020 7946 0958",
    "06 12 34 56 78",
    "06.12.34.56.78",
    "call 0171-2345678 please",
    "0049 171 2345678",
]
HARMLESS = [
    "",
    "/",
    "/items/raised-beds-2024-05/",
    "/items/raised-beds-from-pallets-in-10-steps-for-2024-and-2025/",
    "raised-beds-2024-05",
    "/2024/05/12/what-is-new/",
    "/archive/2024/05/12345678/",
    "2024-05-12",
    "2024-05-12T10:00:00+02:00",
    "12.05.2024 18:30",
    "05.12.2024 18:30",
    "1700000000",
    "1763800000123",
    "SKU-2024-0512-77",
    "B07XJ8C8F5",
    "ABC-123-4567-XYZ",
    "100-200-300",
    "44600062",
    "-4029704725707465084",
    "4006381333931",
    "978-3-16-148410-0",
    "12.50",
    "1299.00",
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "3f2504e04f8941d39a0c0305e82c3301",
    "/p/3F2504E0-4F89-41D3-9A0C-0305E82C3301/",
    "/Page-Title-3f2504e04f8941d39a0c0305e82c3301",
    "507f1f77bcf86cd799439011",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "V1StGXR8_Z5jdHi6B-myT",
    "5KsDBWseXY6QegucYAoacS",
    "price_1MoBy5LkdIwHu7ixZhnattbh",
    "dQw4w9WgXcQ",
    "/@scope/package@18.2.0",
    "/@ana/my-garden",
    "logo@2x.png",
    "meet @ noon",
    "HowToBuildARaisedBedFromOldPallets",
    "HowToBuildARaisedBedIn5StepsAnd3Hours",
    "iphone15pro-vs-galaxys24ultra-vs-pixel8pro-camera-test",
    "Canon-EOS-R5-Mark-II-RF24-105mm-F4-L-IS-USM-Kit",
    "bearer of good news",
    "compass=north",
    "/?page=2&sort=price",
    "/caf%C3%A9/men%C3%BC",
    "価格-2024",
    "button wide btn-primary css-1q2w3e4r",
    "gpt-4o-mini 2024-07-18",
    "100% cotton",
]


@pytest.mark.parametrize(("kind", "text"), PERSONAL)
def test_what_is_personal_is_found(kind: str, text: str) -> None:
    assert personal_kind(text) == kind
    assert personal_kind(f"before {text} after", typed=True) == kind


@pytest.mark.parametrize("text", TYPED)
def test_a_number_of_ones_own_country_is_found_in_what_people_type(text: str) -> None:
    assert personal_kind(text, typed=True) == "phone"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert personal_kind(text) == ""
    assert personal_kind(text, typed=True) == ""


@pytest.mark.parametrize("text", ["007 quantum", "2024 0512 77", "12345678901", "5 0 0 1 2 3"])
def test_not_every_number_that_is_typed_is_a_phones(text: str) -> None:
    assert personal_kind(text, typed=True) == ""


@given(st.text(max_size=60), st.sampled_from(PERSONAL))
def test_the_first_look_never_lets_go_what_a_search_would_find(
    text: str, example: tuple[str, str]
) -> None:
    assert is_suspect(f"{text}\n{example[1]}\n{text}")


def test_random_secrets_are_found_and_uuids_are_not() -> None:
    found = [personal_kind(secrets.token_urlsafe(32)) for _ in range(500)]
    assert found.count("token") > 450
    found = [personal_kind(secrets.token_hex(24)) for _ in range(500)]
    assert found.count("token") > 490
    assert {personal_kind(f"/items/{uuid4()}/") for _ in range(500)} == {""}


def test_random_numbers_of_things_are_hardly_ever_a_cards() -> None:
    dice = random.Random(5)
    texts = [str(dice.randrange(10**9, 10**19)) for _ in range(2000)]
    assert sum(personal_kind(text) != "" for text in texts) == 0


@pytest.mark.parametrize(
    "unit",
    ["a@", "eyJ", "eyJa.", "bearer ", "0171 ", "+49 ", "4111 ", "aA1", "1a", "a-", "%40", "@a.",
     "token=", "(0", "550e8400-", "1.1", "bearer a"],
)  # fmt: skip
def test_the_time_of_a_search_grows_with_the_text_and_no_faster(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        best = 1.0
        for _ in range(3):
            start = time.process_time()
            personal_kind(text, typed=True)
            best = min(best, time.process_time() - start)
        return best

    # 16 times the text: 16 times the time, with room for a busy machine; quadratic is 256.
    assert seconds(32_000) < 64 * seconds(2_000) + 0.01


def test_the_examples_of_the_docstrings_run() -> None:
    result = doctest.testmod(personal)
    assert result.attempted
    assert not result.failed
