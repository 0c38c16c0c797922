# SPDX-License-Identifier: BSD-2-Clause
"""The host side, on the upstream link: state changes, their repetition, answers to queries, sizes. What the daemon is
to listen to it learns by `t.listen()`: a proxy from a downstream host, a host by being told."""
import time

import packets as p
from adapters import FAST_LEAVE, HOST, PROXY
from bed import Fail, LOWER
from packets import ALLOW, EXCLUDE, INCLUDE, IS_EX, TO_EX
from table import MUST, TEXT, row


def host_row(ident, section, level, text, given, expected, needs=(HOST,), **kw):
    return row(ident, section, level, text, given, expected, needs=needs, **kw)

# ---- state changes ---------------------------------------------------------------------------------------


@host_row("UC-PROMPT", "3810 6.1", TEXT, "a change of the membership is reported upstream immediately",
     "TO_EX{}", "upstream TO_EX{} within 100 ms")
async def _(t):
    best = 9.0
    for _ in range(5):  # the best of five: it is the daemon that is judged, not the machine
        g = t.asm()
        since = time.time()
        t.listen((g, EXCLUDE, []))
        best = min(best, (await t.says(g, since=since, TO_EX=[])).time - since)
    t.notes.append(f"{best * 1000:.2f} ms")
    if best > 0.1:
        raise Fail(f"after {best * 1000:.1f} ms")


@host_row("UC-REPEAT", "3810 6.1, 9.11", TEXT,
     "a State Change Report is sent [Robustness Variable] times, at intervals from (0, [Unsolicited Report Interval])",
     "TO_EX{} of eight groups", "upstream TO_EX{} twice each, at most 1 s apart, at intervals that differ")
async def _(t):
    groups, gaps = [t.asm() for _ in range(8)], []
    for g in groups:
        t.listen((g, EXCLUDE, []))
        await t.sleep(0.05)
    await t.sleep((t.timers.upstream_robustness - 1) * t.timers.unsolicited + 0.4)
    for g in groups:
        times = [packet.time for packet, _ in t.said(g)]
        if len(times) != t.timers.upstream_robustness:
            raise Fail(f"reported {len(times)} times, not {t.timers.upstream_robustness}")
        gaps += [b - a for a, b in zip(times, times[1:])]
    if max(gaps) > t.timers.unsolicited + 0.15:
        raise Fail(f"{max(gaps):.2f} s between repetitions")
    if len(gaps) > 4 and max(gaps) - min(gaps) < 0.02:
        raise Fail("the intervals are not random")


@host_row("UC-MERGE", "3810 6.1", TEXT,
     "a change that comes while a report is still to be repeated is merged with it, and each source told RV times",
     "ALLOW{a}; at once after its report ALLOW{b}", "upstream ALLOW{a}; ALLOW{a,b}; b told twice in all")
async def _(t):
    g, a, b = t.ssm(), t.source(1), t.source(2)
    t.listen((g, INCLUDE, [a]))
    first = await t.says(g, ALLOW=[a])
    t.listen((g, INCLUDE, [a, b]))
    await t.sleep(2 * t.timers.unsolicited + 0.3)
    rest = [r.get(p.ALLOW) for packet, r in t.said(g) if packet.time > first.time]
    if not rest or b not in rest[0] and b not in (rest[1] if len(rest) > 1 else ()):
        raise Fail("the second change was not reported")
    told = {s: 1 * (s == a) + sum(s in r for r in rest) for s in (a, b)}
    if told != {a: t.timers.upstream_robustness, b: t.timers.upstream_robustness}:
        raise Fail(f"told {told[a]} and {told[b]} times")


@host_row("UC-MODE", "3810 6.1", TEXT,
     "after a change of the mode the next RV reports carry a Filter Mode Change Record, whatever sources change",
     "TO_EX{a}; at once after its report ALLOW{a}", "upstream TO_EX{a}; TO_EX{}; then ALLOW{a} or nothing")
