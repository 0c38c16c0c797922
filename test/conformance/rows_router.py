# SPDX-License-Identifier: BSD-2-Clause
"""The router side on a link without rivals: queries, the state tables of RFC 3810 7.4, the timers. What the daemon has
come to know of a link is seen in what it reports upstream."""
import time

import packets as p
from adapters import FORWARD, PROXY, QUERIER, STATE
from bed import Fail
from packets import ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN
from table import MUST, TEXT, row

GENERAL = "::"

# ---- General Queries -----------------------------------------------------------------------------------


def general(t, link):
    return sorted(q.time for q in t.queries(link, GENERAL, t.bed.started))


@row("QG-STARTUP", "3810 7.6.2, 9.6, 9.7", TEXT,
     "a starting router is the querier and sends [Startup Query Count] General Queries, [Startup Query Interval] apart",
     "the daemon starts", "Q() at once, again after QI/4, on each downstream link", needs=[QUERIER])
async def _(t):
    for link in (t.d1, t.d2, t.d3):
        await t.first(link, t.is_query(GENERAL), t.bed.first_query, t.bed.started, "a General Query")
    await t.sleep(t.timers.startup_interval * t.timers.startup_count)
    for link in (t.d1, t.d2, t.d3):
        times = general(t, link)
        early = [x for x in times if x - times[0] < t.timers.startup_interval * t.timers.startup_count - 0.2]
        if len(early) != t.timers.startup_count:
            raise Fail(f"{len(early)} queries at start on {link.name}, not {t.timers.startup_count}")
        for a, b in zip(early, early[1:]):
            if abs(b - a - t.timers.startup_interval) > 0.25:
                raise Fail(f"start-up queries on {link.name} {b - a:.2f} s apart, not {t.timers.startup_interval:.2f}")


@row("QG-PERIOD", "3810 7.1, 9.2", TEXT, "the querier sends General Queries periodically, [Query Interval] apart",
     "-", "Q() every QI", needs=[QUERIER])
async def _(t):
    for link in (t.d1, t.d2, t.d3):
        await t.first(link, t.is_query(GENERAL), t.bed.first_query, t.bed.started, "a General Query")
    await t.sleep(t.timers.startup_interval * t.timers.startup_count + 2 * t.timers.query_interval + 0.5)
    for link in (t.d1, t.d2, t.d3):
        gaps = [b - a for a, b in zip(general(t, link), general(t, link)[1:])][t.timers.startup_count:]
        if not gaps:
            raise Fail(f"no periodic query on {link.name}")
        for gap in gaps:
            if abs(gap - t.timers.query_interval) > 0.3:
                raise Fail(f"General Queries on {link.name} {gap:.2f} s apart, not {t.timers.query_interval:.2f}")


@row("QG-FIELDS", "3810 5.1.3, 5.1.8, 5.1.9", TEXT,
     "a General Query carries the Query Response Interval, the Robustness Variable and the Query Interval in force",
     "-", "Q(): Maximum Response Code = QRI in ms, QRV = RV, QQIC = QI, S = 0", needs=[QUERIER])
async def _(t):
    q = await t.first(t.d1, t.is_query(GENERAL), t.timers.query_interval + 1, what="a General Query")
    if q.version != 2:
        raise Fail(f"the query has {q.length} octets: version {q.version}")
    if (q.response, q.qrv, q.qqic, q.s_flag) != (round(t.timers.query_response * 1000), t.timers.robustness,
                                                 round(t.timers.query_interval), False):
        raise Fail(f"response {q.response} ms, QRV {q.qrv}, QQI {q.qqic}, S {q.s_flag}")


@row("RT-ALLROUTERS", "3810 7", MUST,
     "the router performs the listener part for the address of all MLDv2 routers on each link it is a router of",
     "Q(ff02::16) of another router (with a higher address)", "IS_EX(ff02::16, {}) within the response delay",
     needs=[QUERIER])
async def _(t):
    other = t.router(t.d3, "fe80::ff:0:0:77")
    since = time.time()
    other.query("ff02::16", response=500, qqic=3)
    await t.first(t.d3, lambda k: k.kind == "report2" and any(
        r.group == "ff02::16" and r.kind == IS_EX and not r.sources for r in k.records), 0.8, since, "IS_EX(ff02::16)")

