import pytest

from tests.tracking.people import BROWSER
from tracking.useragent import Agent, agent_of


@pytest.mark.parametrize(
    ("header", "agent"),
    [
        (BROWSER, Agent("desktop", False)),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", Agent("phone", False)),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Mobile Safari/537.36", Agent("phone", False)),
        ("Mozilla/5.0 (Linux; Android 15; SM-X910) Safari/537.36", Agent("tablet", False)),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X)", Agent("tablet", False)),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", Agent("desktop", True)),
        ("curl/8.5.0", Agent("desktop", True)),
        ("", Agent("desktop", True)),
    ],
)
def test_a_user_agent_is_a_device_and_perhaps_a_bot(header: str, agent: Agent) -> None:
    assert agent_of(header) == agent
