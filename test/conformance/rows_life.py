# SPDX-License-Identifier: BSD-2-Clause
"""Links and daemons that come and go. One row after the other."""
import asyncio
import time

import packets as p
from adapters import FORWARD, HOST, LINKS, PROXY
from bed import Fail
from packets import EXCLUDE, INCLUDE
from table import BEYOND, SHOULD, TEXT, row

LINKWATCH = 1.5  # Linux tells of a changed carrier at once or, after another, a second later


def life_row(*args, **kw):
    return row(*args, bed="life", alone=True, **kw)


@life_row("LF-DOWN", "4605 4.1", TEXT, "a downstream link that goes away takes its memberships with it at once",
          "d1 TO_EX{}, d2 TO_EX{other}; d1 loses its carrier", "upstream TO_IN{} of the first; nothing of the other",
          needs=[PROXY, LINKS])
async def _(t):
    g, other = t.asm(), t.asm()
    since = time.time()
    t.host(t.d1).join(g)
    t.host(t.d2).join(other)
    await t.says(g, since=since, TO_EX=[])
    await t.settle(g)
    since = time.time()
    t.bed.set_link("d1", "down")
    try:
        gone = await t.says(g, since=since, within=LINKWATCH, TO_IN=[])
        t.notes.append(f"{(gone.time - since) * 1000:.0f} ms")
        await t.silent(other, 0.3, since)
    finally:
        t.bed.set_link("d1", "up")


@life_row("LF-UP", "3810 7.6.2", TEXT, "on a link that comes back the router starts anew: start-up queries, and joins are heard",
          "d1 down and up; TO_EX{}", "[Startup Query Count] queries, QI/4 apart; upstream TO_EX{}; data on d1",
          needs=[PROXY, LINKS])
async def _(t):
    t.bed.set_link("d1", "down")
    await t.sleep(LINKWATCH)  # a shorter absence may not be told at all
    since = time.time()
    t.bed.set_link("d1", "up")
    await t.first(t.d1, t.is_query("::"), 1 + LINKWATCH, since, "a General Query")
    await t.sleep(t.timers.startup_interval * (t.timers.startup_count - 1) + 0.3)
    early = len(t.queries(t.d1, "::", since))
    g = t.asm()
    mark = time.time()
    t.host(t.d1).join(g)
    await t.says(g, since=mark, TO_EX=[])
    if FORWARD in t.bed.adapter.features:
        await t.passes(t.up, t.source(1), g, ["d1"])
    if early < t.timers.startup_count:
        raise Fail(f"{early} queries at start-up")


@life_row("LF-UPSTREAM", "3810 6.1", BEYOND, "when the upstream link comes back everything is reported again",
          "d1 TO_EX{}, d2 ALLOW{a}; the upstream link down and up", "upstream all groups again within 2 s of its return", needs=[HOST])
async def _(t):
    g1, g2, a = t.asm(), t.ssm(), t.source(1)
    since = time.time()
    t.listen((g1, EXCLUDE, []))
    t.listen((g2, INCLUDE, [a]), link=t.d2)
    await t.says(g1, since=since, TO_EX=[])
    await t.settle(g1)
    t.bed.set_link("up0", "down")
    await t.sleep(LINKWATCH)
    since = time.time()
    t.bed.set_link("up0", "up")
    kinds = t.CHANGES + t.CURRENT
    while not (t.said(g1, since, kinds) and t.said(g2, since, kinds)):
        if time.time() - since > 2 + LINKWATCH:
            raise Fail("not everything was reported again")
        await t.up.until(since + 2.1 + LINKWATCH)
    t.refresh(g1)
    if FORWARD in t.bed.adapter.features:
        await t.passes(t.up, t.source(1), g1, ["d1"])


async def reported_from(t, address, groups, since):
    """All the groups are reported from the address within 2 s."""
    def said(g):
        return any(packet.src == address for packet, _ in t.said(g, since, t.CHANGES + t.CURRENT))

    while not all(map(said, groups)):
        if time.time() - since > 2:
            raise Fail("not everything was reported from the new address")
        await t.up.until(since + 2.1)


@life_row("LF-FIRST-ADDRESS", "3810 5.2.13", SHOULD,
          "a node that had no link-local address reports all that it has joined once it has one",
          "the upstream link without link-local address; d1 TO_EX{}, d2 ALLOW{a}; 1.5 s later it gets one",
          "upstream all groups within 2 s, from the address", needs=[HOST])
async def _(t):
    g1, g2, a = t.asm(), t.ssm(), t.source(1)
    t.bed.set_address("up0", "fe80::80:0:0:10", None)
    try:
        await t.sleep(0.2)
        t.listen((g1, EXCLUDE, []))
        t.listen((g2, INCLUDE, [a]), link=t.d2)
        await t.sleep(1.5)
    finally:
        since = time.time()
        t.bed.set_address("up0", None, "fe80::80:0:0:10")
    await reported_from(t, "fe80::80:0:0:10", [g1, g2], since)


@life_row("LF-ADDRESS", "3810 5.2.13", BEYOND,
          "a node whose link-local address changes reports anew whatever it has joined, from the new one",
          "d1 TO_EX{}, d2 ALLOW{a}; the upstream link has another link-local address",
          "upstream all groups again within 2 s, from the new address", needs=[HOST])
async def _(t):
    g1, g2, a = t.asm(), t.ssm(), t.source(1)
    since = time.time()
    t.listen((g1, EXCLUDE, []))
    t.listen((g2, INCLUDE, [a]), link=t.d2)
    await t.says(g1, since=since, TO_EX=[])
    await t.settle(g1)
    since = time.time()
    t.bed.set_address("up0", "fe80::80:0:0:10", "fe80::90:0:0:10")
    await reported_from(t, "fe80::90:0:0:10", [g1, g2], since)


@life_row("LF-TERM", "3810 6.1", TEXT, "a daemon that ends leaves what it had joined upstream",
          "d1 TO_EX{}, d2 ALLOW{a,b}; the daemon is told to end", "upstream TO_IN{} and BLOCK{a,b} before it has ended",
          needs=[HOST])
async def _(t):
    g1, g2, a, b = t.asm(), t.ssm(), t.source(1), t.source(2)
    since = time.time()
    t.listen((g1, EXCLUDE, []))
    t.listen((g2, INCLUDE, [a, b]), link=t.d2)
    await t.says(g1, since=since, TO_EX=[])
    await t.settle(g1)
    since = time.time()
    await asyncio.get_running_loop().run_in_executor(None, t.bed.adapter.terminate)
    await t.sleep(0.2)
    ends = [r for _, r in t.said(g1, since)], [r for _, r in t.said(g2, since)]
    if {p.TO_IN: set()} not in ends[0]:
        raise Fail("the group was not left")
    if not any(r.get(p.BLOCK) == {a, b} or r.get(p.TO_IN) == set() for r in ends[1]):
        raise Fail("the sources were not left")
