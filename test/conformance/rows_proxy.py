# SPDX-License-Identifier: BSD-2-Clause
"""The proxy of RFC 4605: what several links want is merged into one membership, and data goes where it is wanted."""
import time

import packets as p
from adapters import FAST_LEAVE, FORWARD, LINKS, PROXY, QUERIER
from bed import Fail
from packets import ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN
from table import MUST, SHOULD, TEXT, row

# ---- the membership database -------------------------------------------------------------------------------


def merged(t, group):
    """The membership that the reports of a row amount to: (mode, sources)."""
    mode, sources = p.TO_IN, set()
    for _, records in t.said(group):
        for kind, some in records.items():
            if kind in (p.TO_IN, p.TO_EX):
                mode, sources = kind, set(some)
            elif (kind == p.ALLOW) == (mode == p.TO_IN):
                sources |= some
            else:
                sources -= some
    return mode, sources


def merge_row(ident, text, given, expected, records, mode, names):
    """`records`: (link, record type, names of sources) in the order they are sent."""
    @row(ident, "4605 4.1; 3810 4.2", TEXT, text, given, expected, needs=[PROXY, LINKS])
    async def _(t):
        g = t.asm()
        source = {n: t.source(i) for i, n in enumerate("abcdef", 1)}
        for link, kind, some in records:
            t.host(getattr(t, link)).report((kind, g, [source[n] for n in some]))
            await t.sleep(0.25)
        await t.sleep(0.4)
        got, want = merged(t, g), (mode, {source[n] for n in names})
        if got != want:
            raise Fail(f"upstream it amounts to {t.show({got[0]: got[1]})}, not {t.show({want[0]: want[1]})}")


merge_row("MG-RFC", "the example of the RFC: an MLDv1-like subscription and INCLUDE(S1,S2) are EXCLUDE({})",
          "d1 TO_EX{}; d2 ALLOW{a,b}", "upstream EXCLUDE{}", [("d1", TO_EX, ""), ("d2", ALLOW, "ab")], TO_EX, "")
merge_row("MG-IN-IN", "INCLUDE and INCLUDE: the union", "d1 ALLOW{a,b}; d2 ALLOW{b,c}", "upstream INCLUDE{a,b,c}",
          [("d1", ALLOW, "ab"), ("d2", ALLOW, "bc")], TO_IN, "abc")
merge_row("MG-EX-EX", "EXCLUDE and EXCLUDE: the intersection", "d1 TO_EX{a,b,c}; d2 TO_EX{b,c,d}", "upstream EXCLUDE{b,c}",
          [("d1", TO_EX, "abc"), ("d2", TO_EX, "bcd")], TO_EX, "bc")
merge_row("MG-EX-IN", "EXCLUDE and INCLUDE: less what is included", "d1 TO_EX{a,b}; d2 ALLOW{b,c}", "upstream EXCLUDE{a}",
          [("d1", TO_EX, "ab"), ("d2", ALLOW, "bc")], TO_EX, "a")
merge_row("MG-THREE", "the example of RFC 3810 4.2: EX{a,b,c,d}, EX{b,c,d,e} and IN{d,e,f} are EX{b,c}",
          "d1 TO_EX{a,b,c,d}; d2 TO_EX{b,c,d,e}; d3 ALLOW{d,e,f}", "upstream EXCLUDE{b,c}",
          [("d1", TO_EX, "abcd"), ("d2", TO_EX, "bcde"), ("d3", ALLOW, "def")], TO_EX, "bc")
merge_row("MG-REQUESTED", "sources whose timers run are not excluded, although the mode is EXCLUDE",
          "d1 IS_IN{a}; another host of d1 IS_EX{a,b}; d2 TO_EX{a,b}", "upstream EXCLUDE{b}",
          [("d1", IS_IN, "a"), ("d1", IS_EX, "ab"), ("d2", TO_EX, "ab")], TO_EX, "b")


@row("MG-V1", "4605 4.1", TEXT, "an MLDv1 subscription is EXCLUDE({}) in the merge", "d2 ALLOW{a}; d1 MLDv1 report",
     "upstream ALLOW{a}; TO_EX{}", needs=[PROXY, LINKS])
