# SPDX-License-Identifier: BSD-2-Clause
"""What is dropped before it changes anything, and what is to be understood although it looks odd. Each row also shows
that the same host is heard when it speaks well, so that none passes because nothing is heard at all."""
import random
import struct
import time

import packets as p
from adapters import STATE
from bed import Fail
from packets import ALLOW, IS_IN, TO_EX
from table import MUST, TEXT, row


async def dropped(t, send):
    """`send(host, group)` must change nothing."""
    g, h = t.asm(), t.host(t.d1)
    since = time.time()
    send(h, g)
    await t.unheard(g, 0.6, since)
    since = time.time()
    h.join(g)
    await t.joined(g, since)


async def taken(t, send):
    """`send(host, group)` must be understood as TO_EX{}."""
    g = t.asm()
    since = time.time()
    send(t.host(t.d1), g)
    await t.joined(g, since)


def drop(ident, section, level, text, given, send):
    @row(ident, section, level, text, given, "upstream nothing; after a good report TO_EX{}", needs=[STATE])
    async def _(t):
        await dropped(t, send)


def take(ident, section, level, text, given, send):
    @row(ident, section, level, text, given, "upstream TO_EX{}", needs=[STATE])
    async def _(t):
        await taken(t, send)


def join(g):
    return p.report2([p.record(TO_EX, g)])


drop("VR-HOPLIMIT", "3810 7.4", TEXT, "a report with a Hop Limit other than 1 is dropped", "TO_EX{} with Hop Limit 2",
     lambda h, g: h.report((TO_EX, g), hop_limit=2))
drop("VR-HOPLIMIT-255", "3810 7.4", TEXT, "a report with a Hop Limit other than 1 is dropped",
     "TO_EX{} with Hop Limit 255", lambda h, g: h.report((TO_EX, g), hop_limit=255))
drop("VR-NOALERT", "3810 7.4", TEXT, "a report without the Router Alert option is dropped",
     "TO_EX{} with a Hop-by-Hop header of padding", lambda h, g: h.report((TO_EX, g), router_alert=False))
drop("VR-NOHBH", "3810 7.4", TEXT, "a report without a Hop-by-Hop header is dropped", "TO_EX{} right after the IPv6 header",
     lambda h, g: h.report((TO_EX, g), hop_by_hop=False))
drop("VR-GLOBAL", "3810 5.2.13", MUST, "a report whose source is not link-local is dropped",
     "TO_EX{} from a global address", lambda h, g: h.report((TO_EX, g), src="2001:db8:11::77"))
drop("VR-UNSPECIFIED", "3810 5.2.13", MUST, "a report from the unspecified address is dropped by routers",
     "TO_EX{} from ::", lambda h, g: h.report((TO_EX, g), src="::"))
drop("VR-CHECKSUM", "3810 5.2.2", MUST, "the checksum of a report is verified", "TO_EX{} with a wrong checksum",
     lambda h, g: h.report((TO_EX, g), bad_checksum=True))
drop("VR-SHORT-RECORD", "3810 5.2", TEXT, "a report that ends within its only record changes nothing",
     "TO_EX whose group is cut off after 8 octets",
     lambda h, g: h.message(p.ALL_MLD2_ROUTERS, join(g)[:-8]))
drop("VR-SHORT-SOURCES", "3810 5.2", TEXT, "a record that promises more sources than there are octets changes nothing",
     "ALLOW with N = 500 and one source",
     lambda h, g: h.message(p.ALL_MLD2_ROUTERS, p.report2([p.record(ALLOW, g, ["2001:db8::1"], count=500)])))
drop("VR-NORECORDS", "3810 5.2.3", TEXT, "records beyond the Number of Records are not looked at",
     "a report of 0 records, followed by TO_EX{}",
     lambda h, g: h.message(p.ALL_MLD2_ROUTERS, p.report2([p.record(TO_EX, g)], count=0)))
drop("VR-TYPE", "3810 5", MUST, "unknown message types are silently ignored", "a report's octets with ICMPv6 type 160",
     lambda h, g: h.message(p.ALL_MLD2_ROUTERS, p.report2([p.record(TO_EX, g)], kind=160)))
drop("VR-RECORDTYPE", "3810 5.2.12", MUST, "a record of unknown type is ignored", "record type 7",
     lambda h, g: h.report((7, g)))

take("VR-AUX", "3810 5.2.10", MUST, "auxiliary data is skipped", "TO_EX{} with 8 octets of auxiliary data",
     lambda h, g: h.message(p.ALL_MLD2_ROUTERS, p.report2([p.record(TO_EX, g, aux=b"\xde\xad\xbe\xef" * 2)])))
take("VR-EXTRA", "3810 5.2.11", MUST, "octets after the last record count in the checksum and are ignored",
     "TO_EX{} and 12 octets more", lambda h, g: h.message(p.ALL_MLD2_ROUTERS, join(g) + b"\xff" * 12))
take("VR-RESERVED", "3810 5.2.1", TEXT, "reserved fields are ignored on reception", "TO_EX{}, both reserved fields set",
     lambda h, g: h.message(p.ALL_MLD2_ROUTERS, p.report2([p.record(TO_EX, g)], code=0xA5, reserved=0xFFFF)))
take("VR-RECORDTYPE-REST", "3810 5.2.12", MUST, "the records after one of unknown type are processed",
     "record type 9 with a source and auxiliary data; TO_EX{}",
     lambda h, g: h.message(p.ALL_MLD2_ROUTERS, p.report2([
         p.record(9, "ff1e::bad:1", ["2001:db8::1"], aux=b"\0" * 4), p.record(TO_EX, g)])))