# ---- Table 7.4.1: Current State Records ------------------------------------------------------------------


@row("RT-IN-IS_IN", "3810 7.4.1", TEXT, "INCLUDE(A), IS_IN(B): INCLUDE(A+B), and no query",
     "IS_IN{a}; IS_IN{a,b}", "upstream ALLOW{a}; then ALLOW{b}; no query")
async def _(t):
    g, h, a, b = t.ssm(), t.host(t.d1), t.source(1), t.source(2)
    h.report((IS_IN, g, [a]))
    await t.says(g, ALLOW=[a])
    await t.settle(g)
    since = time.time()
    h.report((IS_IN, g, [a, b]))
    await t.says(g, since=since, ALLOW=[b])
    await t.settle(g)
    if t.queries(t.d1, g):
        raise Fail("a Current State Record was answered with a query")


@row("RT-IN-IS_EX", "3810 7.4.1", TEXT,
     "INCLUDE(A), IS_EX(B): EXCLUDE(A*B, B-A): what was asked for stays, what is excluded anew is blocked",
     "IS_IN{a,b}; IS_EX{b,c}", "upstream ALLOW{a,b}; then TO_EX{c}; no query")
async def _(t):
    g, h, a, b, c = t.asm(), t.host(t.d1), t.source(1), t.source(2), t.source(3)
    h.report((IS_IN, g, [a, b]))
    await t.says(g, ALLOW=[a, b])
    await t.settle(g)
    since = time.time()
    h.report((IS_EX, g, [b, c]))
    await t.says(g, since=since, TO_EX=[c])
    await t.settle(g)
    if t.queries(t.d1, g):
        raise Fail("a Current State Record was answered with a query")


@row("RT-EX-IS_IN", "3810 7.4.1", TEXT, "EXCLUDE(X,Y), IS_IN(A): EXCLUDE(X+A, Y-A)",
     "TO_EX{a,b}; IS_IN{a}", "upstream TO_EX{a,b}; then ALLOW{a}; no query")
async def _(t):
    g, a, b = t.asm(), t.source(1), t.source(2)
    t.host(t.d1).report((TO_EX, g, [a, b]))
    await t.says(g, TO_EX=[a, b])
    await t.settle(g)
    since = time.time()
    t.host(t.d1, 2).report((IS_IN, g, [a]))
    await t.says(g, since=since, ALLOW=[a])
    if t.queries(t.d1, g):
        raise Fail("a Current State Record was answered with a query")


@row("RT-EX-IS_EX", "3810 7.4.1", TEXT,
     "EXCLUDE(X,Y), IS_EX(A): EXCLUDE(A-Y, Y*A): only sources that all exclude stay blocked",
     "TO_EX{a,b}; another host IS_EX{b,c}", "upstream TO_EX{a,b}; then ALLOW{a}; no query")
async def _(t):
    g, a, b, c = t.asm(), t.source(1), t.source(2), t.source(3)
    t.host(t.d1).report((TO_EX, g, [a, b]))
    await t.says(g, TO_EX=[a, b])
    await t.settle(g)
    since = time.time()
    t.host(t.d1, 2).report((IS_EX, g, [b, c]))
    await t.says(g, since=since, ALLOW=[a])
    if t.queries(t.d1, g):
        raise Fail("a Current State Record was answered with a query")

# ---- Table 7.4.2: State Change Records -------------------------------------------------------------------


@row("RT-IN-ALLOW", "3810 7.4.2", TEXT, "INCLUDE(A), ALLOW(B): INCLUDE(A+B)",
     "ALLOW{a}; ALLOW{b}", "upstream ALLOW{a}; then ALLOW{b}")
async def _(t):
    g, h, a, b = t.ssm(), t.host(t.d1), t.source(1), t.source(2)
    h.report((ALLOW, g, [a]))
    await t.says(g, ALLOW=[a])
    await t.settle(g)
    since = time.time()
    h.report((ALLOW, g, [b]))
    await t.says(g, since=since, ALLOW=[b])


@row("RT-IN-BLOCK", "3810 7.4.2", TEXT,
     "INCLUDE(A), BLOCK(B): Q(G, A*B) goes out, and A*B is left when nobody confirms it",
     "ALLOW{a,b}; BLOCK{b,c}", "Q(G, {b}) at once; upstream BLOCK{b} after LLQT")
