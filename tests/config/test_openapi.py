"""The API's document is valid, and says of each address what it answers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.personalization.admin_site import Site
from tests.personalization.asking import CONSENT, DECIDE, PROFILE, ask, get
from tests.tracking.people import URL as EVENTS
from tests.tracking.people import ana_make, drain, event_make, inbox_put

pytestmark = pytest.mark.django_db
METHODS = {EVENTS: "post", DECIDE: "post", PROFILE: "get", CONSENT: "get"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def answer_schema(schema: dict[str, Any], address: str) -> dict[str, Any]:
    answers = schema["paths"][address][METHODS[address]]["responses"]
    shape: dict[str, Any] = answers["200"]["content"]["application/json"]["schema"]
    return shape


def mismatches(schema: dict[str, Any], shape: dict[str, Any], value: Any, at: str) -> list[str]:
    """Where a value is not what its shape says: missing and unknown keys, wrong kinds."""
    if "$ref" in shape:
        return mismatches(
            schema, schema["components"]["schemas"][shape["$ref"].rpartition("/")[2]], value, at
        )
    if "allOf" in shape:
        shape = {**shape, **shape["allOf"][0]}
        return mismatches(schema, {"$ref": shape["$ref"]}, value, at) if value is not None else []
    if value is None:
        return [] if shape.get("nullable") or not shape.get("type") else [f"{at} is null"]
    kinds: dict[str, Any] = {
        "object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
        "number": (int, float),
    }  # fmt: skip
    kind = shape.get("type")
    if kind and not isinstance(value, kinds[kind]):
        return [f"{at} is {value!r}, no {kind}"]
    if kind == "array":
        return [
            one
            for index, item in enumerate(value)
            for one in mismatches(schema, shape["items"], item, f"{at}[{index}]")
        ]
    if kind == "object":
        properties, more = shape.get("properties", {}), shape.get("additionalProperties")
        wrong = [f"{at}.{name} is missing" for name in properties if name not in value]
        for name, item in value.items():
            inner = properties.get(name) or (more if isinstance(more, dict) else None)
            if inner is None:
                wrong.append(f"{at}.{name} is not documented")
            else:
                wrong += mismatches(schema, inner, item, f"{at}.{name}")
        return wrong
    return []


def test_the_document_is_valid_and_made_without_a_warning(schema: dict[str, Any]) -> None:
    validate_schema(schema)
    assert not GENERATOR_STATS


def test_every_address_of_the_api_is_in_it_with_an_example(schema: dict[str, Any]) -> None:
    assert {path: set(methods) for path, methods in schema["paths"].items()} == {
        path: {method} for path, method in METHODS.items()
    }
    text = str(schema)
    for words in ("Two slots of a page", "One of them personalized", "After two visits", "Agreed"):
        assert words in text.replace("OfAPage", "") or words.replace(" ", "") in text


def test_what_is_answered_is_what_is_documented(client: Client, schema: dict[str, Any]) -> None:
    Site()
    ana = ana_make()
    inbox_put(ana, [event_make(category="gardening") for _ in range(3)])
    drain(ana)
    phone = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Mobile Safari/604.1"}
    for address, answer in (
        (DECIDE, ask(client, "hero", "nowhere", visitor_id=ana, headers=phone)),
        (DECIDE, ask(client, "hero")),
        (PROFILE, get(client, PROFILE, visitor_id=ana)),
        (PROFILE, get(client, PROFILE)),
        (CONSENT, get(client, CONSENT, visitor_id=ana)),
        (CONSENT, get(client, CONSENT)),
    ):
        assert answer.status_code == 200
        assert mismatches(schema, answer_schema(schema, address), answer.json(), address) == []


def test_the_examples_are_what_is_documented(schema: dict[str, Any]) -> None:
    for address in (DECIDE, PROFILE, CONSENT):
        answers = schema["paths"][address][METHODS[address]]["responses"]
        examples = answers["200"]["content"]["application/json"]["examples"]
        for example in examples.values():
            shape = answer_schema(schema, address)
            assert mismatches(schema, shape, example["value"], address) == []


def test_its_page_loads_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    assert "://" not in page.replace("http://www.w3.org", "")