take("VR-ALERT-PADDED", "3810 7.4", TEXT, "the Router Alert option may stand anywhere in the Hop-by-Hop header",
     "PadN before the Router Alert", lambda h, g: h.report((TO_EX, g), router_alert=bytes.fromhex("010005020000")))


@row("VR-AUX-NEXT", "3810 5.2.10", MUST, "the record after auxiliary data is found",
     "TO_EX{} of two groups, the first with auxiliary data", "upstream TO_EX{} of both", needs=[STATE])
async def _(t):
    g1, g2 = t.asm(), t.asm()
    since = time.time()
    t.host(t.d1).message(p.ALL_MLD2_ROUTERS,
                         p.report2([p.record(TO_EX, g1, aux=b"\x01" * 12), p.record(TO_EX, g2)]))
    await t.joined(g1, since)
    await t.joined(g2, since)


@row("VR-EMPTY-IS_IN", "3810 7.4.1", TEXT, "IS_IN{} and ALLOW{} of an unknown group create nothing",
     "IS_IN{} and ALLOW{}; then ALLOW{a}", "upstream nothing; then ALLOW{a}")
async def _(t):
    g, h, a = t.asm(), t.host(t.d1), t.source(1)
    since = time.time()
    h.report((IS_IN, g), (ALLOW, g))
    await t.silent(g, 0.6, since)
    since = time.time()
    h.report((ALLOW, g, [a]))
    await t.says(g, since=since, ALLOW=[a])


@row("VR-NOGROUP", "3810 5.2.8", TEXT, "a record whose group is no multicast address is not believed",
     "TO_EX{2001:db8::1}; in another report TO_EX{group}", "upstream the group alone")
async def _(t):
    g, h = t.asm(), t.host(t.d1)
    since = time.time()
    h.report((TO_EX, "2001:db8::1"))
    h.report((TO_EX, g))
    await t.says(g, since=since, TO_EX=[])
    if t.said("2001:db8::1", since):
        raise Fail("a unicast address was reported as a group")


@row("VR-SSM-EXCLUDE", "4604 2.2.2; 4605 4.3", TEXT, "EXCLUDE records for source-specific groups are ignored",
     "TO_EX{} and IS_EX{} of ff3e::/32 groups; then ALLOW{a}", "upstream nothing; then ALLOW{a}")
async def _(t):
    g1, g2, h, a = t.ssm(), t.ssm(), t.host(t.d1), t.source(1)
    since = time.time()
    h.report((TO_EX, g1), (p.IS_EX, g2))
    await t.silent(g1, 0.6, since)
    await t.silent(g2, 0, since)
    since = time.time()
    h.report((ALLOW, g1, [a]))
    await t.says(g1, since=since, ALLOW=[a])


@row("VR-SCOPE", "3810 6; 4605 4.2", TEXT, "groups of interface-local and link-local scope are not reported upstream",
     "TO_EX{} of ff01::.., ff02::.., ff11::.., ff12::..; then a global one", "upstream the global one alone")
async def _(t):
    g = t.asm()
    local = [p.text(p.raw(f"{x}::c:{t.number:x}")) for x in ("ff01", "ff02", "ff11", "ff12", "ff32")]
    since = time.time()
    t.host(t.d1).report(*[(TO_EX, x) for x in local], (TO_EX, g))
    await t.says(g, since=since, TO_EX=[])
    for x in local:
        await t.silent(x, 0.3, since, kinds=t.CHANGES + t.CURRENT)


@row("VR-GARBAGE", "3810 5", TEXT, "no malformed message stops the daemon", "400 messages with octets changed, cut or added",
     "a good report is understood afterwards", needs=[STATE])
async def _(t):
    dice, h = random.Random(3810), t.host(t.d3)
    for i in range(400):
        g = p.text(p.raw(f"ff1e::bad:{i:x}"))
        octets = bytearray(dice.choice([
            p.report2([p.record(dice.randrange(8), g, ["2001:db8::1"] * dice.randrange(4), aux=b"\0" * 4 * dice.randrange(3))
                       for _ in range(dice.randrange(4))], count=dice.choice((None, None, 0, 1, 9, 65535))),
            p.message1(dice.choice((p.REPORT1, p.DONE1)), g)]))
        for _ in range(dice.randrange(4)):
            octets[dice.randrange(1, len(octets))] = dice.randrange(256)
        octets = bytes(octets[:dice.randrange(4, len(octets) + 1)]) + b"\0" * dice.choice((0, 0, 1, 40))
        options = struct.pack("!BB", 5, dice.randrange(6)) + bytes(dice.randrange(256) for _ in range(4))
        h.message(p.ALL_MLD2_ROUTERS, octets, router_alert=options if dice.random() < 0.2 else True)
        if i % 50 == 49:
            await t.sleep(0.05)
    g = t.asm()
    since = time.time()
    t.host(t.d1).join(g)
    await t.joined(g, since, within=1)
    if t.bed.adapter.dead():
        raise Fail(t.bed.adapter.dead())


@row("VR-DEST", "3810 5.2.14", TEXT, "a report is understood whatever address of ours it is sent to",
     "TO_EX{} to the daemon's link-local unicast address", "upstream TO_EX{}", needs=[STATE])
async def _(t):
    g = t.asm()
    since = time.time()
    t.host(t.d1).report((TO_EX, g), dst="fe80::80:0:0:11", router=True)
    await t.joined(g, since)


@row("VR-ORDER", "3810 5.2.4", TEXT, "many records of one report are all processed",
     "TO_EX{} of 60 groups in one report", "upstream TO_EX{} of each")
async def _(t):
    groups = [t.asm() for _ in range(60)]
    since = time.time()
    t.host(t.d2).report(*[(TO_EX, g) for g in groups])
    for g in groups:
        await t.says(g, since=since, TO_EX=[])