async def _(t):
    g, h, a, b, c = t.ssm(), t.host(t.d1), t.source(1), t.source(2), t.source(3)
    h.report((ALLOW, g, [a, b]))
    await t.says(g, ALLOW=[a, b])
    await t.settle(g)
    since = time.time()
    h.report((BLOCK, g, [b, c]))
    await t.queried(t.d1, g, [b], since=since, s_flag=False)
    gone = await t.says(g, since=since, within=t.timers.last_listener_time + 0.4, BLOCK=[b])
    if gone.time - since < t.timers.last_listener_time - 0.1:
        raise Fail(f"left after {gone.time - since:.2f} s, before LLQT was over")


@row("RT-IN-TO_EX", "3810 7.4.2", TEXT, "INCLUDE(A), TO_EX(B): EXCLUDE(A*B, B-A), Q(G, A*B)",
     "ALLOW{a,b}; TO_EX{b,c}", "Q(G, {b}); upstream TO_EX{c}; after LLQT BLOCK{b}")
async def _(t):
    g, h, a, b, c = t.asm(), t.host(t.d1), t.source(1), t.source(2), t.source(3)
    h.report((ALLOW, g, [a, b]))
    await t.says(g, ALLOW=[a, b])
    await t.settle(g)
    since = time.time()
    h.report((TO_EX, g, [b, c]))
    changed = await t.says(g, since=since, TO_EX=[c])
    await t.queried(t.d1, g, [b], since=since)
    # The source's timer runs out within the repetitions of TO_EX or after them.
    await t.sleep(since + t.timers.last_listener_time + 0.5 - time.time())
    last = t.said(g, changed.time + 0.0001)[-1:]
    for _, records in last:
        if p.BLOCK in records and records[p.BLOCK] == {b} or records.get(p.TO_EX) == {b, c}:
            return
    raise Fail("the source that nobody confirmed was not blocked upstream")


@row("RT-IN-TO_IN", "3810 7.4.2", TEXT, "INCLUDE(A), TO_IN(B): INCLUDE(A+B), Q(G, A-B)",
     "ALLOW{a,b}; TO_IN{b,c}", "upstream ALLOW{c}; Q(G, {a}); after LLQT BLOCK{a}")
async def _(t):
    g, h, a, b, c = t.ssm(), t.host(t.d1), t.source(1), t.source(2), t.source(3)
    h.report((ALLOW, g, [a, b]))
    await t.says(g, ALLOW=[a, b])
    await t.settle(g)
    since = time.time()
    h.report((TO_IN, g, [b, c]))
    await t.says(g, since=since, ALLOW=[c])
    await t.queried(t.d1, g, [a], since=since)
    await t.sleep(since + t.timers.last_listener_time + 0.4 - time.time())
    if not any(r.get(p.BLOCK) == {a} for _, r in t.said(g, since + t.timers.last_listener_time - 0.1)):
        raise Fail("the source that nobody confirmed was not left upstream")


@row("RT-EX-ALLOW", "3810 7.4.2", TEXT, "EXCLUDE(X,Y), ALLOW(A): EXCLUDE(X+A, Y-A)",
     "TO_EX{a,b}; ALLOW{a}", "upstream TO_EX{a,b}; then ALLOW{a}")
async def _(t):
    g, h, a, b = t.asm(), t.host(t.d1), t.source(1), t.source(2)
    h.report((TO_EX, g, [a, b]))
    await t.says(g, TO_EX=[a, b])
    await t.settle(g)
    since = time.time()
    h.report((ALLOW, g, [a]))
    await t.says(g, since=since, ALLOW=[a])


@row("RT-EX-BLOCK", "3810 7.4.2", TEXT,
     "EXCLUDE(X,Y), BLOCK(A): Q(G, A-Y); A-Y is blocked when nobody confirms it",
     "TO_EX{a}; BLOCK{a,b}", "Q(G, {b}); upstream BLOCK{b} after LLQT")
async def _(t):
    g, h, a, b = t.asm(), t.host(t.d1), t.source(1), t.source(2)
    h.report((TO_EX, g, [a]))
    await t.says(g, TO_EX=[a])
    await t.settle(g)
    since = time.time()
    h.report((BLOCK, g, [a, b]))
    await t.queried(t.d1, g, [b], since=since)
    gone = await t.says(g, since=since, within=t.timers.last_listener_time + 0.4, BLOCK=[b])
    if gone.time - since < t.timers.last_listener_time - 0.1:
        raise Fail(f"blocked after {gone.time - since:.2f} s, before LLQT was over")


