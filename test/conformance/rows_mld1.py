# SPDX-License-Identifier: BSD-2-Clause
"""MLDv1: hosts of it on a downstream link, a router of it on the upstream link, and the router told to speak it."""
import time

import packets as p
from adapters import FORWARD, HOST, LINKS, MLD1_MODE, PROXY, QUERIER, STATE
from bed import Fail, HIGHER, LOWER
from packets import ALLOW, BLOCK, EXCLUDE, INCLUDE, IS_EX, TO_EX
from table import MUST, SHOULD, TEXT, row

# ---- MLDv1 hosts downstream ------------------------------------------------------------------------------


@row("V1-REPORT", "3810 8.3.2", MUST, "an MLDv1 report counts as IS_EX{}", "MLDv1 report", "upstream TO_EX{}", needs=[STATE])
async def _(t):
    g = t.asm()
    since = time.time()
    t.host(t.d1).report1(g)
    await t.joined(g, since)


@row("V1-DONE", "3810 8.3.2", MUST,
     "an MLDv1 done counts as TO_IN{}: Q(G) with the Last Listener Query Interval, then the group is left",
     "MLDv1 report; done", "Q(G) as MLDv2, LLQC times; upstream TO_IN{} after LLQT", needs=[QUERIER, STATE])
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    since = time.time()
    h.report1(g)
    await t.joined(g, since)
    await t.settle(g)
    since = time.time()
    h.done1(g)
    q = await t.queried(t.d1, g, since=since)
    if q.version != 2 or q.response != round(t.timers.last_listener_interval * 1000):
        raise Fail(f"version {q.version}, response {q.response} ms")
    await t.left(g, since, t.timers.last_listener_time + 0.4)
    if len(t.queries(t.d1, g, since)) != t.timers.last_listener_count:
        raise Fail(f"{len(t.queries(t.d1, g, since))} queries")


@row("V1-CONFIRM", "3810 8.3.2", MUST, "an MLDv1 report within LLQT keeps the group", "a host reports; done; "
     "after the query another reports", "Q(G); upstream nothing", needs=[QUERIER, STATE])
async def _(t):
    g, h1, h2 = t.asm(), t.host(t.d1, 1), t.host(t.d1, 2)
    since = time.time()
    h1.report1(g)
    await t.joined(g, since)
    await t.settle(g)
    since = time.time()
    h1.done1(g)
    await t.queried(t.d1, g, since=since)
    h2.report1(g)
    await t.kept(g, t.timers.last_listener_time + 0.5, since)


@row("V1-HOLD", "3810 8.3.2, 9.13", MUST,
     "each MLDv1 report sets the Older Version Host Present timer anew: the group stays in MLDv1 mode for RV * QI + QRI",
     "MLDv1 report; another 0.6 of the timeout later; 0.8 after that BLOCK{a} of another host", "no Q(G, {a})",
     needs=[QUERIER])
async def _(t):
    g, h, a = t.asm(), t.host(t.d1), t.source(1)
    h.report1(g)
    await t.sleep(t.timers.listening * 0.6)
    h.report1(g)
    await t.sleep(t.timers.listening * 0.8)
    since = time.time()
    t.host(t.d1, 2).report((BLOCK, g, [a]))
    await t.never(t.d1, t.is_query(g, [a]), 0.6, since, "a query about the source")
    h.done1(g)  # and the group was still known
    await t.queried(t.d1, g, [], since=time.time() - 0.01)


@row("V1-BLOCK", "3810 8.3.2", MUST, "while a group is in MLDv1 mode BLOCK is ignored",
     "MLDv1 report; another host BLOCK{a}", "no query, upstream nothing")