async def _(t):
    g, a = t.asm(), t.source(1)
    t.listen((g, EXCLUDE, [a]))
    first = await t.says(g, TO_EX=[a])
    t.listen((g, EXCLUDE, []))
    await t.sleep(2 * t.timers.unsolicited + 0.3)
    rest = [r for packet, r in t.said(g) if packet.time > first.time]
    if not rest or rest[0] not in ({p.TO_EX: set()}, {p.TO_EX: {a}}):
        raise Fail(f"then upstream heard {t.show(rest[0]) if rest else 'nothing'}")
    if not any(r in ({p.TO_EX: set()}, {p.ALLOW: {a}}) for r in rest):
        raise Fail("the source was never unblocked")


@host_row("UC-LIST", "3810 6.1", TEXT, "EXCLUDE(A) to EXCLUDE(B): ALLOW(A-B)", "TO_EX{a,b,c}; ALLOW{a,b}", "upstream ALLOW{a,b}")
async def _(t):
    g, a, b, c = t.asm(), t.source(1), t.source(2), t.source(3)
    t.listen((g, EXCLUDE, [a, b, c]))
    await t.says(g, TO_EX=[a, b, c])
    await t.settle(g)
    since = time.time()
    t.listen((g, EXCLUDE, [c]))
    await t.says(g, since=since, ALLOW=[a, b])


@row("UC-QUIET", "3810 4.2", TEXT, "what changes nothing is not reported",
     "TO_EX{}; later TO_EX{} again, IS_EX{}, ALLOW{a}", "upstream one TO_EX{} and its repetition")
