"""The hand-written cases of cases.json, read by the fold and by the plain list."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from profiles.features.batch import feature_value
from profiles.features.checks import feature_document, feature_parse
from profiles.features.definition import AGGREGATIONS, FIELDS, OPERATORS, PROPERTY, WINDOWS
from profiles.features.events import FeatureEvent
from profiles.features.fold import feature_read
from tests.profiles.features.histories import state_of

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("cases.json").read_text())


def seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def events_of(case: dict[str, Any]) -> list[FeatureEvent]:
    return [
        FeatureEvent(
            type=event.get("type", "view"),
            occurred_ms=round(seconds(event["at"]) * 1000),
            **{name: value for name, value in event.items() if name not in {"at", "type"}},
        )
        for event in case["events"]
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_case_reads_as_it_says(case: dict[str, Any]) -> None:
    feature = feature_parse(case["feature"], cumulative={"dwell"})
    events, now, visit = events_of(case), seconds(case["now"]), case.get("visit")
    starts = [round(seconds(at) * 1000) for at in case.get("starts", ())]
    expected = case["expected"]
    for read in (
        feature_value(events, feature, now, visit=visit, starts=starts),
        feature_read(state_of(feature, events), feature, now, visit=visit, starts=starts),
        feature_read(state_of(feature, events[::-1]), feature, now, visit=visit, starts=starts),
    ):
        assert (read, type(read)) == (expected, type(expected))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_document_is_unchanged_by_reading_it(case: dict[str, Any]) -> None:
    feature = feature_parse(case["feature"])
    document = json.loads(json.dumps(feature_document(feature)))
    assert feature_parse(document) == feature
    assert feature_parse(document).key == feature.key


def test_the_cases_leave_nothing_out() -> None:
    features = [case["feature"] for case in CASES]
    conditions = [condition for feature in features for condition in feature.get("where", ())]
    assert {feature["aggregation"] for feature in features} == set(AGGREGATIONS)
    assert {feature["window"]["kind"] for feature in features} == set(WINDOWS)
    assert {condition["operator"] for condition in conditions} == set(OPERATORS)
    fields = {condition["field"].partition(".")[0] for condition in conditions}
    assert fields == {*FIELDS, PROPERTY.rstrip(".")}