async def _(t):
    g, a = t.asm(), t.source(1)
    t.host(t.d1).report1(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    t.host(t.d1, 2).report((BLOCK, g, [a]))
    await t.silent(g, t.timers.last_listener_time + 0.4, since)
    if t.queries(t.d1, g, since):
        raise Fail("BLOCK was answered with a query")


@row("V1-TO_EX", "3810 8.3.2", MUST, "while a group is in MLDv1 mode TO_EX{X} is taken as TO_EX{}",
     "MLDv1 report; another host TO_EX{a}", "no query, upstream nothing")
async def _(t):
    g, a = t.asm(), t.source(1)
    t.host(t.d1).report1(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    t.host(t.d1, 2).report((TO_EX, g, [a]))
    await t.silent(g, t.timers.last_listener_time + 0.4, since)
    if [q for q in t.queries(t.d1, g, since) if q.sources]:
        raise Fail("the source list was asked about")


@row("V1-BACK", "3810 8.3.2, 9.13", MUST,
     "the group is in MLDv2 mode again when the Older Version Host Present timer (RV * QI + QRI) has run out",
     "MLDv1 report; MLDv2 listeners keep the group; after the timeout BLOCK{a}", "Q(G, {a}); upstream BLOCK{a}")
async def _(t):
    g, h, a = t.asm(), t.host(t.d1, 2), t.source(1)
    since = time.time()
    t.host(t.d1).report1(g)
    await t.says(g, since=since, TO_EX=[])
    await t.sleep(t.timers.listening * 0.6)
    h.report((IS_EX, g))
    await t.sleep(since + t.timers.listening + 0.4 - time.time())
    since = time.time()
    h.report((BLOCK, g, [a]))
    await t.queried(t.d1, g, [a], since=since)
    await t.says(g, since=since, within=t.timers.last_listener_time + 0.4, BLOCK=[a])


@row("V1-DEST", "3810 5.2.14", MUST,
     "an MLDv1 report is understood whatever address of the interface it is sent to (or multicast address of it)",
     "MLDv1 report to the daemon's link-local unicast address, another to ff02::2", "upstream TO_EX{} of both")
async def _(t):
    g1, g2, h = t.asm(), t.asm(), t.host(t.d1)
    since = time.time()
    h.message("fe80::80:0:0:11", p.message1(p.REPORT1, g1), router=True)
    h.message(p.ALL_ROUTERS, p.message1(p.REPORT1, g2))
    await t.says(g1, since=since, TO_EX=[])
    await t.says(g2, since=since, TO_EX=[])


@row("V1-SSM", "4605 4.3; 4604 2.2.2", TEXT, "MLDv1 joins of source-specific groups are ignored",
     "MLDv1 report of an ff3e::/32 group, and of another", "upstream the other alone")
async def _(t):
    g, other, h = t.ssm(), t.asm(), t.host(t.d1)
    since = time.time()
    h.report1(g)
    h.report1(other)
    await t.says(other, since=since, TO_EX=[])
    await t.silent(g, 0.6, since)


@row("V1-SSM-FORWARD", "4605 4.3", SHOULD, "data of source-specific groups is not forwarded to MLDv1 subscribers",
     "MLDv1 report of an ff3e::/32 group on d1, ALLOW{a} on d2; data from a", "data on d2 alone", needs=[PROXY, FORWARD])
async def _(t):
    g, a = t.ssm(), t.source(1)
    t.host(t.d1).report1(g)
    t.host(t.d2).report((ALLOW, g, [a]))
    await t.says(g, ALLOW=[a])
    await t.passes(t.up, a, g, ["d2"])


@row("V1-V2QUERIES", "3810 8.3.2", TEXT, "the querier goes on sending MLDv2 queries where MLDv1 hosts are",
     "MLDv1 report", "the next General Query is of version 2", needs=[QUERIER])
async def _(t):
    t.host(t.d1).report1(t.asm())
    q = await t.first(t.d1, t.is_query("::"), t.timers.query_interval + 0.5, what="a General Query")
    if q.version != 2:
        raise Fail(f"version {q.version}")


def spoiled(ident, section, level, text, given, **spoil):
    @row(ident, section, level, text, given, "upstream nothing; after a good report TO_EX{}", needs=[STATE])
    async def _(t):
        g, h = t.asm(), t.host(t.d1)
        since = time.time()
        h.report1(g, **spoil)
        await t.unheard(g, 0.6, since)
        since = time.time()
        h.report1(g)
        await t.joined(g, since)


spoiled("V1-HOPLIMIT", "3810 7.4; 2710 3", TEXT, "an MLDv1 report with another Hop Limit is dropped", "Hop Limit 64",
        hop_limit=64)
spoiled("V1-NOALERT", "3810 7.4; 2710 3", TEXT, "an MLDv1 report without Router Alert is dropped", "no Router Alert",
        router_alert=False)
spoiled("V1-GLOBAL", "3810 5.2.13; 3590 4", MUST, "an MLDv1 report of no link-local source is dropped", "a global source",
        src="2001:db8:11::5")
spoiled("V1-UNSPECIFIED", "3810 5.2.13; 3590 4", MUST, "an MLDv1 report from the unspecified address is dropped by routers",
        "source ::", src="::")
spoiled("V1-CHECKSUM", "3810 5.2.2; 2710 3.3", MUST, "the checksum of an MLDv1 report is verified", "a wrong checksum",
        bad_checksum=True)


@row("V1-EXTRA", "2710 3.7", MUST, "octets after the 24 of an MLDv1 report count in the checksum and are ignored",
     "MLDv1 report and 8 octets more", "upstream TO_EX{}", needs=[STATE])
async def _(t):
    g = t.asm()
    since = time.time()
    t.host(t.d1).message(g, p.message1(p.REPORT1, g) + b"\x5a" * 8)
    await t.joined(g, since)


@row("V1-DONE-INVALID", "3810 7.4; 2710 3", TEXT,
     "an MLDv1 done that is not valid changes nothing: Hop Limit, Router Alert, source, checksum",
     "MLDv1 report; done with Hop Limit 2, without Router Alert, from a global address, from ::, with a wrong checksum",
     "no Q(G); after a good done Q(G)", needs=[QUERIER])
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    h.report1(g)
    await t.sleep(0.3)
    since = time.time()
    for spoil in ({"hop_limit": 2}, {"router_alert": False}, {"src": "2001:db8:11::5"}, {"src": "::"},
                  {"bad_checksum": True}):
        h.message(p.ALL_ROUTERS, p.message1(p.DONE1, g), **spoil)
    await t.never(t.d1, t.is_query(g), 0.5, since, "a query")
    since = time.time()
    h.done1(g)
    await t.queried(t.d1, g, since=since)

# ---- an MLDv1 router upstream ----------------------------------------------------------------------------


QQI = 4  # seconds


def tell_interval(t):
    """The Query Interval that counts for the timeout, once for each bed: in MLDv1 mode a host need not look at MLDv2
    queries any more."""
    if not t.bed.told_interval:
        t.bed.told_interval = True
        t.router(t.up, LOWER).query(response=1000, qqic=QQI, qrv=2)


async def version1(t, response=500):
    """An MLDv1 General Query upstream, and the time for what was pending to end."""
    tell_interval(t)
    t.router(t.up, LOWER).query1(response=response)
    await t.sleep(response / 1000 + 0.3)


@row("V1-UP-CANCEL", "3810 8.2.1", TEXT,
     "a host that changes its compatibility mode cancels its pending answers and repetitions",
     "TO_EX{}; at once after its report Q(G) of 1.5 s and MLDv1 Q()", "upstream no MLDv2 record any more; one MLDv1 report(G)",
     bed="compat", needs=[HOST], alone=True)
async def _(t):
    r, g = t.router(t.up, LOWER), t.asm()
    tell_interval(t)
    await t.sleep(1.2)
    t.listen((g, EXCLUDE, []))
    first = await t.says(g, TO_EX=[])
    r.query(g, response=1500, qqic=QQI)
    r.query1(response=500)
    await t.sleep(0.05)  # both may have been answered at once by chance
    await t.silent(g, 2, first.time + 0.05, kinds=t.CHANGES + t.CURRENT)
    if len(heard1(t, g, first.time)) != 1:
        raise Fail(f"{len(heard1(t, g, first.time))} MLDv1 reports")


def heard1(t, group, since):
    return [k for k in t.up.heard if k.kind in ("report1", "done1") and k.group == group and k.time >= since]


@row("V1-UP-JOIN", "3810 8.2.1; 4605 4.1", MUST,
     "with an MLDv1 querier upstream the proxy reports by MLDv1: to the group's address, without delay",
     "upstream MLDv1 Q(); downstream TO_EX{}", "upstream MLDv1 report(G) to G; no MLDv2 record",
     bed="compat", needs=[HOST], alone=True)
async def _(t):
    await version1(t)
    g = t.asm()
    since = time.time()
    t.listen((g, EXCLUDE, []))
    r = await t.first(t.up, lambda k: k.kind == "report1" and k.group == g, 0.5, since, "an MLDv1 report")
    if r.dst != g:
        raise Fail(f"sent to {r.dst}")
    await t.silent(g, 0.5, since)


@row("V1-UP-LEAVE", "3810 8.2.1; 4605 4.1; 2710 4", MUST, "and leaves with an MLDv1 done to all routers",
     "upstream MLDv1 Q(); TO_EX{}, TO_IN{} downstream", "upstream MLDv1 done(G) to ff02::2", bed="compat", needs=[HOST], alone=True)
async def _(t):
    await version1(t)
    g = t.asm()
    t.listen((g, EXCLUDE, []))
    await t.first(t.up, lambda k: k.kind == "report1" and k.group == g, 0.5, what="an MLDv1 report")
    since = time.time()
    t.listen((g, INCLUDE, []))
    d = await t.first(t.up, lambda k: k.kind == "done1" and k.group == g, t.timers.last_listener_time + 0.5, since,
                      "an MLDv1 done")
    if d.dst != p.text(p.raw(p.ALL_ROUTERS)):
        raise Fail(f"sent to {d.dst}")


@row("V1-UP-SOURCES", "4605 4.1", TEXT, "changes that neither create nor delete a group are not reported by MLDv1",
     "upstream MLDv1 Q(); downstream ALLOW{a}; ALLOW{b}; TO_EX{}", "upstream MLDv1 reports at the first alone",
     bed="compat", needs=[HOST], alone=True)
async def _(t):
    await version1(t)
    g, a, b = t.asm(), t.source(1), t.source(2)
    since = time.time()
    t.listen((g, INCLUDE, [a]))
    await t.first(t.up, lambda k: k.kind == "report1" and k.group == g, 0.5, since, "an MLDv1 report")
    await t.sleep(1.3)
    since = time.time()
    t.listen((g, INCLUDE, [a, b]))
    t.listen((g, EXCLUDE, []))
    await t.sleep(0.3)
    if [k for k in heard1(t, g, since) if k.time - since < 0.1] or t.said(g, since):
        raise Fail("the change was reported")


@row("V1-UP-ANSWER", "3810 8.2.1; 2710 4", MUST, "MLDv1 queries are answered by MLDv1 reports within the delay",
     "TO_EX{} downstream; upstream MLDv1 Q(), later MLDv1 Q(G)", "upstream MLDv1 report(G) after each, not at once all",
     bed="compat", needs=[HOST], alone=True)
async def _(t):
    g, r = t.asm(), t.router(t.up, LOWER)
    t.listen((g, EXCLUDE, []))
    await version1(t)
    await t.sleep(1.2)
    for group in ("::", g):
        since = time.time()
        r.query1(group, response=800)
        await t.first(t.up, lambda k: k.kind == "report1" and k.group == g, 0.9, since, f"report of {g}")


@row("V1-LINKS", "3810 8.2.1", MUST, "the compatibility mode is kept for each interface: an MLDv1 querier downstream changes "
     "nothing upstream", "MLDv1 Q() of another router on d2; TO_EX{} on d1", "upstream TO_EX{} by MLDv2", bed="slow",
     needs=[PROXY, LINKS])
async def _(t):
    t.router(t.d2, HIGHER).query1(response=100)
    await t.sleep(0.3)
    g = t.asm()
    since = time.time()
    t.host(t.d1).join(g)
    await t.says(g, since=since, TO_EX=[])
    if heard1(t, g, since):
        raise Fail("an MLDv1 report")


@row("V1-UP-LINEAR", "3810 8.2.1; 2710 3.4", TEXT, "the delay of an MLDv1 query is linear over the whole range of its field",
     "60 groups; upstream MLDv1 Q(G) of each with 0xffff (65.5 s; as a floating-point value it would be 2 h 19 min)",
     "upstream MLDv1 report of some within 15 s, and not of most", bed="linear", needs=[HOST])
async def _(t):
    groups, r = [t.asm() for _ in range(60)], t.router(t.up, LOWER)
    r.query1(response=100)
    await t.sleep(0.3)
    t.listen(*[(g, EXCLUDE, []) for g in groups])
    await t.sleep(10.5)  # RFC 2710's Unsolicited Report Interval
    since = time.time()
    for g in groups:
        r.query1(g, response=0xFFFF)
        await t.sleep(0.005)
    await t.sleep(15)
    answered = sum(bool(heard1(t, g, since)) for g in groups)
    t.notes.append(f"{answered} of 60")
    if not 3 <= answered <= 30:
        raise Fail(f"{answered} of 60 groups were answered for")


@row("V1-UP-BACK", "3810 8.2.1, 9.12", MUST,
     "without further MLDv1 queries the host speaks MLDv2 again after the Older Version Querier Present Timeout, "
     "RV * QI of the last query + QRI, and not before",
     "upstream MLDv2 Q() with QQIC 4, QRV 2; MLDv1 Q(); silence; 8.2 s later TO_EX{}, 18.5 s later TO_EX{} of another group",
     "upstream MLDv1 report; TO_EX{} of the other", bed="compat", needs=[HOST], alone=True)
async def _(t):
    since = time.time()
    await version1(t)
    await t.sleep(since + 2 * QQI + 0.2 - time.time())
    g, other = t.asm(), t.asm()
    mark = time.time()
    t.listen((g, EXCLUDE, []))
    await t.first(t.up, lambda k: k.kind == "report1" and k.group == g, 0.5, mark, "an MLDv1 report")
    # 9 s where the response interval of the MLDv2 query counts; the host's default one of 10 s may count.
    await t.sleep(since + 2 * QQI + 10.5 - time.time())
    mark = time.time()
    t.listen((other, EXCLUDE, []))
    await t.sleep(0.4)
    if heard1(t, other, mark):
        raise Fail("still MLDv1")
    await t.says(other, since=mark, TO_EX=[])

# ---- told to speak MLDv1 ---------------------------------------------------------------------------------


@row("V1-MODE", "3810 8.3.1", MUST,
     "in MLDv1 mode General Queries are truncated at the Multicast Address field and the delay is linear",
     "the daemon in MLDv1 mode", "Q() of 24 octets, Maximum Response Delay = QRI in ms", bed="version1",
     needs=[QUERIER, MLD1_MODE])
async def _(t):
    q = await t.first(t.d1, t.is_query("::"), t.timers.query_interval + 1, what="a General Query")
    if q.length != 24 or q.response != round(t.timers.query_response * 1000):
        raise Fail(f"{q.length} octets, {q.response} ms")


@row("V1-MODE-LEAVE", "3810 8.3.1", MUST, "in MLDv1 mode specific queries are MLDv1 queries",
     "MLDv1 report; done", "MLDv1 Q(G)", bed="version1", needs=[QUERIER, MLD1_MODE])
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    h.report1(g)
    await t.sleep(0.3)
    since = time.time()
    h.done1(g)
    q = await t.queried(t.d1, g, since=since)
    if q.length != 24:
        raise Fail(f"a query of {q.length} octets")


@row("V1-MODE-LINEAR", "3810 8.3.1", MUST, "in MLDv1 mode a delay is told as it is, not as a floating-point value",
     "the daemon in MLDv1 mode, LLQI = 40 s; MLDv1 report; done", "Q(G) of 24 octets, Maximum Response Delay 40000",
     bed="version1slow", needs=[QUERIER, MLD1_MODE])
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    h.report1(g)
    await t.sleep(0.3)
    since = time.time()
    h.done1(g)
    q = await t.queried(t.d1, g, since=since)
    wanted = round(t.timers.last_listener_interval * 1000)
    if q.length != 24 or q.code_raw != wanted:
        raise Fail(f"{q.length} octets, Maximum Response Delay {q.code_raw}, not {wanted}")
