# SPDX-License-Identifier: BSD-2-Clause
"""The tables of RFC 3810 7.4 as they are seen in the data that a link gets: for routers and switches that report
nothing upstream, and once more for those that do. Sources about which a router that tracks each host knows more than
the tables say are left out."""
import time

from adapters import FORWARD, QUERIER
from packets import ALLOW, BLOCK, IS_EX, IS_IN, RECORD_NAMES, TO_EX, TO_IN
from table import TEXT, row


def state_row(ident, text, records, passing, blocked, queried=False):
    """One host on d1 sends the `records`, (type, names of sources); with `queried` it is judged when LLQT is over."""
    given = "; ".join(f"{RECORD_NAMES[k]}{{{','.join(v)}}}" for k, v in records)
    given += "; data of " + ", ".join(sorted(passing + blocked))
    expected = f"{'after LLQT ' if queried else ''}{', '.join(passing)} on d1, {', '.join(blocked)} not"
    section = "3810 7.4.1, 7.3" if records[-1][0] in (IS_IN, IS_EX) else "3810 7.4.2, 7.3"

    @row(ident, section, TEXT, text, given, expected, needs=[QUERIER, FORWARD])
    async def _(t):
        g, h = t.asm(), t.host(t.d1)
        source = {n: t.source(i) for i, n in enumerate("abcd", 1)}
        for kind, names in records:
            since = time.time()
            h.report((kind, g, [source[n] for n in names]))
            await t.sleep(0.25)
        if queried:
            await t.sleep(since + t.timers.last_listener_time + 0.15 - time.time())
        for n in passing:
            await t.passes(t.up, source[n], g, ["d1"], hold=False)
        for n in blocked:
            await t.passes(t.up, source[n], g, [], within=0.4)


state_row("ST-IN-IS_IN", "INCLUDE(A), IS_IN(B): INCLUDE(A+B)", [(IS_IN, "a"), (IS_IN, "b")], "ab", "c")
state_row("ST-IN-IS_EX", "INCLUDE(A), IS_EX(B): EXCLUDE(A*B, B-A)", [(IS_IN, "a"), (IS_EX, "b")], "ac", "b")
state_row("ST-EX-IS_IN", "EXCLUDE(X,Y), IS_IN(A): EXCLUDE(X+A, Y-A)", [(TO_EX, "ab"), (IS_IN, "a")], "a", "b")
state_row("ST-EX-IS_EX", "EXCLUDE(X,Y), IS_EX(A): EXCLUDE(A-Y, Y*A)", [(TO_EX, "ab"), (IS_EX, "bc")], "ad", "b")
state_row("ST-IN-ALLOW", "INCLUDE(A), ALLOW(B): INCLUDE(A+B)", [(ALLOW, "a"), (ALLOW, "b")], "ab", "c")
state_row("ST-IN-BLOCK", "INCLUDE(A), BLOCK(B): INCLUDE(A), and A*B is asked about", [(ALLOW, "ab"), (BLOCK, "b")],
          "a", "bc", queried=True)
state_row("ST-IN-TO_EX", "INCLUDE(A), TO_EX(B): EXCLUDE(A*B, B-A), and A*B is asked about",
          [(ALLOW, "ab"), (TO_EX, "bc")], "ad", "bc", queried=True)
state_row("ST-IN-TO_IN", "INCLUDE(A), TO_IN(B): INCLUDE(A+B), and A-B is asked about", [(ALLOW, "ab"), (TO_IN, "bc")],
          "bc", "ad", queried=True)
state_row("ST-EX-ALLOW", "EXCLUDE(X,Y), ALLOW(A): EXCLUDE(X+A, Y-A)", [(TO_EX, "ab"), (ALLOW, "a")], "ac", "b")
state_row("ST-EX-BLOCK", "EXCLUDE(X,Y), BLOCK(A): EXCLUDE(X+(A-Y), Y), and A-Y is asked about",
          [(TO_EX, "a"), (BLOCK, "ab")], "c", "ab", queried=True)
state_row("ST-EX-TO_EX", "EXCLUDE(X,Y), TO_EX(A): EXCLUDE(A-Y, Y*A), and A-Y is asked about",
          [(TO_EX, "ab"), (TO_EX, "bc")], "ad", "bc", queried=True)
state_row("ST-EX-TO_IN", "EXCLUDE(X,Y), TO_IN(A): EXCLUDE(X+A, Y-A), and the group is asked about; then INCLUDE",
          [(TO_EX, ""), (TO_IN, "a")], "a", "bc", queried=True)
