"""A bad value stops the start, by name; `.env.example` and the code agree."""

import ast
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env

ROOT = Path(__file__).resolve().parents[2]


def test_default_is_used_when_the_variable_is_unset_or_empty(monkeypatch):
    monkeypatch.delenv("WORDS", raising=False)
    assert env.env_list("WORDS", ("a", "b")) == ["a", "b"]
    monkeypatch.setenv("WORDS", "  ")
    assert env.env_list("WORDS", ("a", "b")) == ["a", "b"]


def test_required_variable_is_named_when_it_is_missing(monkeypatch):
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(ImproperlyConfigured, match=r"^TOKEN must be set\.$"):
        env.env_str("TOKEN")


@pytest.mark.parametrize(
    ("read", "value", "line"),
    [
        (env.env_int, "many", "^X must be a whole number; it is 'many'.$"),
        (env.env_bool, "maybe", "^X must be 1 or 0 .* it is 'maybe'.$"),
        (lambda name: env.env_int(name, least=1), "0", "^X must be at least 1; it is 0.$"),
        (lambda name: env.env_int(name, most=9), "10", "^X must be at most 9; it is 10.$"),
        (
            lambda name: env.env_int(name, least=1, most=65535),
            "70000",
            "^X must be between 1 and 65535; it is 70000.$",
        ),
        (
            lambda name: env.env_str(name, choices=("INFO", "ERROR")),
            "LOUD",
            "^X must be one of INFO, ERROR; it is 'LOUD'.$",
        ),
    ],
)
def test_bad_value_is_refused_by_name(monkeypatch, read, value, line):
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=line):
        read("X")


def test_origins_are_read_as_browsers_send_them(monkeypatch):
    monkeypatch.delenv("X", raising=False)
    assert env.env_origins("X") == frozenset()
    monkeypatch.setenv("X", "https://www.example.com, http://127.0.0.1:8100,https://[::1]:8443")
    expected = {"https://www.example.com", "http://127.0.0.1:8100", "https://[::1]:8443"}
    assert env.env_origins("X") == expected


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://*.example.com", "https://Example.com", "https://a.example/", "a.example",
     "ftp://a.example", "https://a.example/page", "https://user@a.example", "https://"],
)  # fmt: skip
def test_an_origin_that_no_browser_sends_is_refused_by_name(monkeypatch, origin):
    monkeypatch.setenv("X", origin)
    with pytest.raises(ImproperlyConfigured, match="X must list origins like"):
        env.env_origins("X")


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("On", True), ("0", False)])
def test_words_for_true_and_false(monkeypatch, text, value):
    monkeypatch.setenv("X", text)
    assert env.env_bool("X") is value


def test_dotenv_fills_in_what_the_environment_does_not_say(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("# a comment\nA_ONE=from file\nexport A_TWO='quoted # text'\nA_THREE=3 # why\n")
    for name in ("ENV_FILE", "A_ONE", "A_TWO", "A_THREE"):
        monkeypatch.setenv(name, "remembered, so that it is put back")
        monkeypatch.delenv(name)
    monkeypatch.setenv("A_ONE", "from environment")
    env.read_dotenv(file)
    assert [os.environ[name] for name in ("A_ONE", "A_TWO", "A_THREE")] == [
        "from environment",
        "quoted # text",
        "3",
    ]


def test_dotenv_line_that_is_none_is_named_without_its_text(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("\nsecret without equals sign\n")
    monkeypatch.delenv("ENV_FILE", raising=False)
    with pytest.raises(ImproperlyConfigured) as caught:
        env.read_dotenv(file)
    assert str(caught.value) == f"{file}, line 2: expected NAME=value."


def test_secret_key_is_made_once_and_kept_private(tmp_path):
    key = env.secret_key(tmp_path / "new folder", debug=True)
    assert env.secret_key(tmp_path / "new folder", debug=True) == key
    assert len(key) >= 50
    assert stat.S_IMODE((tmp_path / "new folder" / "secret_key").stat().st_mode) == 0o600


def test_secret_key_must_be_set_in_production(tmp_path):
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY must be set when DEBUG=0\.$"):
        env.secret_key(tmp_path, debug=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "fd00::1"])
def test_debug_pages_are_not_served_to_a_network(host):
    with pytest.raises(ImproperlyConfigured, match=r"set DEBUG=0, SECRET_KEY and ALLOWED_HOSTS"):
        env.check_host(host, debug=True)
    env.check_host(host, debug=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_debug_pages_are_for_this_machine(host):
    env.check_host(host, debug=True)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PORT", "80000", "PORT must be between 1 and 65535; it is 80000."),
        ("PORT", "0", "PORT must be between 1 and 65535; it is 0."),
        ("SHARDS", "0", "SHARDS must be between 1 and 32767; it is 0."),
        (
            "LOG_LEVEL",
            "LOUD",
            "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR; it is 'LOUD'.",
        ),
        (
            "HOST",
            "0.0.0.0",
            "HOST=0.0.0.0 with DEBUG=1 would show debug pages to a network: set DEBUG=0, "
            "SECRET_KEY and ALLOWED_HOSTS in the environment or .env, or HOST=127.0.0.1.",
        ),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line(name, value, line):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "1",
        name: value,
    }
    ended = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (1, "", line)


def list_variables_read() -> set[str]:
    """The first argument of every `env_*` call in the product's code."""
    apps = ("config", "consent", "tracking", "profiles", "personalization", "demo")
    names = set()
    for app in apps:
        for file in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and re.fullmatch(r"env_(str|int|bool|list|origins|path|zone)", node.func.id)
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                ):
                    names.add(str(node.args[0].value))
    return names


def test_env_example_lists_every_variable_that_is_read():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    listed = [line.partition("=")[0] for line in lines if re.match(r"[A-Z_]+=", line)]
    assert sorted(listed) == sorted(list_variables_read())