@row("RT-EX-TO_EX", "3810 7.4.2", TEXT, "EXCLUDE(X,Y), TO_EX(A): EXCLUDE(A-Y, Y*A), Q(G, A-Y)",
     "TO_EX{a,b}; TO_EX{b,c}", "upstream ALLOW{a}; Q(G, {c}); after LLQT BLOCK{c}")
async def _(t):
    g, h, a, b, c = t.asm(), t.host(t.d1), t.source(1), t.source(2), t.source(3)
    h.report((TO_EX, g, [a, b]))
    await t.says(g, TO_EX=[a, b])
    await t.settle(g)
    since = time.time()
    h.report((TO_EX, g, [b, c]))
    await t.says(g, since=since, ALLOW=[a])
    await t.queried(t.d1, g, [c], since=since)
    await t.sleep(since + t.timers.last_listener_time + 0.4 - time.time())
    if not any(c in r.get(p.BLOCK, ()) for _, r in t.said(g, since + t.timers.last_listener_time - 0.1)):
        raise Fail("the source that nobody confirmed was not blocked upstream")


@row("RT-EX-TO_IN", "3810 7.4.2", TEXT, "EXCLUDE(X,Y), TO_IN(A): Q(G, X-A) and Q(G); then INCLUDE",
     "ALLOW{a,b}; TO_EX{a,b}; TO_IN{a}", "Q(G, {b}) and Q(G); upstream TO_IN{a} after LLQT")
async def _(t):
    g, h, a, b = t.asm(), t.host(t.d1), t.source(1), t.source(2)
    h.report((IS_IN, g, [a, b]))
    await t.says(g, ALLOW=[a, b])
    await t.settle(g)
    h.report((IS_EX, g, [a, b]))  # EXCLUDE({a,b}, {})
    await t.settle(g)
    since = time.time()
    h.report((TO_IN, g, [a]))
    await t.queried(t.d1, g, [b], since=since)
    await t.queried(t.d1, g, [], since=since)
    await t.says(g, since=since, within=t.timers.last_listener_time + 0.4, TO_IN=[a])

# ---- Specific queries ------------------------------------------------------------------------------------


@row("QS-LEAVE", "3810 7.6.3.1, 9.8, 9.9", TEXT,
     "TO_IN{} of a group in EXCLUDE: Q(G), [Last Listener Query Count] times, [Last Listener Query Interval] apart",
     "TO_EX{}; TO_IN{}", "Q(G) at once and LLQI later, S = 0, Maximum Response Code = LLQI; no third", needs=[QUERIER])
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    h.join(g)
    await t.sleep(0.3)
    since = time.time()
    h.leave(g)
    await t.queried(t.d1, g, since=since)
    await t.sleep(t.timers.last_listener_time + t.timers.last_listener_interval)
    heard = [q for q in t.queries(t.d1, g, since) if not q.sources]
    if len(heard) != t.timers.last_listener_count:
        raise Fail(f"{len(heard)} queries, not {t.timers.last_listener_count}")
    for a, b in zip(heard, heard[1:]):
        if abs(b.time - a.time - t.timers.last_listener_interval) > 0.2:
            raise Fail(f"{b.time - a.time:.2f} s apart, not {t.timers.last_listener_interval:.2f}")
    for q in heard:
        if q.s_flag or q.response != round(t.timers.last_listener_interval * 1000):
            raise Fail(f"S {q.s_flag}, response {q.response} ms")


@row("QG-FLOAT", "3810 5.1.9", TEXT,
     "a Query Interval of 128 s or more is told as a floating-point value, by the code that stands for it or the next less",
     "QI = 200 s", "Q(): QQIC = 0x89", bed="slow", needs=[QUERIER])
async def _(t):
    q = await t.first(t.d1, t.is_query(GENERAL), t.bed.first_query, t.bed.started, "a General Query")
    if not t.timers.query_interval - 8 < q.qqic <= t.timers.query_interval:
        raise Fail(f"QQIC says {q.qqic} s, not {t.timers.query_interval:.0f}")


