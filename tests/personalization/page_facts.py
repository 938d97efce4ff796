"""Random rules that a page can answer, and facts that lie near what they compare with."""

from typing import Any

from hypothesis import strategies as st

from personalization.rules.browser import BROWSER_KINDS
from personalization.rules.conditions import BY_KIND, Condition, Field
from tests.personalization.trees import is_valid, ordered, values

#: Letters whose case, composition or width is out of the ordinary, and what patterns know.
ODD = "aAbBßẞıİiIſ\u212aÉé\u0301Σσςﬁŉᾳᾼꭰ\u13a0🌱👩\u200d*?._%/-0\uff19\u0663 "
LETTERS = st.sampled_from(ODD) | st.characters(min_codepoint=0xA0, max_codepoint=0x24F)
TEXT = st.text(LETTERS, max_size=8)
NAMES = st.text(LETTERS, min_size=1, max_size=6)
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
)
#: Clocks go forward and back; a leap day; a new year; the first second and the last years.
INSTANTS = (1774746000, 1792890000, 1709164800, 1798761600, 0, 7258032000)
NOWS = st.builds(
    lambda anchor, steps, unit: float(max(anchor + steps * unit, 0)),
    st.sampled_from(INSTANTS),
    st.integers(-50, 50),
    st.sampled_from([1, 60, 1800, 86_400, 30 * 86_400]),
) | st.just(-1.0)  # fmt: skip
MOMENTS = st.sampled_from(
    ["2026-03-29T02:30", "2026-10-25T02:30", "2024-02-29T00:00", "2026-12-31T23:59",
     "1970-01-01T00:00", "2200-12-31T00:00"]
)  # fmt: skip
DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "model": st.sampled_from(["menu", "prices", "toString"]),
    "category": st.sampled_from(["gardening", "music"]),
    "purpose": st.sampled_from(["personalization", "measurement"]),
    "texts": st.lists(NAMES, min_size=1, max_size=3),
    "pattern": st.text(LETTERS | st.sampled_from("*?"), min_size=1, max_size=8),
    "zone": ZONES,
    "moment": MOMENTS,
    "date": MOMENTS.map(lambda moment: moment[:10]),
}


def drawn(field: Field) -> st.SearchStrategy[Any]:
    if field.name == "name":
        return st.sampled_from(["x", "utm_term", "__proto__"])
    if field.name in ("length", "size"):
        return st.integers(0, 6)
    if field.type in ("number", "integer"):
        low, high = int(field.low or 0), int(field.high or 0)
        return st.integers(max(low, -20), min(high, 100)) if field.type == "integer" else (
            st.integers(max(low, -20), min(high, 100)) | st.sampled_from([0.5, 2.25])
        )  # fmt: skip
    return DRAWN[field.type] if field.type in DRAWN else values(field)


@st.composite
def any_leaves(draw: st.DrawFn, condition: Condition) -> dict[str, Any]:
    operator = draw(st.sampled_from(sorted(condition.operators))) if condition.operators else None
    leaf: dict[str, Any] = {"condition": condition.kind}
    for field in condition.fields_of(operator):
        leaf[field.name] = operator if field.type == "operator" else draw(drawn(field))
    return leaf if "to_time" in leaf else ordered(leaf)


