"""Rules with their segments as these are now, and what is wrong with a reference."""

from typing import Any

from django.db import connection

from personalization.rule_form.posted import name_of
from personalization.rules.inlining import SegmentRule, rule_compile, rule_inline
from personalization.rules.nodes import Node
from personalization.rules.tree import RuleError
from personalization.segments.models import Segment


def segments_lock() -> None:
    """Nobody else changes segments, or publishes what uses them, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('attune segments'))")


def segments_in_use() -> dict[str, SegmentRule]:
    """Every segment that rules can use, by key."""
    rows = Segment.objects.filter(status=Segment.Status.ACTIVE).values_list("key", "name", "rule")
    return {key: SegmentRule(name, rule) for key, name, rule in rows}


def segment_names() -> dict[str, str]:
    """What the segments that rules can use are called, by key, in the order of names."""
    rows = Segment.objects.filter(status=Segment.Status.ACTIVE)
    return dict(rows.values_list("key", "name"))


def rule_resolve(tree: Any) -> dict[str, Any]:
    """The tree of a rule with its segments put in; raises RuleError."""
    return rule_inline(tree, segments_in_use())


def rule_now(tree: Any) -> Node:
    """A rule with its segments, ready to be asked; raises RuleError."""
    return rule_compile(tree, segments_in_use())


def segment_errors(tree: Any, *, editing: tuple[str, str] | None = None) -> dict[str, str]:
    """What is wrong with the segments a rule uses, by the rule form's name of the field.

    `editing` is (key, name) of the segment whose rule this is to be: using itself, by whatever way,
    is a loop. The tree must be one that rule_parse accepts.
    """
    segments = segments_in_use()
    if editing is not None:
        key, name = editing
        segments[key] = SegmentRule(name, tree)
    try:
        rule_inline(tree, segments)
    except RuleError as error:
        return {name_of(error.where, is_bare="condition" in tree): error.message}
    return {}
