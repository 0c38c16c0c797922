# SPDX-License-Identifier: BSD-2-Clause
"""The table of requirements. A row is a function with what the table shows of it:

    @row("RT-BLOCK-IN", "3810 7.4.2", TEXT, "what is required, in our words", "packets in", "packets out")
    async def _(t): ...

It fails by raising Fail (bed.py). `bed` names the daemon it talks to (BEDS); the rows of a bed run at the same time,
on groups of their own, where they are not `alone`: those follow, in the order of the file. `needs` are features the
daemon must claim (adapters/__init__.py). An @audit looks at all packets of all beds when everything is over."""
import dataclasses
from typing import Callable

from adapters import FAST_LEAVE, HOST, LINKS, PROXY, QUERIER, Settings

MUST, SHOULD, MAY = "MUST", "SHOULD", "MAY"
TEXT = "text"      # said without a capitalised word, but a neighbour relies on it
BEYOND = "beyond"  # said nowhere, but neighbours are better off
LEVELS = (MUST, SHOULD, MAY, TEXT, BEYOND)

# name -> (settings of the daemon, MTU of its upstream link, features without which it is not run)
BEDS = {
    "main": (Settings(), 1280, frozenset()),
    "upstream": (Settings(), 1500, frozenset({HOST})),
    "compat": (Settings(), 1500, frozenset({HOST})),
    "election": (Settings(), 1500, frozenset({QUERIER})),
    "fast": (Settings(fast_leave=True), 1500, frozenset({FAST_LEAVE})),
    "life": (Settings(), 1500, frozenset()),
    "slow": (Settings(query_interval=200.0, query_response=40.0, last_listener_interval=40.0), 1500,
             frozenset()),
    "linear": (Settings(query_interval=200.0), 1500, frozenset({HOST})),
    "rivals": (Settings(), 1500, frozenset({QUERIER, LINKS})),
    "elected": (Settings(), 1500, frozenset({QUERIER, LINKS})),
    "version1slow": (Settings(query_interval=200.0, last_listener_interval=40.0, mld1_mode=True), 1500,
                     frozenset({QUERIER})),
    "version1": (Settings(mld1_mode=True), 1500, frozenset({QUERIER})),
}


@dataclasses.dataclass
class Requirement:
    ident: str
    section: str
    level: str
    text: str
    given: str
    expected: str
    bed: str  # "" for an audit
    needs: frozenset
    alone: bool
    function: Callable


ROWS = []


def row(ident, section, level, text, given, expected, bed="main", needs=(PROXY,), alone=False):
    def add(function):
        if any(r.ident == ident for r in ROWS):
            raise ValueError(f"two rows {ident}")
        ROWS.append(Requirement(ident, section, level, text, given, expected, bed, frozenset(needs), alone, function))
        return function
    return add


def audit(ident, section, level, text, expected, needs=()):
    return row(ident, section, level, text, "everything sent in this run", expected, "", needs)
