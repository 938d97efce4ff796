"""The arrows, the doors and the pure code, by reading the source of every app.

`consent <- tracking <- profiles <- personalization <- demo`: an app imports to its left only,
through a door or a pure module; pure modules import no Django. Imports inside functions count.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("consent", "tracking", "profiles", "personalization", "demo")
#: `readonly` is the base of admin lists, `nightly` of checks; no app has them for itself.
DOORS = {"selectors", "services", "signals", "readonly", "nightly"}

#: Modules (or packages) without Django; another app may import them like a door.
PURE = (
    "consent.codec",
    "consent.logic",
    "consent.origin",
    "consent.purposes",
    "tracking.decay_picture",
    "tracking.fence_chart",
    "tracking.imports",
    "tracking.pipeline",
    "tracking.taxonomy",
    "tracking.useragent",
    "profiles.baseline",
    "profiles.batch",
    "profiles.census",
    "profiles.columns",
    "profiles.compare",
    "profiles.decay",
    "profiles.definition",
    "profiles.fading_preview",
    "profiles.features",
    "profiles.state",
    "profiles.trends",
    "profiles.vector",
    "profiles.visits",
    "profiles.weight_preview",
    "personalization.answers",
    "personalization.backtest.behavior_forms",
    "personalization.backtest.bounds",
    "personalization.backtest.causes",
    "personalization.backtest.columns",
    "personalization.backtest.columnwise",
    "personalization.backtest.compared",
    "personalization.backtest.competing",
    "personalization.backtest.conflicts",
    "personalization.backtest.counted",
    "personalization.backtest.event_forms",
    "personalization.backtest.exact",
    "personalization.backtest.history",
    "personalization.backtest.history_backtest",
    "personalization.backtest.interest_forms",
    "personalization.backtest.interests",
    "personalization.backtest.moments",
    "personalization.backtest.past",
    "personalization.backtest.plan",
    "personalization.backtest.replay",
    "personalization.backtest.report",
    "personalization.backtest.slot_pages",
    "personalization.backtest.standing",
    "personalization.backtest.tally",
    "personalization.backtest.totals",
    "personalization.backtest.zone_periods",
    "personalization.dashboard.bars",
    "personalization.campaigns.changes",
    "personalization.chart",
    "personalization.decide",
    "personalization.frequency.limits",
    "personalization.frequency.capacity",
    "personalization.frequency.compile",
    "personalization.frequency.words",
    "personalization.question",
    "personalization.campaigns.feature_plan",
    "personalization.campaigns.interchange",
    "personalization.campaigns.interchange_limits",
    "personalization.campaigns.month",
    "personalization.preview.addresses",
    "personalization.preview.inventing",
    "personalization.preview.links",
    "personalization.rich_text",
    "personalization.rule_form.offers",
    "personalization.rule_form.names",
    "personalization.rule_form.posted",
    "personalization.rule_form.parts",
    "personalization.rule_form.rows",
    "personalization.rule_form.words",
    "personalization.rules",
    "personalization.segments.membership",
    "personalization.vector_words",
    "personalization.campaigns.zones",
)

RELATIONS = ("ForeignKey", "OneToOneField", "ManyToManyField")
FRAMEWORKS = ("django", "rest_framework", "celery", "redis", "psycopg")

#: Imports that AppConfig.ready() must make late, once the models are there.
LATE_IMPORTS = {"apps.py"}


def sources(app: str) -> Iterator[Path]:
    return (path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Every module a file imports, `from a import b` as `a.b`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_in(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in modules)


@pytest.mark.parametrize("app", APPS)
def test_an_app_imports_only_from_apps_to_its_left(app: str) -> None:
    right = APPS[APPS.index(app) + 1 :]
    wrong = [
        f"{module_name(path)} imports {name}"
        for path in sources(app)
        for name in imports(path)
        if name.partition(".")[0] in (*right, "config", "tests")
    ]
    assert wrong == []


@pytest.mark.parametrize("app", APPS)
def test_another_app_is_entered_by_a_door_or_a_pure_module(app: str) -> None:
    wrong = [
        f"{module_name(path)} imports {name}"
        for path in sources(app)
        for name in imports(path)
        if name.partition(".")[0] in APPS
        and name.partition(".")[0] != app
        and name.split(".")[1] not in DOORS
        and not is_in(name, PURE)
    ]
    assert wrong == []


@pytest.mark.parametrize("module", PURE)
def test_pure_code_imports_no_django_and_only_pure_code(module: str) -> None:
    path = ROOT / module.replace(".", "/")
    files = list(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    assert files, f"{module} is listed and not there"
    wrong = []
    for file in files:
        for name in imports(file):
            top = name.partition(".")[0]
            if top in FRAMEWORKS or (top in APPS and not is_in(name, PURE)):
                wrong.append(f"{module_name(file)} imports {name}")
    assert wrong == []


def test_no_import_hides_in_a_function() -> None:
    hidden = []
    for app in (*APPS, "config"):
        for path in sources(app):
            if path.name in LATE_IMPORTS:
                continue
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    hidden += [
                        f"{path.relative_to(ROOT)}:{node.lineno}"
                        for node in ast.walk(function)
                        if isinstance(node, ast.Import | ast.ImportFrom)
                    ]
    assert hidden == []


def relations(path: Path) -> Iterator[tuple[int, str]]:
    """(line, target) of every relation field whose target is given as "app.Model"."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in RELATIONS:
            target = node.args[0] if node.args else None
            if isinstance(target, ast.Constant) and "." in str(target.value):
                yield node.lineno, str(target.value)


@pytest.mark.parametrize("app", APPS)
def test_a_foreign_key_never_points_right(app: str) -> None:
    right = APPS[APPS.index(app) + 1 :]
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources(app)
        for line, target in relations(path)
        if target.partition(".")[0] in right
    ]
    assert wrong == []


def test_no_file_outgrows_a_couple_of_screens() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for app in (*APPS, "config", "tests", "bench")
        for path in sources(app)
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