@row("QS-FLOAT", "3810 5.1.3", TEXT,
     "a Maximum Response Delay of 32.768 s or more is told as a floating-point value",
     "LLQI = 40 s; TO_EX{}; TO_IN{}", "Q(G): Maximum Response Code = 0x8388", bed="slow", needs=[QUERIER])
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    h.join(g)
    await t.sleep(0.3)
    since = time.time()
    h.leave(g)
    q = await t.queried(t.d1, g, since=since)
    wanted = round(t.timers.last_listener_interval * 1000)
    if q.code_raw < 0x8000 or not wanted - 8 < q.response <= wanted:
        raise Fail(f"Maximum Response Code {q.code_raw:#x}, which is {q.response} ms, not {wanted}")


@row("QS-LEAVE-UP", "3810 7.4.2, 7.5", TEXT,
     "the group is left when LLQT is over and nobody has confirmed it, not before",
     "TO_EX{}; TO_IN{}", "upstream TO_IN{} LLQT after the leave")
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    h.join(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    h.leave(g)
    gone = await t.says(g, since=since, within=t.timers.last_listener_time + 0.4, TO_IN=[])
    if gone.time - since < t.timers.last_listener_time - 0.1:
        raise Fail(f"left after {gone.time - since:.2f} s, before LLQT was over")


@row("QS-CONFIRM", "3810 7.4.2", TEXT, "a listener that confirms the group within LLQT keeps it",
     "a host TO_EX{}, TO_IN{}; after the query another IS_EX{}", "upstream nothing; data passes all the time",
     needs=[STATE, FORWARD])
async def _(t):
    g, h1, h2, s = t.asm(), t.host(t.d1, 1), t.host(t.d1, 2), t.source(1)
    since = time.time()
    h1.join(g)
    await t.joined(g, since)
    await t.settle(g)
    await t.passes(t.up, s, g, ["d1"])
    since = time.time()
    h1.leave(g)
    await t.queried(t.d1, g, since=since)
    h2.report((IS_EX, g))
    await t.kept(g, t.timers.last_listener_time + 0.5, since)
    await t.passes(t.up, s, g, ["d1"], within=0)


@row("QS-CONFIRM-SOURCE", "3810 7.4.2", TEXT, "a listener that confirms a source within LLQT keeps it",
     "a host ALLOW{a}, BLOCK{a}; after the query another IS_IN{a}", "Q(G, {a}); upstream nothing")
async def _(t):
    g, h1, h2, a = t.ssm(), t.host(t.d1, 1), t.host(t.d1, 2), t.source(1)
    h1.report((ALLOW, g, [a]))
    await t.says(g, ALLOW=[a])
    await t.settle(g)
    since = time.time()
    h1.report((BLOCK, g, [a]))
    await t.queried(t.d1, g, [a], since=since)
    h2.report((IS_IN, g, [a]))
    await t.silent(g, t.timers.last_listener_time + 0.5, since)


@row("QS-HOLD", "3810 7.4.2", TEXT, "while the queries are out the data goes on",
     "ALLOW{a}; BLOCK{a}; data during LLQT", "data on the link until LLQT is over, then none", needs=[QUERIER, FORWARD])
async def _(t):
    g, h, a = t.ssm(), t.host(t.d1), t.source(1)
    h.report((ALLOW, g, [a]))
    await t.sleep(0.3)
    await t.passes(t.up, a, g, ["d1"])
    since = time.time()
    h.report((BLOCK, g, [a]))
    while time.time() - since < t.timers.last_listener_time * 0.75:
        if "d1" not in await t.probe(t.up, a, g):
            raise Fail(f"the stream ended {time.time() - since:.2f} s after BLOCK, LLQT is "
                       f"{t.timers.last_listener_time:.2f}")
    await t.passes(t.up, a, g, [], within=t.timers.last_listener_time)


@row("QS-SFLAG", "3810 7.6.3.1", TEXT,
     "Q(G) is sent with S set while the Filter Timer is larger than LLQT: a repetition after the group was confirmed",
     "TO_EX{}; TO_IN{}; after the first query IS_EX{} of another host", "Q(G) S=0; then Q(G) S=1", needs=[QUERIER])
async def _(t):
    g, h1, h2 = t.asm(), t.host(t.d1, 1), t.host(t.d1, 2)
    h1.join(g)
    await t.sleep(0.3)
    since = time.time()
    h1.leave(g)
    first = await t.queried(t.d1, g, since=since, s_flag=False)
    h2.report((IS_EX, g))
    await t.queried(t.d1, g, since=first.time + 0.001, within=t.timers.last_listener_interval + 0.25, s_flag=True)


@row("QS-SPLIT", "3810 7.6.3.2", TEXT,
     "Q(G, X) comes as two messages: S=1 with the sources confirmed meanwhile, S=0 with the others",
     "ALLOW{a,b}; BLOCK{a,b}; after the first query IS_IN{a} of another host", "Q(G,{a,b}) S=0; then Q(G,{a}) S=1 and Q(G,{b}) S=0",
     needs=[QUERIER])
async def _(t):
    g, h1, h2, a, b = t.ssm(), t.host(t.d1, 1), t.host(t.d1, 2), t.source(1), t.source(2)
    h1.report((ALLOW, g, [a, b]))
    await t.sleep(0.3)
    since = time.time()
    h1.report((BLOCK, g, [a, b]))
    first = await t.queried(t.d1, g, [a, b], since=since, s_flag=False)
    h2.report((IS_IN, g, [a]))
    within = t.timers.last_listener_interval + 0.25
    await t.queried(t.d1, g, [a], since=first.time + 0.001, within=within, s_flag=True)
    await t.queried(t.d1, g, [b], since=first.time + 0.001, within=within, s_flag=False)


@row("QS-MERGE", "3810 7.4.2", TEXT, "queries that become due while others are pending are merged with them",
     "ALLOW{a,b}; BLOCK{a}; half an LLQI later BLOCK{b}", "both sources asked about, LLQC times each; both left",
     needs=[PROXY])
async def _(t):
    g, h, a, b = t.ssm(), t.host(t.d1), t.source(1), t.source(2)
    h.report((ALLOW, g, [a, b]))
    await t.says(g, ALLOW=[a, b])
    await t.settle(g)
    since = time.time()
    h.report((BLOCK, g, [a]))
    await t.sleep(t.timers.last_listener_interval / 2)
    h.report((BLOCK, g, [b]))
    await t.sleep(2 * t.timers.last_listener_time + 0.5)
    for source in (a, b):
        times = [q for q in t.queries(t.d1, g, since) if source in q.sources]
        if len(times) < t.timers.last_listener_count:
            raise Fail(f"{source} was asked about {len(times)} times")
    left = set().union(*(r.get(p.BLOCK, set()) for _, r in t.said(g, since)))
    if left != {a, b}:
        raise Fail(f"left upstream: {sorted(left)}")


@row("QS-MTU", "3810 5.1.10", TEXT, "a query about more sources than fit into the MTU is split over several",
     "ALLOW of 160 sources in two reports; BLOCK of all", "Q(G, X) of at most 89 sources each, all 160 together",
     needs=[QUERIER])
async def _(t):
    g, h = t.ssm(), t.host(t.d1)
    sources = [t.source(n) for n in range(160)]
    for part in (sources[:80], sources[80:]):
        h.report((ALLOW, g, part))
    await t.sleep(0.4)
    since = time.time()
    for part in (sources[:80], sources[80:]):
        h.report((BLOCK, g, part))
    await t.sleep(t.timers.last_listener_time + 0.3)
    asked = set()
    for q in t.queries(t.d1, g, since):
        if q.size > 1500:
            raise Fail(f"a query of {q.size} octets")
        asked |= set(q.sources)
    if asked != {p.text(p.raw(s)) for s in sources}:
        raise Fail(f"{len(asked)} of 160 sources were asked about")


@row("QS-UNKNOWN", "3810 7.4.2", TEXT, "who leaves what nobody asked for causes no query (Q(G, {}) is not sent)",
     "BLOCK{a} and TO_IN{} of a group without listener; BLOCK{b} where INCLUDE{a}; then BLOCK{a} there",
     "no query; then Q(G, {a})", needs=[QUERIER])
async def _(t):
    g1, g2, h, a, b = t.ssm(), t.ssm(), t.host(t.d1), t.source(1), t.source(2)
    h.report((ALLOW, g2, [a]))
    await t.sleep(0.2)
    since = time.time()
    h.report((BLOCK, g1, [a]), (TO_IN, g1), (BLOCK, g2, [b]))
    await t.never(t.d1, lambda k: k.kind == "query" and k.group in (g1, g2), t.timers.last_listener_interval + 0.4, since)
    since = time.time()
    h.report((BLOCK, g2, [a]))
    await t.queried(t.d1, g2, [a], since=since, within=0.8)

# ---- Timers ----------------------------------------------------------------------------------------------


@row("TM-SOURCE", "3810 7.2.3, 9.4", MUST,
     "a source nobody repeats ends after the Multicast Address Listening Interval, RV * QI + QRI",
     "ALLOW{a}; then nothing", "upstream BLOCK{a} after MALI")
async def _(t):
    g, a = t.ssm(), t.source(1)
    since = time.time()
    t.host(t.d1).report((ALLOW, g, [a]))
    await t.says(g, since=since, ALLOW=[a])
    await t.settle(g)
    after = time.time()
    gone = await t.says(g, since=after, within=since + t.timers.listening + 0.5 - after, BLOCK=[a])
    if gone.time - since < t.timers.listening - 0.2:
        raise Fail(f"left after {gone.time - since:.2f} s, MALI is {t.timers.listening:.2f}")


@row("TM-FILTER", "3810 7.2.2, 9.4", MUST,
     "a group in EXCLUDE that nobody repeats ends after the Multicast Address Listening Interval",
     "TO_EX{}; then nothing", "upstream TO_IN{} after MALI")
async def _(t):
    g = t.asm()
    since = time.time()
    t.host(t.d1).join(g)
    await t.says(g, since=since, TO_EX=[])
    await t.settle(g)
    after = time.time()
    gone = await t.says(g, since=after, within=since + t.timers.listening + 0.5 - after, TO_IN=[])
    if gone.time - since < t.timers.listening - 0.2:
        raise Fail(f"left after {gone.time - since:.2f} s, MALI is {t.timers.listening:.2f}")


@row("TM-REFRESH", "3810 7.4.1", TEXT, "a Current State Record keeps the state for another MALI",
     "TO_EX{}; IS_EX{} half a MALI later", "upstream nothing until MALI after the second")
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    h.join(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    await t.sleep(t.timers.listening / 2)
    since = time.time()
    h.report((IS_EX, g))
    await t.silent(g, t.timers.listening - 0.3, since)
    await t.says(g, since=since, within=t.timers.listening + 0.5, TO_IN=[])


@row("TM-SWITCH", "3810 7.5", TEXT,
     "when the Filter Timer runs out the mode becomes INCLUDE with the sources whose timers run",
     "one host TO_EX{}, another ALLOW{a} and repeats it; the first falls silent", "upstream TO_IN{a} after MALI")
async def _(t):
    g, h2, a = t.asm(), t.host(t.d1, 2), t.source(1)
    since = time.time()
    t.host(t.d1).join(g)
    await t.says(g, since=since, TO_EX=[])
    h2.report((ALLOW, g, [a]))
    await t.sleep(t.timers.listening - 2)
    after = time.time()
    h2.report((IS_IN, g, [a]))
    await t.says(g, since=after, within=2.5, TO_IN=[a])


@row("TM-EXCLUDED", "3810 7.3, 7.2.3", TEXT,
     "in EXCLUDE a requested source whose timer runs out is blocked, and its record stays",
     "TO_EX{}, repeated; another host ALLOW{a}, not repeated", "upstream BLOCK{a} MALI after ALLOW{a}")
async def _(t):
    g, h1, a = t.asm(), t.host(t.d1), t.source(1)
    h1.join(g)
    await t.says(g, TO_EX=[])
    since = time.time()
    t.host(t.d1, 2).report((ALLOW, g, [a]))
    await t.sleep(t.timers.listening / 2)
    # An IS_EX{} would delete the source's record, so that the mode is kept by one that names the source.
    h1.report((IS_EX, g, [a]))
    after = time.time()
    gone = await t.says(g, since=after, within=since + t.timers.listening + 0.5 - after, BLOCK=[a])
    if gone.time - since < t.timers.listening - 0.3:
        raise Fail(f"blocked after {gone.time - since:.2f} s, MALI is {t.timers.listening:.2f}")