async def _(t):
    g, h, a = t.asm(), t.host(t.d1), t.source(1)
    h.join(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    h.report((TO_EX, g))
    h.report((IS_EX, g))
    h.report((ALLOW, g, [a]))
    await t.silent(g, 0.6, since)


@host_row("UC-BOTH", "3810 6.1, 5.2.12", TEXT, "INCLUDE(A) to INCLUDE(B) at one stroke: ALLOW(B-A) and BLOCK(A-B) in one report",
     "fast leave: the only listener in INCLUDE{a,b} sends TO_IN{b,c}", "upstream ALLOW{c} BLOCK{a}", bed="fast", needs=[HOST, FAST_LEAVE])
async def _(t):
    g, a, b, c = t.ssm(), t.source(1), t.source(2), t.source(3)
    t.listen((g, INCLUDE, [a, b]))
    await t.says(g, ALLOW=[a, b])
    await t.settle(g)
    since = time.time()
    t.listen((g, INCLUDE, [b, c]))
    await t.says(g, since=since, ALLOW=[c], BLOCK=[a])


def transition(ident, text, given, old, new, expected, **records):
    """A change of the state as in the table of RFC 3810 6.1; `old` and `new` are (mode, names of sources)."""
    @host_row(ident, "3810 6.1", TEXT, text, given, expected, bed="fast", needs=[HOST, FAST_LEAVE])
    async def _(t):
        g = t.asm()
        source = {n: t.source(i) for i, n in enumerate("abc", 1)}
        t.listen((g, old[0], [source[n] for n in old[1]]))
        await t.sleep(0.2)
        await t.settle(g)
        since = time.time()
        t.listen((g, new[0], [source[n] for n in new[1]]))
        await t.says(g, since=since, **{k: [source[n] for n in v] for k, v in records.items()})
        await t.settle(g)
        said = len(t.said(g, since))
        if said != t.timers.upstream_robustness:
            raise Fail(f"told {said} times, not {t.timers.upstream_robustness}")


transition("UC-TO-IN", "EXCLUDE(A) to INCLUDE(B): TO_IN(B), RV times", "TO_EX{a}; the same listener TO_IN{b}",
           (EXCLUDE, "a"), (INCLUDE, "b"), "upstream TO_IN{b} twice", TO_IN="b")
transition("UC-TO-EX", "INCLUDE(A) to EXCLUDE(B): TO_EX(B), RV times", "ALLOW{a}; the same listener TO_EX{b}",
           (INCLUDE, "a"), (EXCLUDE, "b"), "upstream TO_EX{b} twice", TO_EX="b")
transition("UC-DROP", "INCLUDE(A) to INCLUDE(B): BLOCK(A-B), RV times", "ALLOW{a,b}; the same listener BLOCK{b}",
           (INCLUDE, "ab"), (INCLUDE, "a"), "upstream BLOCK{b} twice", BLOCK="b")
transition("UC-BLOCK", "EXCLUDE(A) to EXCLUDE(B): BLOCK(B-A), RV times", "TO_EX{a}; the same listener BLOCK{b}",
           (EXCLUDE, "a"), (EXCLUDE, "ab"), "upstream BLOCK{b} twice", BLOCK="b")
transition("UC-LEAVE", "EXCLUDE(A) to INCLUDE({}): TO_IN({}), RV times", "TO_EX{a}; the same listener TO_IN{}",
           (EXCLUDE, "a"), (INCLUDE, ""), "upstream TO_IN{} twice", TO_IN="")
transition("UC-LEAVE-SOURCES", "INCLUDE(A) to INCLUDE({}): BLOCK(A), RV times", "ALLOW{a,b}; the same listener BLOCK{a,b}",
           (INCLUDE, "ab"), (INCLUDE, ""), "upstream BLOCK{a,b} twice", BLOCK="ab")


@host_row("UC-SIZE", "3810 5.2.15", TEXT, "the records of many changes are packed into reports up to the MTU",
     "ALLOW of 180 groups in three reports", "upstream reports of at most MTU octets, all 180 groups")
async def _(t):
    groups = [t.ssm() for _ in range(180)]
    since = time.time()
    t.listen(*[(g, INCLUDE, [t.source(1)]) for g in groups], link=t.d2)
    await t.sleep(0.8)
    missing = [g for g in groups if not t.said(g, since)]
    if missing:
        raise Fail(f"{len(missing)} groups were not reported")
    sizes = [packet.size for g in groups for packet, _ in t.said(g, since)]
    if max(sizes) > t.bed.mtu:
        raise Fail(f"a report of {max(sizes)} octets, the MTU is {t.bed.mtu}")


@host_row("UC-SPLIT", "3810 5.2.15", TEXT, "an ALLOW record that does not fit into a report is split over several",
     "ALLOW of 150 sources in two reports", "upstream ALLOW records within the MTU, 150 sources in all")
async def _(t):
    g, sources = t.ssm(), {t.source(n) for n in range(150)}
    order = sorted(sources)
    since = time.time()
    if PROXY in t.bed.adapter.features:
        t.listen((g, INCLUDE, order[:75]))
    t.listen((g, INCLUDE, order))
    await t.sleep(0.6)
    got = set().union(set(), *(r.get(p.ALLOW, set()) for _, r in t.said(g, since)))
    if got != sources:
        raise Fail(f"{len(got)} of 150 sources were reported")
    big = [packet.size for packet, _ in t.said(g, since) if packet.size > t.bed.mtu]
    if big:
        raise Fail(f"a report of {max(big)} octets, the MTU is {t.bed.mtu}")


@host_row("UC-INCLUDE", "3810 4.2", MUST, "what listens in INCLUDE alone is never reported in EXCLUDE, however long its list",
          "ALLOW of 400 sources in six reports", "upstream no TO_EX and IS_EX record")
async def _(t):
    g, order = t.ssm(), sorted(t.source(n) for n in range(400))
    since = time.time()
    for n in range(75, 400 + 75, 75) if PROXY in t.bed.adapter.features else (400,):
        t.listen((g, INCLUDE, order[:n]))
    await t.sleep(0.8)
    said = [k for _, r in t.said(g, since, t.CHANGES + t.CURRENT) for k in r]
    if p.TO_EX in said or p.IS_EX in said:
        raise Fail("an EXCLUDE record")
    if p.ALLOW not in said:
        raise Fail("nothing was reported")


@host_row("UC-EXCLUDE-SIZE", "3810 5.2.15", TEXT,
     "a TO_EX record that does not fit is sent once with as many sources as fit",
     "TO_EX of 85 sources; the upstream MTU holds 75", "upstream one TO_EX record of 75 sources or a few less, within the MTU")
async def _(t):
    g = t.asm()
    since = time.time()
    t.listen((g, EXCLUDE, [t.source(n) for n in range(85)]))
    await t.sleep(0.4)
    fit = (t.bed.mtu - 40 - 8 - 8 - 20) // 16
    found = t.said(g, since)
    if not found:
        raise Fail("nothing was reported")
    for packet, records in found[:1]:
        if sum(r.group == g for r in packet.records) != 1 or set(records) != {p.TO_EX}:
            raise Fail("it is not one TO_EX record")
        if packet.size > t.bed.mtu or not fit - 3 <= len(records[p.TO_EX]) <= fit:
            raise Fail(f"{len(records[p.TO_EX])} sources in {packet.size} octets, {fit} fit into {t.bed.mtu}")

# ---- answers to queries ------------------------------------------------------------------------------------
# One after the other: a General Query is answered for all groups, and the answers to two queries combine.


async def state(t, group, mode, sources):
    t.listen((group, mode, sources))
    for _ in range(40):
        await t.sleep(0.05)
        if t.said(group):
            return await t.settle(group)
    raise Fail("the state was not reported upstream")


def query_row(ident, section, level, text, given, expected):
    return host_row(ident, section, level, text, given, expected, bed="upstream", alone=True)


@query_row("UQ-GENERAL", "3810 6.2, 6.3", TEXT, "a General Query is answered with the state of every group",
           "downstream TO_EX{}, TO_EX{a}, ALLOW{b}; upstream Q() of 1 s", "upstream IS_EX{}, IS_EX{a}, IS_IN{b} within 1 s")
async def _(t):
    g1, g2, g3, a, b = t.asm(), t.asm(), t.ssm(), t.source(1), t.source(2)
    for some in ((g1, EXCLUDE, []), (g2, EXCLUDE, [a]), (g3, INCLUDE, [b])):
        t.listen(some)
    await t.sleep(1.4)
    since = time.time()
    t.router(t.up, LOWER).query(response=1000, qqic=3)
    await t.answers(g1, 1.1, since, IS_EX=[])
    await t.answers(g2, 1.1, since, IS_EX=[a])
    await t.answers(g3, 1.1, since, IS_IN=[b])


@query_row("UQ-IMPLOSION", "3810 6.3", MUST, "a General Query is not answered immediately",
           "six times upstream Q() of 600 ms", "the delays are spread over (0, 600 ms)")
async def _(t):
    g, r, delays = t.asm(), t.router(t.up, LOWER), []
    await state(t, g, EXCLUDE, [])
    for _ in range(6):
        since = time.time()
        r.query(response=600, qqic=3)
        packet = await t.answers(g, 0.75, since, IS_EX=[])
        delays.append(packet.time - since)
        t.refresh(g)
    t.notes.append(" ".join(f"{d * 1000:.0f}" for d in delays) + " ms")
    if max(delays) < 0.05 or max(delays) - min(delays) < 0.02:
        raise Fail("the answers come at once: " + t.notes[-1])


@query_row("UQ-GROUP", "3810 6.2, 6.3", TEXT, "Q(G) is answered with the state of G within its delay, and of G alone",
           "two groups; upstream Q(G) of 500 ms", "upstream IS_EX(G, {a}); nothing of the other")
async def _(t):
    g, other, a = t.asm(), t.asm(), t.source(1)
    t.listen((other, EXCLUDE, []))
    await state(t, g, EXCLUDE, [a])
    since = time.time()
    t.router(t.up, LOWER).query(g, response=500, qqic=3)
    await t.answers(g, 0.6, since, IS_EX=[a])
    await t.silent(other, 0.6, since, kinds=t.CURRENT)


@query_row("UQ-SOURCES-IN", "3810 6.3", TEXT, "INCLUDE(A) answers Q(G, B) with IS_IN(A*B)",
           "ALLOW{a,b}; upstream Q(G, {b,c})", "upstream IS_IN{b}")
async def _(t):
    g, a, b, c = t.ssm(), t.source(1), t.source(2), t.source(3)
    await state(t, g, INCLUDE, [a, b])
    since = time.time()
    t.router(t.up, LOWER).query(g, [b, c], response=400, qqic=3)
    await t.answers(g, 0.5, since, IS_IN=[b])


@query_row("UQ-SOURCES-EX", "3810 6.3", TEXT, "EXCLUDE(A) answers Q(G, B) with IS_IN(B-A)",
           "TO_EX{a,b}; upstream Q(G, {b,c})", "upstream IS_IN{c}")
async def _(t):
    g, a, b, c = t.asm(), t.source(1), t.source(2), t.source(3)
    await state(t, g, EXCLUDE, [a, b])
    since = time.time()
    t.router(t.up, LOWER).query(g, [b, c], response=400, qqic=3)
    await t.answers(g, 0.5, since, IS_IN=[c])


@query_row("UQ-EMPTY", "3810 6.3", TEXT, "an answer without sources is not sent",
           "ALLOW{a}, upstream Q(G, {b}); TO_EX{a}, upstream Q(G, {a}); Q(H) of an unknown group", "nothing")
async def _(t):
    g1, g2, g3, a, b = t.ssm(), t.asm(), t.asm(), t.source(1), t.source(2)
    r = t.router(t.up, LOWER)
    t.listen((g1, INCLUDE, [a]))
    await state(t, g2, EXCLUDE, [a])
    since = time.time()
    r.query(g1, [b], response=300, qqic=3)
    r.query(g2, [a], response=300, qqic=3)
    r.query(g3, response=300, qqic=3)
    for g in (g1, g2, g3):
        await t.silent(g, 0.6, since, kinds=t.CURRENT)


@query_row("UQ-SOONER", "3810 6.2 rule 1", TEXT,
           "a pending answer to a General Query that comes sooner spares the answer to a specific one",
           "upstream Q() of 100 ms, at once Q(G) of 2 s", "upstream IS_EX(G) once within 100 ms, and no more in 2 s")
async def _(t):
    g, r = t.asm(), t.router(t.up, LOWER)
    for attempt in range(3):  # the specific query's delay may by chance be the smaller one
        t.refresh(g) if attempt else t.listen((g, EXCLUDE, []))
        await t.sleep(1.3 if not attempt else 0.1)
        since = time.time()
        r.query(response=100, qqic=3)
        r.query(g, response=2000, qqic=3)
        await t.sleep(2.2)
        answers = t.said(g, since, t.CURRENT)
        if len(answers) == 1:
            return
        if not answers:
            raise Fail("no answer")
    raise Fail("three times answered twice")


@query_row("UQ-AGAIN", "3810 6.2 rules 1, 2", TEXT,
           "a General Query while the answer to another is pending: one answer, at the sooner of the two times",
           "upstream Q() of 1 s, at once Q() of 500 ms", "upstream IS_EX(G) once within 500 ms, and no more in 1 s")
async def _(t):
    g, r = t.asm(), t.router(t.up, LOWER)
    await state(t, g, EXCLUDE, [])
    for _ in range(3):  # the first may by chance have been answered before the second is heard
        t.refresh(g)
        since = time.time()
        r.query(response=1000, qqic=3)
        r.query(response=500, qqic=3)
        await t.sleep(1.15)
        answers = [packet.time - since for packet, _ in t.said(g, since, t.CURRENT)]
        if len(answers) == 1:
            if answers[0] > 0.6:
                raise Fail(f"answered after {answers[0]:.2f} s")
            return
    raise Fail(f"answered {len(answers)} times")


@query_row("UQ-COMBINE", "3810 6.2 rule 5", TEXT, "answers to Q(G, A) and Q(G, B) that are both pending are one report",
           "ALLOW{a,b}; upstream Q(G, {a}) and Q(G, {b}) of 700 ms", "upstream IS_IN{a,b} once")
async def _(t):
    g, a, b, r = t.ssm(), t.source(1), t.source(2), t.router(t.up, LOWER)
    for _ in range(3):  # the first may by chance have been answered before the second is heard
        await state(t, g, INCLUDE, [a, b]) if not t.said(g) else t.refresh(g)
        since = time.time()
        r.query(g, [a], response=700, qqic=3)
        r.query(g, [b], response=700, qqic=3)
        await t.sleep(0.9)
        answers = [x for _, x in t.said(g, since, t.CURRENT)]
        if answers == [{p.IS_IN: {a, b}}]:
            return
    raise Fail(f"upstream heard {'; '.join(t.show(x) for x in answers)}")


@query_row("UQ-WIDEN", "3810 6.2 rule 4", TEXT, "Q(G) while an answer to Q(G, A) is pending: one answer with the whole state",
           "ALLOW{a,b}; upstream Q(G, {a}) and Q(G) of 700 ms", "upstream IS_IN{a,b} once")
async def _(t):
    g, a, b, r = t.ssm(), t.source(1), t.source(2), t.router(t.up, LOWER)
    for _ in range(3):
        await state(t, g, INCLUDE, [a, b]) if not t.said(g) else t.refresh(g)
        since = time.time()
        r.query(g, [a], response=700, qqic=3)
        r.query(g, response=700, qqic=3)
        await t.sleep(0.9)
        answers = [x for _, x in t.said(g, since, t.CURRENT)]
        if answers == [{p.IS_IN: {a, b}}]:
            return
    raise Fail(f"upstream heard {'; '.join(t.show(x) for x in answers)}")


def query_drop(ident, section, level, text, given, src=None, octets=None, **spoil):
    @query_row(ident, section, level, text, given, "no answer; a good query is answered")
    async def _(t):
        g, r = t.asm(), t.router(t.up, LOWER)
        await state(t, g, EXCLUDE, [])
        since = time.time()
        r.message(g, (octets or (lambda m: m))(p.query2(g, response=200, qqic=3)), src, **spoil)
        await t.silent(g, 0.5, since, kinds=t.CURRENT)
        since = time.time()
        r.query(g, response=200, qqic=3)
        await t.answers(g, 0.4, since, IS_EX=[])


def query_take(ident, section, level, text, given, octets=None, dst=None, router=False, **fields):
    @query_row(ident, section, level, text, given, "the query is answered")
    async def _(t):
        g, r = t.asm(), t.router(t.up, LOWER)
        await state(t, g, EXCLUDE, [])
        since = time.time()
        fields.setdefault("qqic", 3)
        message = (octets or (lambda m: m))(p.query2(g, response=300, **fields))
        r.message(dst or g, message, router=router)
        await t.answers(g, 0.5, since, IS_EX=[])


query_drop("VQ-HOPLIMIT", "3810 6.2", TEXT, "a query with a Hop Limit other than 1 is dropped", "Q(G) with Hop Limit 64",
           hop_limit=64)
query_drop("VQ-NOALERT", "3810 6.2", TEXT, "a query without Router Alert is dropped", "Q(G) without the option",
           router_alert=False)
query_drop("VQ-UNSPECIFIED", "3810 5.1.14", MUST, "a query from the unspecified address is discarded", "Q(G) from ::",
           src="::")
query_drop("VQ-GLOBAL", "3810 5.1.14", MUST, "a query from an address that is not link-local is discarded",
           "Q(G) from a global address", src="2001:db8:10::99")
query_drop("VQ-CHECKSUM", "3810 5.1.2", MUST, "the checksum of a query is verified", "Q(G) with a wrong checksum",
           bad_checksum=True)
query_drop("VQ-LENGTH", "3810 8.1", MUST, "a query of a length that is neither version's is ignored", "Q(G) of 26 octets",
           octets=lambda m: m[:26])
query_drop("VQ-SHORT", "3810 5.1.10", TEXT, "a query that promises more sources than it has is ignored", "Q(G) with N = 3",
           octets=lambda m: m[:26] + b"\0\3")
query_take("VQ-EXTRA", "3810 5.1.12", MUST, "octets after the sources count in the checksum and are ignored",
           "Q(G) and 20 octets more", octets=lambda m: m + b"\x5a" * 20)
query_take("VQ-RESERVED", "3810 5.1.1, 5.1.4", TEXT, "Code and reserved fields are ignored on reception",
           "Q(G) with Code 9 and the reserved field set", code=9, reserved=0xFFFF)
query_take("VQ-SFLAG", "3810 5.1.7", TEXT, "the S flag does not suppress the host's answer", "Q(G) with S = 1",
           s_flag=True)
query_take("VQ-DEST", "3810 5.1.15", MUST, "a query is processed whatever address of the interface it is sent to",
           "Q(G) to the daemon's link-local unicast address", dst="fe80::80:0:0:10", router=True)
query_take("VQ-DEST-NODES", "3810 5.1.15", MUST, "a specific query is processed when it is sent to all nodes",
           "Q(G) to ff02::1", dst=p.ALL_NODES)


@query_row("UQ-MRD-ZERO", "3810 5.1.3", TEXT, "Maximum Response Code 0 is answered without delay",
           "upstream Q(G) with Maximum Response Code 0", "upstream IS_EX{} within 100 ms")
async def _(t):
    g = t.asm()
    await state(t, g, EXCLUDE, [])
    since = time.time()
    t.router(t.up, LOWER).query(g, response=0, qqic=3)
    await t.answers(g, 0.1, since, IS_EX=[])


@query_row("UQ-PACK", "3810 6.3", TEXT, "Current State Records are packed into reports to the extent possible",
           "120 groups; upstream Q() of 500 ms", "upstream IS_IN of all in at most 40 reports within the MTU")
async def _(t):
    groups = [t.ssm() for _ in range(120)]
    t.listen(*[(g, INCLUDE, [t.source(1)]) for g in groups], link=t.d2)
    await t.sleep(1.4)
    since = time.time()
    t.router(t.up, LOWER).query(response=500, qqic=3)
    await t.sleep(0.8)
    reports = {id(packet): packet for g in groups for packet, _ in t.said(g, since, t.CURRENT)}
    missing = [g for g in groups if not t.said(g, since, t.CURRENT)]
    if missing:
        raise Fail(f"{len(missing)} groups were not reported")
    t.notes.append(f"{len(reports)} reports")
    if len(reports) > 40 or max(k.size for k in reports.values()) > t.bed.mtu:
        raise Fail(f"{len(reports)} reports, the largest of {max(k.size for k in reports.values())} octets")


@query_row("UQ-QRV", "3810 5.1.8, 6.1", TEXT, "the Robustness Variable of the querier's last query is used",
           "upstream Q() with QRV 3; TO_EX{} downstream; Q() with QRV 2", "upstream TO_EX{} three times")
async def _(t):
    g, r = t.asm(), t.router(t.up, LOWER)
    r.query(response=100, qrv=3, qqic=3)
    await t.sleep(0.3)
    since = time.time()
    t.listen((g, EXCLUDE, []))
    await t.sleep(2 * t.timers.unsolicited + 0.4)
    told = len(t.said(g, since))
    r.query(response=100, qrv=2, qqic=3)
    await t.sleep(0.2)
    if told != 3:
        raise Fail(f"told {told} times")


@host_row("UQ-FLOAT", "3810 5.1.3, 6.2", TEXT,
     "a Maximum Response Code of 32768 or more is a floating-point value: answers are spread over the delay that it stands for",
     "72 groups; upstream Q(G) with code 0x8001 (32.776 s) for 12 of them, with 0xffff (2 h 19 min) for 60",
     "upstream IS_EX{} of all the 12 within 32.8 s, half of them later than 4 s at least; of the 60 hardly any", bed="slow")
async def _(t):
    soon, late = [t.asm() for _ in range(12)], [t.asm() for _ in range(60)]
    r = t.router(t.up, LOWER)
    t.listen(*[(g, EXCLUDE, []) for g in soon + late])
    await t.sleep(2 * t.timers.unsolicited + 0.3)
    since = time.time()
    for g in soon + late:
        r.query(g, response=0x8001 if g in soon else 0xFFFF, qqic=125)
        await t.sleep(0.01)
    await t.sleep(33.4)
    delays = sorted(packet.time - since for g in soon for packet, _ in t.said(g, since, t.CURRENT)[:1])
    t.notes.append(" ".join(f"{d:.1f}" for d in delays) + " s")
    if len(delays) < 12:
        raise Fail(f"of 12 groups {len(delays)} were answered for: {t.notes[-1]}")
    if delays[6] < 4:
        raise Fail(f"answered after {t.notes[-1]}")
    hasty = sum(bool(t.said(g, since, t.CURRENT)) for g in late)
    if hasty > 4:
        raise Fail(f"of 60 groups {hasty} were answered for within 33 s, where the delay may be 2 h 19 min")
