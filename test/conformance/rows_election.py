# SPDX-License-Identifier: BSD-2-Clause
"""Other routers on a downstream link: who is the querier, and what follows from it. Each row on a link of its own."""
import time

import packets as p
from adapters import FORWARD, LINKS, PROXY, QUERIER
from bed import Fail, HIGHER, LOWER
from packets import ALLOW, BLOCK, IS_EX, TO_EX
from table import MUST, TEXT, row


@row("EL-YIELD", "3810 7.6.2, 9.5; 4605 3, 4.2", MUST,
     "a query from a lower address ends our queries and our forwarding to the link; both come back after the Other "
     "Querier Present Timeout, RV * QI + QRI / 2",
     "d1 TO_EX{}, data; Q() from a lower address, once; the host repeats IS_EX{}",
     "no General Query and no data on d1; then both again, at RV * QI + QRI / 2",
     bed="election", needs=[PROXY, FORWARD, LINKS])
async def _(t):
    g, h, a = t.asm(), t.host(t.d1), t.source(1)
    h.join(g)
    await t.passes(t.up, a, g, ["d1"])
    t.router(t.d1, LOWER).query(response=1000, qqic=3)
    since = time.time()
    await t.sleep(0.1)
    await t.passes(t.up, a, g, [], within=0.5)
    end = since + t.timers.other_querier
    while time.time() < end - 0.5:
        h.report((IS_EX, g))
        await t.passes(t.up, a, g, [], within=0)
        await t.sleep(0.8)
    early = [q for q in t.queries(t.d1, "::", since) if q.time < end - 0.2]
    if early:
        raise Fail(f"a General Query {early[0].time - since:.2f} s after a lower router's")
    await t.first(t.d1, t.is_query("::"), t.timers.other_querier + 0.5, since, "a General Query")
    h.report((IS_EX, g))
    await t.passes(t.up, a, g, ["d1"], within=0.6)


async def data(t, source, group, to, within):
    """It is forwarded to the link, where the daemon forwards."""
    if FORWARD in t.bed.adapter.features:
        await t.passes(t.up, source, group, [to], within=within)


@row("EL-HIGHER", "3810 7.6.2", TEXT, "a query from a higher address changes nothing",
     "d2 TO_EX{}, data; Q() from a higher address", "General Queries and data go on", bed="election",
     needs=[QUERIER, LINKS])
async def _(t):
    g, a = t.asm(), t.source(1)
    t.host(t.d2).join(g)
    await data(t, a, g, "d2", 1)
    since = time.time()
    t.router(t.d2, HIGHER).query(response=1000, qqic=3)
    await t.sleep(0.2)
    await data(t, a, g, "d2", 0)
    await t.first(t.d2, t.is_query("::"), t.timers.query_interval + 0.5, since, "a General Query")


@row("EL-INVALID", "3810 7.6, 5.1.14", MUST, "queries that are not valid elect nobody",
     "from lower addresses on d3: Hop Limit 2; no Router Alert; from ::; from a global address; a wrong checksum; 26 octets",
     "General Queries and data go on", bed="election", needs=[QUERIER, LINKS])
async def _(t):
    g, a, r = t.asm(), t.source(1), t.router(t.d3, LOWER)
    t.host(t.d3).join(g)
    await data(t, a, g, "d3", 1)
    since = time.time()
    q = p.query2(response=1000, qqic=3)
    for spoil in ({"hop_limit": 2}, {"router_alert": False}, {"hop_by_hop": False}, {"src": "::"},
                  {"src": "2001:db8::1"}, {"bad_checksum": True}):
        r.message(p.ALL_NODES, q, **spoil)
    r.message(p.ALL_NODES, q[:26])
    await t.sleep(0.2)
    await data(t, a, g, "d3", 0)
    await t.first(t.d3, t.is_query("::"), t.timers.query_interval + 0.5, since, "a General Query")


@row("EL-SILENT", "3810 7.1", TEXT, "who is not the querier sends no specific queries, but keeps the link's state",
     "Q() from a lower address on d1; TO_EX{}, TO_IN{}", "upstream TO_EX{}; no Q(G)", bed="election",
     needs=[PROXY, LINKS], alone=True)
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    t.router(t.d1, LOWER).query(response=1000, qqic=3)
    await t.sleep(0.2)
    since = time.time()
    h.join(g)
    await t.says(g, since=since, TO_EX=[])
    h.leave(g)
    await t.sleep(t.timers.last_listener_time + 0.3)
    if t.queries(t.d1, g):
        raise Fail("a specific query was sent")


@row("EL-LOWERED", "3810 7.6.1", TEXT,
     "who is not the querier lowers its timers to LLQT when it hears Q(G) with S = 0",
     "Q() and, after TO_EX{}, Q(G) S=0 from a lower address", "upstream TO_IN{} after LLQT", bed="election",
     needs=[PROXY, LINKS], alone=True)