def leaves(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return any_leaves(BY_KIND[kind]).filter(is_valid)


LEAVES = st.one_of([leaves(kind) for kind in sorted(BROWSER_KINDS)])


def joined(below: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.lists(below, min_size=1, max_size=3)
    counted = members.flatmap(
        lambda of: st.builds(lambda k: {"at_least": k, "of": of}, st.integers(1, len(of)))
    )
    groups = [st.fixed_dictionaries({kind: members}) for kind in ("all", "any", "none")]
    return st.one_of(*groups, st.fixed_dictionaries({"not": below}), counted)


def rules_of(leaf: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """A condition, or groups two deep of them."""
    return st.one_of(leaf, leaf, joined(leaf), joined(leaf | joined(leaf)))


# --- Facts ---------------------------------------------------------------------------------------


def conditions_of(tree: Any) -> list[dict[str, Any]]:
    if "condition" in tree:
        return [tree]
    members = next(tree[kind] for kind in ("all", "any", "none", "not", "of") if kind in tree)
    return [leaf for one in (members if isinstance(members, list) else [members])
            for leaf in conditions_of(one)]  # fmt: skip


def said_by(tree: Any) -> list[str]:
    """The texts that a rule compares with, and as many near them."""
    said = ["", "2026-03-29T02:30", "2026-02-30", "1.2.3-rc.1", "5", "5.0", "-0", "x"]
    for leaf in conditions_of(tree):
        found = [leaf.get(name) for name in ("value", "to", "moment", "date", "pattern")]
        texts = [str(one) for one in [*found, *leaf.get("values", [])] if one is not None]
        for text in texts:
            said += [text, text.upper(), text.lower(), f"a{text}", f"{text}a"]
            said.append(text.replace("*", "ab").replace("?", "ß"))
    return said


TOLD = st.sampled_from([True, True, True, False])
ANSWERS = st.sampled_from(["granted", "refused", "not_asked"])
REQUEST_TEXTS = (
    "path", "page_type", "referrer_host", "language", "locale", "browser_version", "page_category",
    "medium", "device", "browser", "viewport", "authenticated", "bot",
)  # fmt: skip
MEASURED = (
    "time_on_page", "active_time", "idle_time", "scroll_depth", "repeated_clicks", "cart_value"
)  # fmt: skip
ELEMENTS = st.sampled_from(["menu", "prices", "toString"])
PARAMETERS = st.sampled_from(["x", "utm_term", "utm_campaign", "__proto__"])
#: What is asked for where it is not called as the condition.
FACT = {
    "referrer": "referrer_host", "role": "roles", "utm": "query", "query_number": "query",
    "query_date": "query", "query_version": "query", "element_seen": "seen",
    "element_clicks": "clicks",
}  # fmt: skip


@st.composite
def facts_near(draw: st.DrawFn, tree: Any) -> dict[str, Any]:
    """What the rule asks about, each told or not, from what it compares with."""
    kinds = {leaf["condition"] for leaf in conditions_of(tree)}
    wanted = {FACT.get(kind, kind) for kind in kinds}
    texts = st.sampled_from(said_by(tree)) | TEXT
    numbers = st.sampled_from(numbers_of(tree)) | st.integers(0, 100)
    requests = dict.fromkeys(REQUEST_TEXTS, texts) | {
        "query": st.dictionaries(PARAMETERS, texts, max_size=3),
        "page_tags": st.lists(texts, max_size=3),
        "roles": st.lists(texts, max_size=3),
    }
    signals = dict.fromkeys(MEASURED, numbers) | {
        "exit_intent": st.booleans(),
        "seen": st.lists(ELEMENTS, max_size=2),
        "clicks": st.dictionaries(ELEMENTS, st.integers(0, 3), max_size=2),
    }
    facts: dict[str, Any] = {"now": draw(NOWS), "gpc": draw(st.booleans()), "consent": {}}
    for part, offered in (("request", requests), ("signals", signals)):
        facts[part] = {
            name: draw(strategy)
            for name, strategy in offered.items()
            if name in wanted and draw(TOLD)
        }
    if kinds & {"given_text", "given_number"}:
        facts["profile"] = draw(st.dictionaries(PARAMETERS, texts | numbers, max_size=3))
    if "consent" in kinds:
        facts["consent"] = draw(st.dictionaries(DRAWN["purpose"], ANSWERS))
    return facts


Asked = tuple[dict[str, Any], dict[str, Any]]


def asked(rules: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Asked]:
    """Rules, each with facts near it."""

    @st.composite
    def pairs(draw: st.DrawFn) -> Asked:
        tree = draw(rules)
        return tree, draw(facts_near(tree))

    return pairs()


def numbers_of(tree: Any) -> list[float]:
    found = [leaf.get(name) for leaf in conditions_of(tree) for name in ("value", "to")]
    near = [float(one) for one in found if isinstance(one, int | float)]
    return [0.0, *near, *(one + 0.001 for one in near)]