async def _(t):
    g, a = t.asm(), t.source(1)
    t.host(t.d2).report((ALLOW, g, [a]))
    await t.says(g, ALLOW=[a])
    since = time.time()
    t.host(t.d1).report1(g)
    await t.says(g, since=since, TO_EX=[])


@row("MG-SECOND", "4605 4.1", TEXT, "a second link that wants the same changes nothing upstream",
     "d1 TO_EX{}; d2 TO_EX{}", "upstream TO_EX{} for the first alone", needs=[PROXY, LINKS])
async def _(t):
    g = t.asm()
    t.host(t.d1).join(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    t.host(t.d2).join(g)
    await t.silent(g, 0.8, since)


@row("MG-LAST", "4605 4.1", TEXT, "the group is left upstream when the last link leaves it, not before",
     "d1 and d2 TO_EX{}; d1 TO_IN{}; d2 TO_IN{}", "upstream nothing after the first; TO_IN{} after the second",
     needs=[PROXY, LINKS])
async def _(t):
    g, h1, h2 = t.asm(), t.host(t.d1), t.host(t.d2)
    h1.join(g)
    h2.join(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    h1.leave(g)
    await t.silent(g, t.timers.last_listener_time + 0.4, since)
    since = time.time()
    h2.leave(g)
    await t.says(g, since=since, within=t.timers.last_listener_time + 0.4, TO_IN=[])


@row("MG-TO_IN", "4605 4.1", TEXT, "when the last link in EXCLUDE leaves, what the others include remains",
     "d1 TO_EX{}; d2 ALLOW{a}; d1 TO_IN{}", "upstream TO_EX{}; after LLQT TO_IN{a}", needs=[PROXY, LINKS])
async def _(t):
    g, h1, a = t.asm(), t.host(t.d1), t.source(1)
    h1.join(g)
    await t.says(g, TO_EX=[])
    t.host(t.d2).report((ALLOW, g, [a]))
    await t.settle(g)
    since = time.time()
    h1.leave(g)
    await t.says(g, since=since, within=t.timers.last_listener_time + 0.4, TO_IN=[a])


@row("MG-QUERIED-LINK", "4605 4.1", TEXT, "the router side of each link is its own: a leave is asked about on its link alone",
     "d1 and d2 TO_EX{}; d1 TO_IN{}", "Q(G) on d1, none on d2", needs=[QUERIER, LINKS])
async def _(t):
    g, h1 = t.asm(), t.host(t.d1)
    h1.join(g)
    t.host(t.d2).join(g)
    await t.sleep(0.3)
    since = time.time()
    h1.leave(g)
    await t.queried(t.d1, g, since=since)
    await t.sleep(t.timers.last_listener_time)
    if t.queries(t.d2, g) or t.queries(t.d3, g):
        raise Fail("another link was asked")

@row("FP-NOROUTER", "4605 3", MUST, "the router part of MLD is not performed upstream: its hosts are not listened to",
     "a host of the upstream link TO_EX{}, data on d1; TO_IN{}", "no query and no record upstream; no data on d2 and d3",
     needs=[PROXY, LINKS])
async def _(t):
    g, h = t.asm(), t.host(t.up)
    since = time.time()
    h.join(g)
    await t.silent(g, 0.3, since, kinds=t.CHANGES + t.CURRENT)
    if FORWARD in t.bed.adapter.features:
        await t.passes(t.d1, t.source(1, 11), g, ["up"], within=2)
    h.leave(g)
    await t.never(t.up, lambda k: k.kind == "query", t.timers.last_listener_time, since, "a query")
    if t.said(g, since):
        raise Fail("it was reported upstream")


# ---- forwarding --------------------------------------------------------------------------------------------


def forward_row(ident, section, level, text, given, expected, needs=(PROXY, LINKS, FORWARD), **kw):
    return row(ident, section, level, text, given, expected, needs=needs, **kw)


def router_row(*args):
    """What any router that forwards is held to, a proxy or not."""
    return row(*args, needs=(QUERIER, LINKS, FORWARD))


@router_row("FW-MEMBERS", "4605 4.2", TEXT, "data from upstream goes to the links that want it, and to no other",
             "d1 and d3 TO_EX{}; data upstream", "data on d1 and d3")
async def _(t):
    g = t.asm()
    await t.passes(t.up, t.source(1), g, [], hold=False)
    t.host(t.d1).join(g)
    t.host(t.d3).join(g)
    await t.passes(t.up, t.source(1), g, ["d1", "d3"])


@router_row("FW-SSM", "4605 4.2, 3810 7.3", TEXT, "of a group in INCLUDE the sources asked for pass, and no other",
             "d1 ALLOW{a}; d2 ALLOW{b}; data of a, b, c", "a on d1, b on d2, c nowhere")
async def _(t):
    g, a, b, c = t.ssm(), t.source(1), t.source(2), t.source(3)
    t.host(t.d1).report((ALLOW, g, [a]))
    t.host(t.d2).report((ALLOW, g, [b]))
    await t.passes(t.up, a, g, ["d1"])
    await t.passes(t.up, b, g, ["d2"])
    await t.passes(t.up, c, g, [])


@router_row("FW-EXCLUDE", "4605 4.2, 3810 7.3", TEXT, "of a group in EXCLUDE the excluded sources do not pass",
             "d1 TO_EX{a}; data of a and b", "b on d1, a nowhere")
async def _(t):
    g, a, b = t.asm(), t.source(1), t.source(2)
    t.host(t.d1).report((TO_EX, g, [a]))
    await t.passes(t.up, b, g, ["d1"])
    await t.passes(t.up, a, g, [])


@router_row("FW-MIXED", "4605 4.2, 3810 7.3", TEXT, "each link gets what it asked for, whatever the others asked for",
             "d1 TO_EX{}; d2 ALLOW{a}; d3 TO_EX{a}; data of a and b", "a on d1 and d2; b on d1 and d3")
async def _(t):
    g, a, b = t.asm(), t.source(1), t.source(2)
    t.host(t.d1).join(g)
    t.host(t.d2).report((ALLOW, g, [a]))
    t.host(t.d3).report((TO_EX, g, [a]))
    await t.passes(t.up, a, g, ["d1", "d2"])
    await t.passes(t.up, b, g, ["d1", "d3"])


@forward_row("FW-UP", "4605 4.2", TEXT, "data from a downstream link goes upstream, wanted by somebody or not",
             "data on d2, no member", "data upstream")
async def _(t):
    await t.passes(t.d2, t.source(1, 12), t.asm(), ["up"], within=2)


@forward_row("FW-ACROSS", "4605 4.2", TEXT,
             "data from a downstream link goes to the other downstream links that want it too, and never back",
             "d1, d2 TO_EX{}; data on d1", "data on d2 and upstream")
async def _(t):
    g = t.asm()
    t.host(t.d1).join(g)
    t.host(t.d2).join(g)
    await t.passes(t.d1, t.source(1, 11), g, ["d2", "up"], within=2)


@forward_row("FW-ACROSS-SSM", "4605 4.2", TEXT, "and by the sources they ask for", "d2 ALLOW{a}, d3 ALLOW{b}; data of a on d1",
             "data on d2 and upstream")
async def _(t):
    g, a, b = t.ssm(), t.source(1, 11), t.source(2, 11)
    t.host(t.d2).report((ALLOW, g, [a]))
    t.host(t.d3).report((ALLOW, g, [b]))
    await t.passes(t.d1, a, g, ["d2", "up"], within=2)


@router_row("FW-FIRST", "4605 4.2", MUST,
             "a cache of decisions is updated when a membership changes: data that runs already passes after the join",
             "data every 10 ms; then TO_EX{}", "data on d1 within 0.3 s of the join")
async def _(t):
    g, a = t.asm(), t.source(1)
    for _ in range(30):
        t.up.send(g, p.udp6(a, g, b"before %d" % t.number))
        await t.sleep(0.01)
    since = time.time()
    t.host(t.d1).join(g)
    tag = b"after %d" % t.number
    while not t.d1.by_tag.get(tag):
        if time.time() - since > 0.6:
            raise Fail("no data passed")
        t.up.send(g, p.udp6(a, g, tag))
        await t.sleep(0.01)
    if t.d1.by_tag[tag][0].time - since > 0.3:
        raise Fail(f"data passed after {t.d1.by_tag[tag][0].time - since:.2f} s")


@router_row("FW-STOP", "4605 4.2", MUST, "a cache of decisions is updated when a membership ends",
             "TO_EX{}; data; TO_IN{}", "no data on d1 after LLQT")
async def _(t):
    g, h, a = t.asm(), t.host(t.d1), t.source(1)
    h.join(g)
    await t.passes(t.up, a, g, ["d1"])
    h.leave(g)
    await t.sleep(t.timers.last_listener_time + 0.1)
    await t.passes(t.up, a, g, [], within=0.3)


@router_row("FW-ADD", "4605 4.2", MUST, "a cache of decisions is updated when another link joins, or another source",
             "d1 ALLOW{a}; data of a and b; d2 ALLOW{a}; d1 ALLOW{b}", "a on d1; then on d1 and d2; b on d1")
async def _(t):
    g, h, a, b = t.ssm(), t.host(t.d1), t.source(1), t.source(2)
    h.report((ALLOW, g, [a]))
    await t.passes(t.up, a, g, ["d1"])
    await t.passes(t.up, b, g, [])
    t.host(t.d2).report((ALLOW, g, [a]))
    await t.passes(t.up, a, g, ["d1", "d2"], within=0.4)
    h.report((ALLOW, g, [b]))
    await t.passes(t.up, b, g, ["d1"], within=0.4)


@router_row("FW-MODE", "4605 4.2, 3810 7.5", MUST, "and when the mode changes", "TO_EX{}; TO_EX{a}; ALLOW{a}",
             "a passes; after LLQT not; after ALLOW again")
async def _(t):
    g, h, a = t.asm(), t.host(t.d1), t.source(1)
    h.join(g)
    await t.passes(t.up, a, g, ["d1"])
    h.report((TO_EX, g, [a]))
    await t.sleep(t.timers.last_listener_time + 0.1)
    await t.passes(t.up, a, g, [], within=0.4)
    h.report((ALLOW, g, [a]))
    await t.passes(t.up, a, g, ["d1"], within=0.4)


@router_row("FW-LINKLOCAL", "4291 2.7; 4605 4.2", TEXT, "groups of interface-local and link-local scope are never forwarded",
     "d1 TO_EX{ff02::c:x}, TO_EX{ff12::c:x}; data to them on up0 and d2; then a global group",
     "data of the global group alone")
async def _(t):
    for prefix in ("ff02", "ff12", "ff11"):
        g = p.text(p.raw(f"{prefix}::c:0:{t.number:x}"))
        t.host(t.d1).join(g)
        await t.sleep(0.2)
        for link in (t.up, t.d2):
            await t.passes(link, t.source(1), g, [], within=0)
    g = t.asm()
    t.host(t.d1).join(g)
    await t.passes(t.up, t.source(1), g, ["d1"])


@router_row("FW-SOURCE-LOCAL", "4291 2.5.6", MUST, "data from a link-local source is not forwarded",
     "d1 TO_EX{}; data from fe80::5 upstream; then from a global source", "the second alone on d1")
async def _(t):
    g = t.asm()
    t.host(t.d1).join(g)
    await t.passes(t.up, t.source(1), g, ["d1"])
    await t.passes(t.up, "fe80::5", g, [], within=0)


@router_row("FW-HOPLIMIT", "8200 3; 4605 4.2", TEXT, "forwarding counts the Hop Limit down", "data with Hop Limit 9 and 2",
     "data with Hop Limit 8 and 1")
async def _(t):
    g = t.asm()
    t.host(t.d1).join(g)
    await t.passes(t.up, t.source(1), g, ["d1"], hop_limit=9)
    await t.passes(t.up, t.source(1), g, ["d1"], hop_limit=2)


@router_row("FW-HOPLIMIT-1", "8200 3", TEXT, "data with Hop Limit 1 is not forwarded", "d1 TO_EX{}; data with Hop Limit 1 and 0",
     "no data on d1")
async def _(t):
    g = t.asm()
    t.host(t.d1).join(g)
    await t.passes(t.up, t.source(1), g, ["d1"])
    for hop_limit in (1, 0):
        await t.passes(t.up, t.source(1), g, [], within=0, hop_limit=hop_limit)


@router_row("FW-SAME", "4605 4.2", TEXT, "forwarded data is what was sent, octet by octet but for the Hop Limit",
     "data of 1 200 octets", "the same on d1")
async def _(t):
    g, a = t.asm(), t.source(1)
    t.host(t.d1).join(g)
    await t.passes(t.up, a, g, ["d1"])
    payload = bytes(i * 7 & 255 for i in range(1200))
    sent = p.udp6(a, g, payload, 33)
    since = time.time()
    t.up.send(g, sent)
    got = await t.first(t.d1, lambda k: k.kind == "udp" and k.payload == payload, 0.5, since, "the data")
    if got.frame[14:] != sent[:7] + bytes([32]) + sent[8:]:
        raise Fail("the packet was changed")
    if got.mac != p.mac_of_group(g):
        raise Fail(f"link-layer destination {got.mac.hex(':')}")


@forward_row("FW-SCOPES", "4291 2.7; 4605 4.2", TEXT, "groups of admin-, site-, organisation-local and global scope are proxied",
             "TO_EX{} of ff14::, ff15::, ff18::, ff1e:: groups", "upstream TO_EX{} of each; data on d1")
async def _(t):
    for prefix in ("ff14", "ff15", "ff18", "ff1e"):
        g = p.text(p.raw(f"{prefix}::c:0:{t.number:x}"))
        since = time.time()
        t.host(t.d1).join(g)
        await t.says(g, since=since, TO_EX=[])
        await t.passes(t.up, t.source(1), g, ["d1"])

# ---- leaving without a query ---------------------------------------------------------------------------------


@row("FL-LEAVE", "3810 A.2; 6636 5", TEXT, "fast leave: where the last known listener leaves nobody is asked",
     "fast leave; TO_EX{}; TO_IN{}", "no query; upstream TO_IN{} within 0.3 s; data stops", bed="fast", needs=[PROXY, FAST_LEAVE])
async def _(t):
    g, h, a = t.asm(), t.host(t.d1), t.source(1)
    h.join(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    h.leave(g)
    await t.says(g, since=since, within=0.3, TO_IN=[])
    if FORWARD in t.bed.adapter.features:
        await t.passes(t.up, a, g, [], within=0.2)
    if t.queries(t.d1, g):
        raise Fail("a query was sent")


@row("FL-SOURCE", "3810 A.2; 6636 5", TEXT, "fast leave of a source", "fast leave; ALLOW{a,b}; BLOCK{a}",
     "no query; upstream BLOCK{a} within 0.3 s", bed="fast", needs=[PROXY, FAST_LEAVE])
async def _(t):
    g, h, a, b = t.ssm(), t.host(t.d1), t.source(1), t.source(2)
    h.report((ALLOW, g, [a, b]))
    await t.says(g, ALLOW=[a, b])
    await t.settle(g)
    since = time.time()
    h.report((BLOCK, g, [a]))
    await t.says(g, since=since, within=0.3, BLOCK=[a])
    if t.queries(t.d1, g):
        raise Fail("a query was sent")


@row("FL-OTHERS", "3810 A.2; 6636 5", TEXT, "fast leave: where others listen the group stays",
     "fast leave; two hosts TO_EX{}; one TO_IN{}; the other repeats IS_EX{}", "upstream nothing", bed="fast", needs=[PROXY, FAST_LEAVE])
async def _(t):
    g, h1, h2 = t.asm(), t.host(t.d1, 1), t.host(t.d1, 2)
    h1.join(g)
    h2.join(g)
    await t.says(g, TO_EX=[])
    await t.settle(g)
    since = time.time()
    h1.leave(g)
    await t.sleep(0.1)
    h2.report((IS_EX, g))
    await t.silent(g, t.timers.last_listener_time + 0.5, since)


@row("FL-MODE", "3810 6.1", TEXT, "a join and a leave in quick succession end as a leave",
     "fast leave; TO_EX{}; at once TO_IN{}", "upstream TO_EX{}, then TO_IN{} twice", bed="fast", needs=[PROXY, FAST_LEAVE])
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    since = time.time()
    h.join(g)
    await t.says(g, since=since, TO_EX=[])
    h.leave(g)
    await t.sleep(t.timers.unsolicited + 0.5)
    said = [r for _, r in t.said(g)]
    if said[-1] != {p.TO_IN: set()} or said.count({p.TO_IN: set()}) != t.timers.upstream_robustness:
        raise Fail("upstream heard " + "; ".join(t.show(r) for r in said))
