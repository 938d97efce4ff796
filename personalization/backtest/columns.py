"""A history's columns that conditions are answered from, each made once.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from personalization.backtest.bounds import Bounds
from personalization.backtest.history import History
from personalization.backtest.interests import Interests
from personalization.backtest.past import World
from personalization.backtest.totals import Totals
from personalization.rules.nodes import Leaf


@dataclass
class Columns:
    """One history, and what was the same at all of its moments."""

    history: History
    world: World

    @cached_property
    def size(self) -> int:
        return len(self.history.moments)

    @cached_property
    def interests(self) -> Interests:
        return Interests(self.history, self.world.weights, self.world.half_lives)

    @cached_property
    def totals(self) -> Totals:
        return Totals(self.history, self.world.half_lives)


#: A condition's answers at every moment; None where it has to be asked one by one.
Form = Callable[[Columns, Leaf], Bounds | None]