async def _(t):
    g, r = t.asm(), t.router(t.d1, LOWER)
    r.query(response=1000, qqic=3)
    t.host(t.d1).join(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    r.query(g, response=500, qqic=3)
    gone = await t.says(g, since=since, within=t.timers.last_listener_time + 0.4, TO_IN=[])
    if gone.time - since < t.timers.last_listener_time - 0.2:
        raise Fail(f"left after {gone.time - since:.2f} s")


@row("EL-LOWERED-SOURCE", "3810 7.6.1", TEXT, "and the sources' timers when it hears Q(G, A) with S = 0",
     "Q() and, after ALLOW{a,b}, Q(G, {a}) S=0 from a lower address", "upstream BLOCK{a} after LLQT", bed="election",
     needs=[PROXY, LINKS], alone=True)
async def _(t):
    g, r, a, b = t.ssm(), t.router(t.d1, LOWER), t.source(1), t.source(2)
    r.query(response=1000, qqic=3)
    t.host(t.d1).report((ALLOW, g, [a, b]))
    await t.says(g, ALLOW=[a, b])
    await t.settle(g)
    since = time.time()
    r.query(g, [a], response=500, qqic=3)
    await t.says(g, since=since, within=t.timers.last_listener_time + 0.4, BLOCK=[a])


@row("EL-SFLAG", "3810 7.6.1", TEXT, "with S = 1 the timers are left alone", "Q() and, after TO_EX{}, Q(G) S=1 from a lower address",
     "upstream nothing for longer than LLQT", bed="election", needs=[PROXY, LINKS], alone=True)
async def _(t):
    g, r = t.asm(), t.router(t.d1, LOWER)
    r.query(response=1000, qqic=3)
    t.host(t.d1).join(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    r.query(g, response=500, qqic=3, s_flag=True)
    await t.silent(g, t.timers.last_listener_time + 1, since)


@row("EL-SFLAG-SOURCE", "3810 7.6.1", TEXT, "and so are the sources' timers",
     "Q() and, after ALLOW{a}, Q(G, {a}) S=1 from a lower address", "upstream nothing for longer than LLQT", bed="election",
     needs=[PROXY, LINKS], alone=True)
async def _(t):
    g, r, a = t.ssm(), t.router(t.d1, LOWER), t.source(1)
    r.query(response=1000, qqic=3)
    t.host(t.d1).report((ALLOW, g, [a]))
    await t.says(g, ALLOW=[a])
    await t.settle(g)
    since = time.time()
    r.query(g, [a], response=500, qqic=3, s_flag=True)
    await t.silent(g, t.timers.last_listener_time + 1, since)


@row("EL-QQI", "3810 5.1.9, 9.5", MUST,
     "who is not the querier adopts the querier's Query Interval: its Other Querier Present Timeout follows",
     "Q() from a lower address on d2 with QQIC 1", "General Queries again after RV * 1 s + QRI / 2", bed="election",
     needs=[QUERIER, LINKS], alone=True)
async def _(t):
    since = time.time()
    t.router(t.d2, LOWER).query(response=1000, qqic=1)
    want = t.timers.robustness * 1.0 + t.timers.query_response / 2
    q = await t.first(t.d2, t.is_query("::"), want + 0.4, since + 0.01, "a General Query")
    if q.time - since < want - 0.2:
        raise Fail(f"a General Query after {q.time - since:.2f} s, not {want:.2f}")


@row("EL-QQI-FLOAT", "3810 5.1.9, 9.5", MUST, "also where it is told as a floating-point value",
     "after a General Query, Q() from a lower address on d3 with QQIC 0x81 (136 s), while our QRI is 40 s",
     "no General Query on d3 for 30 s: as an integer without its highest bit the value would end the timeout after 22 s",
     bed="slow", needs=[QUERIER, LINKS])
async def _(t):
    await t.first(t.d3, t.is_query("::"), t.bed.first_query, t.bed.started, "a General Query")
    t.router(t.d3, LOWER).query(response=1000, qqic=0x81)
    await t.sleep(0.05)
    await t.never(t.d3, t.is_query("::"), 30, what="a General Query")


@row("EL-V1", "3810 7.6.2; 2710 4", TEXT, "an MLDv1 query from a lower address counts in the election too",
     "after a General Query, MLDv1 Q() from a lower address on d3", "no General Query on d3 for QI + 1 s", bed="election",
     needs=[QUERIER, LINKS], alone=True)
async def _(t):
    await t.first(t.d3, t.is_query("::"), t.timers.query_interval + 0.5, time.time(), "a General Query")
    t.router(t.d3, LOWER).query1(response=1000)
    await t.sleep(0.05)
    await t.never(t.d3, t.is_query("::"), t.timers.query_interval + 1, what="a General Query")


# ---- further routers, each on a link of its own -----------------------------------------------------------


async def querier(t, link):
    await t.first(link, t.is_query("::"), t.bed.first_query, t.bed.started, "a General Query")


@row("EL-TIMEOUT", "3810 7.6.2, 9.5", MUST,
     "who hears a query from a lower address sends no General Query for RV * QI + QRI / 2, and then does again",
     "Q() from a lower address on d1, once", "no Q() on d1; Q() at RV * QI + QRI / 2", bed="rivals", needs=[QUERIER, LINKS])
async def _(t):
    await querier(t, t.d1)
    since = time.time()
    t.router(t.d1, LOWER).query(response=1000, qqic=3)
    q = await t.first(t.d1, t.is_query("::"), t.timers.other_querier + 0.5, since + 0.02, "a General Query")
    if q.time - since < t.timers.other_querier - 0.2:
        raise Fail(f"a General Query after {q.time - since:.2f} s, not {t.timers.other_querier:.2f}")


def elects(ident, section, level, text, given, link, src, **how):
    """A query that counts: the daemon falls silent on the link."""
    @row(ident, section, level, text, given, "no Q() on the link for QI + 1 s", bed="rivals", needs=[QUERIER, LINKS])
    async def _(t):
        await querier(t, getattr(t, link))
        octets = p.query2(response=1000, qqic=3) + how.get("more", b"")
        t.router(getattr(t, link), src).message(how.get("dst", p.ALL_NODES), octets, router="dst" in how)
        await t.sleep(0.05)
        await t.never(getattr(t, link), t.is_query("::"), t.timers.query_interval + 1, what="a General Query")


elects("EL-DEST", "3810 5.1.15", MUST, "a query is processed whatever address of the interface it is sent to",
       "Q() from a lower address to the daemon's link-local unicast address on d2", "d2", LOWER, dst="fe80::80:0:0:12")
elects("EL-EXTRA", "3810 5.1.12", MUST, "octets after the sources of a query count in the checksum and are ignored",
       "Q() from a lower address and 20 octets more on d3", "d3", LOWER, more=b"\x5a" * 20)


@row("EL-RENEW", "3810 7.6.2", TEXT, "each query of the elected querier starts the timeout anew",
     "Q() from a lower address on d1, again 4 s later", "no Q() on d1 until RV * QI + QRI / 2 after the second",
     bed="elected", needs=[QUERIER, LINKS])
async def _(t):
    await querier(t, t.d1)
    r = t.router(t.d1, LOWER)
    r.query(response=1000, qqic=3)
    await t.sleep(4)
    since = time.time()
    r.query(response=1000, qqic=3)
    await t.sleep(0.02)
    await t.never(t.d1, t.is_query("::"), t.timers.other_querier - 0.3, what="a General Query")
    await t.first(t.d1, t.is_query("::"), t.timers.other_querier + 0.5, since + 0.02, "a General Query")


@row("EL-QQI-ZERO", "3810 5.1.9, 9.2", TEXT,
     "a Query Interval of zero in a query stands for the default, whether the RFC's or the configured one",
     "Q() from a lower address on d2 with QQIC 0", "no Q() on d2 for RV * QI + QRI / 2 of the daemon's own interval",
     bed="elected", needs=[QUERIER, LINKS])
async def _(t):
    await querier(t, t.d2)
    t.router(t.d2, LOWER).query(response=1000, qqic=0)
    await t.sleep(0.02)
    await t.never(t.d2, t.is_query("::"), t.timers.other_querier - 0.3, what="a General Query")


@row("EL-ACROSS", "4605 3, 4.2", MUST,
     "what comes from another downstream link is not forwarded to one whose querier is somebody else either",
     "d3 TO_EX{}; Q() from a lower address on d3; data on d2", "data upstream alone", bed="elected",
     needs=[PROXY, FORWARD, LINKS])
async def _(t):
    g, h = t.asm(), t.host(t.d3)
    await querier(t, t.d3)
    h.join(g)
    await t.passes(t.d2, t.source(1, 12), g, ["d3", "up"], within=2)
    t.router(t.d3, LOWER).query(response=1000, qqic=3)
    await t.sleep(0.1)
    await t.passes(t.d2, t.source(1, 12), g, ["up"], within=0.5)


@row("EL-SENDER", "4605 3, 4.2", TEXT,
     "data from a downstream link goes upstream and to other links although somebody else is the querier of its own",
     "d3 has another querier; d1 TO_EX{}; data on d3", "data upstream and on d1", bed="election",
     needs=[PROXY, FORWARD, LINKS], alone=True)
async def _(t):
    g = t.asm()
    t.router(t.d3, LOWER).query(response=1000, qqic=3)
    await t.first(t.d1, t.is_query("::"), t.timers.other_querier + 0.5, what="a General Query")
    t.host(t.d1).join(g)
    t.router(t.d3, LOWER).query(response=1000, qqic=3)
    await t.sleep(0.1)
    await t.passes(t.d3, t.source(1, 13), g, ["d1", "up"], within=2)
