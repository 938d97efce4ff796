"""What a page knows of itself while it is open: how long, how far, what was clicked.

static/src/rules/ reads the same facts by the same names. Nobody tells a server, so there all of it
is unknown. What never gets in: requests, storage.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Signals:
    """None is unknown. Times are in seconds, `scroll_depth` in percent of the page.

    `time_on_page` is since the page opened, `active_time` the part of it with attention,
    `idle_time` since the last sign of life. `seen` are the names of the elements that were in
    view, `clicks` the clicks by the name of the element, `repeated_clicks` the most on one element
    in quick succession. `given` are values that the server put in the page, by their names.
    """

    time_on_page: float | None = None
    active_time: float | None = None
    idle_time: float | None = None
    scroll_depth: float | None = None
    exit_intent: bool | None = None
    seen: Collection[str] | None = None
    clicks: Mapping[str, int] | None = None
    repeated_clicks: int | None = None
    cart_value: float | None = None
    given: Mapping[str, str | float] = field(default_factory=dict)


NO_SIGNALS = Signals()
