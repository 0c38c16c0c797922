# SPDX-License-Identifier: BSD-2-Clause
"""The test bed: a proxy daemon in a namespace of its own between one upstream and three downstream links, whose other
ends are packet sockets of ours. Nothing but the rows speaks on these links.

    namespace <prefix>-dut                        namespace <prefix>-net
      up0  fe80::80:0:0:10, 2001:db8:10::1/64  ----  up0   Link "up"
      d1   fe80::80:0:0:11, 2001:db8:11::1/64  ----  d1    Link "d1"
      d2, d3                                         d2, d3

The daemon's interface identifiers stand in the middle, so that a neighbour's address may be lower or higher."""
import asyncio
import os
import socket
import struct
import subprocess
import time
from collections import defaultdict

import namespaces
import packets as p
from adapters import PROXY

UPSTREAM, DOWNSTREAMS = "up0", ("d1", "d2", "d3")
LOWER, HIGHER = "fe80::1:0:0:1", "fe80::ff:0:0:1"
FIRST_QUERY = 8.0  # seconds that a daemon may take to its first query once it runs
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
PACKET_OUTGOING = 4


class Fail(Exception):
    """What was seen is not what is required."""



def run(*args, **kw):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw).stdout


class Link:
    """Our end of a link: sends frames, keeps all that the daemon sent."""

    def __init__(self, bed, name, sock):
        self.bed, self.name, self.sock = bed, name, sock
        self.heard = []
        self.by_group = defaultdict(list)  # group -> [(packet, [records])], of MLDv2 reports
        self.by_tag = defaultdict(list)    # payload of a data packet -> packets
        self.waiting = []

    # ---- hearing

    def ready(self):
        while True:
            try:
                frame, control, _, address = self.sock.recvmsg(65536, 256)
            except (BlockingIOError, OSError):  # or the link is down
                break
            if address[2] == PACKET_OUTGOING:
                continue
            stamp = time.time()
            for level, kind, data in control:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("ll", data[:16])
                    stamp = seconds + nanoseconds / 1e9
            self._take(p.Packet(frame, stamp))
        for future in self.waiting:
            if not future.done():
                future.set_result(None)
        self.waiting.clear()

    def _take(self, packet):
        if not packet.kind:
            return
        self.heard.append(packet)
        if packet.kind == "udp":
            self.by_tag[packet.payload].append(packet)
        groups = defaultdict(list)
        for r in packet.records:
            groups[r.group].append(r)
        for group, records in groups.items():
            self.by_group[group].append((packet, records))

    async def until(self, deadline):
        """Until something is heard, or the deadline."""
        left = deadline - time.time()
        if left <= 0:
            return
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        try:
            await asyncio.wait_for(future, left)
        except asyncio.TimeoutError:
            pass

    # ---- saying

    def send(self, dst, packet, mac=None):
        """`dst`: a group, or "router" for the daemon's own MAC address. Returns the frame."""
        to = self.bed.macs[self.name] if dst == "router" else p.mac_of_group(dst)
        frame = p.ether(to, mac or b"\x02\0\0\0\0\xfe", packet)
        try:
            self.sock.send(frame)
        except OSError:
            if not self.bed.down:
                raise
        return frame


class Bed:
    """Namespaces, links and the daemon. `settings` are for the adapter; see adapters/__init__.py."""

    def __init__(self, name, adapter_class, settings, mtu=1500):
        self.prefix = f"cf{os.getpid()}-{name}"
        self.dut, self.net = self.prefix + "-dut", self.prefix + "-net"
        self.links, self.macs, self.namespaces = {}, {}, []
        self.down = False
        self.mtu = mtu
        self.make_adapter = lambda: adapter_class(self, settings)
        self.adapter = self.make_adapter()
        self.timers = self.adapter.timers
        self.log = ""       # of daemons that died
        self.told_interval = False  # a Query Interval by a querier upstream
        self.nameless = []  # [from, until] when its upstream link had no link-local address
        self.started, self.first_query = 0.0, 0.0  # and within so many seconds its first query is to come

    def setup(self):
        for ns in (self.dut, self.net):
            run("ip", "netns", "add", ns)
            self.namespaces.append(ns)
        run("ip", "netns", "exec", self.dut, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1",
            *(f"net.ipv6.conf.{c}.{k}" for c in ("all", "default")
              for k in ("accept_dad=0", "accept_ra=0", "router_solicitations=0")))
        run("ip", "netns", "exec", self.dut, "sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1")
        run("ip", "netns", "exec", self.net, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        lines = ["link set lo up"]
        for i, name in enumerate((UPSTREAM,) + DOWNSTREAMS):
            mtu = self.mtu if name == UPSTREAM else 1500
            lines += [f"link add {name} address 02:00:00:00:01:{0x10 + i:02x} mtu {mtu} type veth "
                      f"peer name {name} address 02:00:00:00:02:{0x10 + i:02x} mtu 1500 netns {self.net}",
                      f"addr add fe80::80:0:0:{10 + i}/64 dev {name} nodad scope link",
                      f"addr add 2001:db8:{10 + i}::1/64 dev {name} nodad",
                      f"link set {name} up"]
            self.macs[name] = bytes([2, 0, 0, 0, 1, 0x10 + i])
        run("ip", "-n", self.dut, "-batch", "-", input="\n".join(lines) + "\n")
        run("ip", "-n", self.net, "-batch", "-",
            input="".join(f"link set {n} up\n" for n in (UPSTREAM,) + DOWNSTREAMS))
        self._sockets()

    def _sockets(self):
        with namespaces.inside(self.net):
            for name in (UPSTREAM,) + DOWNSTREAMS:
                sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
                sock.bind((name, 0x86DD))
                sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
                sock.setblocking(False)
                self.links["up" if name == UPSTREAM else name] = Link(self, name, sock)

    async def start(self):
        loop = asyncio.get_running_loop()
        for link in self.links.values():
            loop.add_reader(link.sock, link.ready)
        await self._start_daemon()

    async def _start_daemon(self):
        self.started = time.time()
        await asyncio.get_running_loop().run_in_executor(None, self.adapter.start, UPSTREAM, list(DOWNSTREAMS))
        self.first_query = time.time() - self.started + FIRST_QUERY

    async def restart(self):
        """A daemon that died is run anew."""
        self.log += self.adapter.output()[-2000:]
        self.adapter.stop()
        self.adapter = self.make_adapter()
        await self._start_daemon()

    def set_link(self, name, state):
        """Carrier of a daemon's link: "up" or "down"."""
        self.down = state == "down"
        run("ip", "-n", self.net, "link", "set", name, state)

    def set_address(self, name, old, new):
        """Another link-local address of a daemon's link, or None for none."""
        if new:
            run("ip", "-n", self.dut, "addr", "add", f"{new}/64", "dev", name, "nodad", "scope", "link")
            for times in self.nameless:
                times[1] = min(times[1], time.time())
        if old:
            run("ip", "-n", self.dut, "addr", "del", f"{old}/64", "dev", name)
            if not new:
                self.nameless.append([time.time(), float("inf")])

    def close(self):
        try:
            self.adapter.stop()
        finally:
            for link in self.links.values():
                link.sock.close()
            for ns in self.namespaces:
                subprocess.run(["ip", "netns", "del", ns], check=False, stderr=subprocess.DEVNULL)


class Host:
    """A neighbour of the daemon on a link, with a link-local address and a MAC address of its own."""

    def __init__(self, row, link, address, number):
        self.row, self.link, self.address = row, link, address
        self.mac = b"\x02\x00\x00" + struct.pack("!I", number)[1:]

    def message(self, dst, octets, src=None, router=False, **spoil):
        """An MLD message, `spoil` as in packets.mld()."""
        packet = p.mld(src or self.address, dst, octets, **spoil)
        self.row.speaks()
        self.row.said_by_us(self.link, self.link.send("router" if router else dst, packet, self.mac))

    def report(self, *records, dst=p.ALL_MLD2_ROUTERS, src=None, **spoil):
        self.message(dst, p.report2([p.record(*r) for r in records]), src, **spoil)

    def join(self, group):
        self.report((p.TO_EX, group))

    def leave(self, group):
        self.report((p.TO_IN, group))

    def query(self, group="::", sources=(), src=None, **fields):
        dst = p.ALL_NODES if group == "::" else group
        self.message(dst, p.query2(group, sources, **fields), src)

    def report1(self, group, **spoil):
        self.message(group, p.message1(p.REPORT1, group), **spoil)

    def done1(self, group):
        self.message(p.ALL_ROUTERS, p.message1(p.DONE1, group))

    def query1(self, group="::", response=1000, src=None):
        self.message(p.ALL_NODES if group == "::" else group, p.message1(p.QUERY, group, response), src)


class Row:
    """What a row works with: links `up`, `d1`..., hosts, groups nobody else uses, and what may be expected."""

    numbers = 0

    def __init__(self, bed, ident):
        Row.numbers += 1
        self.bed, self.ident, self.number = bed, ident, Row.numbers
        self.timers = bed.timers
        self.used = 0
        self.spoke, self.waited = time.time(), True
        for name, link in bed.links.items():
            setattr(self, name, link)
        self.notes = []
        self.began = time.time()
        self.groups, self.touched = set(), set()  # what the row is about, and the links it spoke on
        self.spoken = []                          # (time, link name, what it sent: a frame, or words)
        self.listening = {}                       # group -> (mode, sources) asked for by listen()

    def speaks(self):
        """`spoke` is when the row's hosts began to speak after it last waited: what they cause is heard from then on."""
        if self.waited:
            self.spoke, self.waited = time.time(), False

    # ---- what happened, for who reads a failure

    def said_by_us(self, link, frame):
        self.touched.add(link.name)
        self.spoken.append((time.time(), link.name, frame))

    def about_us(self, link, packet):
        if packet.kind == "udp":
            return packet.payload.startswith(b"conformance %d " % self.number)
        return (packet.group in self.groups or any(r.group in self.groups for r in packet.records) or
                packet.kind == "query" and packet.group == "::" and link.name in self.touched)

    def transcript(self, lines=30):
        """What was sent ("in" to the daemon) and heard ("out" of it) that has to do with this row, a line for each."""
        found = []
        for t, name, said in self.spoken:
            if isinstance(said, bytes):
                packet = p.Packet(said, t)
                self.groups.update({packet.group, *(r.group for r in packet.records)} - {"::"})
                said = str(packet)
            found.append((t, name, "in ", said))
        for link in self.bed.links.values():
            found += [(k.time, link.name, "out", str(k)) for k in link.heard
                      if k.time >= self.began and self.about_us(link, k)]
        found.sort(key=lambda x: x[0])
        said = [f"{t - self.began:+8.3f} s {name:<3} {way} {what if len(what) < 300 else what[:297] + '...'}"
                for t, name, way, what in found]
        if len(said) > lines:
            half = lines // 2
            said[half:-half] = [f"         ... {len(said) - 2 * half} packets more"]
        return said

    # ---- names

    def group(self, text):
        group = p.text(p.raw(text))
        self.groups.add(group)
        return group

    def asm(self):
        self.used += 1
        return self.group(f"ff1e::c:{self.number:x}:{self.used:x}")

    def ssm(self):
        self.used += 1
        return self.group(f"ff3e::8{self.number:03x}:{self.used:x}")

    def source(self, n, net=10):
        """A sender; upstream of the daemon except where told."""
        return f"2001:db8:{net}::{self.number:x}:{n:x}"

    def host(self, link, n=1):
        return Host(self, link, p.text(p.raw(f"fe80::c0:0:{self.number:x}:{n:x}")), self.number << 8 | n)

    def router(self, link, address):
        return Host(self, link, address, 0xEE0000 | self.number)

    # ---- the daemon as a listener upstream

    def listen(self, *states, link=None):
        """The daemon is to listen upstream: `states` are (group, INCLUDE or EXCLUDE, sources), as in RFC 3810 4.1. A
        proxy hears of them by one report or a few of a host on `link` (d1); a host is told."""
        if PROXY not in self.bed.adapter.features:
            for group, mode, sources in states:
                self.speaks()
                self.touched.add(UPSTREAM)
                self.spoken.append((time.time(), "", f"the daemon is told to listen to {group}: "
                                    f"{'EXCLUDE' if mode == p.EXCLUDE else 'INCLUDE'}{{{', '.join(sources)}}}"))
                self.bed.adapter.listen(UPSTREAM, group, mode, sources)
            return
        records = []
        for group, mode, sources in states:
            old = self.listening.get(group, (p.INCLUDE, frozenset()))
            self.listening[group] = new = (mode, frozenset(sources))
            records += p.change(group, old, new)
        room = 1500 - 40 - 8 - 8
        while records:
            some, size = [], 0
            while records and size + 20 + 16 * len(records[0][2]) <= room:
                size += 20 + 16 * len(records[0][2])
                some.append(records.pop(0))
            self.host(link or self.d1).report(*some)

    def refresh(self, group):
        """A proxy's downstream host says again what it listens to."""
        if PROXY in self.bed.adapter.features:
            mode, sources = self.listening[group]
            self.host(self.d1).report((p.IS_EX if mode == p.EXCLUDE else p.IS_IN, group, sorted(sources)))

    # ---- expectations

    async def first(self, link, match, within, since=None, what="the packet"):
        """The first packet that matches, heard at most `within` seconds after `since` (since a host spoke)."""
        since = since or self.spoke
        self.waited = True
        at = len(link.heard)
        while at > 0 and link.heard[at - 1].time >= since:
            at -= 1
        while True:
            while at < len(link.heard):
                packet = link.heard[at]
                at += 1
                if packet.time >= since and match(packet):
                    if packet.time - since > within:
                        raise Fail(f"{what} came on {link.name} after {packet.time - since:.2f} s, not {within:.2f}")
                    return packet
            if time.time() > since + within + 0.5:
                raise Fail(f"{what} did not come on {link.name} within {within:.2f} s")
            await link.until(since + within + 0.51)

    async def never(self, link, match, seconds, since=None, what="a packet"):
        since = since or time.time()
        await self.sleep(since + seconds - time.time() + 0.1)
        for packet in reversed(link.heard):
            if packet.time < since:
                break
            if match(packet) and packet.time < since + seconds:
                raise Fail(f"{what} on {link.name}: {packet}")

    async def sleep(self, seconds):
        self.waited = True
        await asyncio.sleep(max(0, seconds))

    # Queries on a downstream link.

    def is_query(self, group, sources=None, s_flag=None):
        want = None if sources is None else {p.text(p.raw(s)) for s in sources}

        def match(packet):
            return (packet.kind == "query" and packet.group == group and
                    (want is None or set(packet.sources) == want) and
                    (s_flag is None or packet.s_flag == s_flag))
        return match

    async def queried(self, link, group, sources=(), within=0.3, s_flag=None, since=None):
        shape = f"Q({group}{', {' + ', '.join(sorted(sources)) + '}' if sources else ''})"
        return await self.first(link, self.is_query(group, sources, s_flag), within, since, shape)

    def queries(self, link, group, since=0):
        return [q for q in link.heard if q.kind == "query" and q.group == group and q.time >= since]

    # Records that the daemon reports upstream.

    CHANGES = (p.TO_IN, p.TO_EX, p.ALLOW, p.BLOCK)
    CURRENT = (p.IS_IN, p.IS_EX)

    def said(self, group, since=0, kinds=CHANGES, link=None):
        """[(packet, {kind: sources})] of reports on the upstream link that have records of these kinds for the group."""
        found = []
        for packet, records in (link or self.up).by_group[group]:
            mine = {r.kind: r.sources for r in records if r.kind in kinds}
            if packet.time >= since and mine:
                found.append((packet, mine))
        return found

    async def says(self, group, within=0.5, since=None, kinds=CHANGES, **records):
        """The next report about the group has exactly these records of `kinds`: says(g, ALLOW={a}). Returns it."""
        since = since or self.spoke
        self.waited = True
        want = {getattr(p, k): {p.text(p.raw(s)) for s in v} for k, v in records.items()}
        while True:
            found = self.said(group, since, kinds)
            if found:
                packet, got = found[0]
                if got != want:
                    raise Fail(f"upstream heard {self.show(got)}, not {self.show(want)}")
                if packet.time - since > within:
                    raise Fail(f"{self.show(want)} came upstream after {packet.time - since:.2f} s, not {within:.2f}")
                return packet
            if time.time() > since + within + 0.5:
                raise Fail(f"upstream heard nothing within {within:.2f} s, not {self.show(want)}")
            await self.up.until(since + within + 0.51)

    async def answers(self, group, within, since=None, **records):
        return await self.says(group, within, since, self.CURRENT, **records)

    async def silent(self, group, seconds, since=None, kinds=CHANGES):
        since = since or time.time()
        await self.sleep(since + seconds - time.time() + 0.1)
        found = [(packet, got) for packet, got in self.said(group, since, kinds) if packet.time < since + seconds]
        if found:
            raise Fail(f"upstream heard {self.show(found[0][1])}, not silence")

    async def settle(self, group):
        """Until the repetitions of the last change are over."""
        t = self.timers
        await self.sleep((t.upstream_robustness - 1) * t.unsolicited + 0.15)

    @staticmethod
    def show(records):
        return " ".join(f"{p.RECORD_NAMES[k]}{{{', '.join(sorted(v))}}}" for k, v in sorted(records.items()))

    # What the daemon believes of d1: a proxy tells it upstream, of another router it is seen in what passes.

    async def joined(self, group, since, within=0.5):
        """All sources of a group that was not asked for before are."""
        if PROXY in self.bed.adapter.features:
            await self.says(group, since=since, within=within, TO_EX=[])
        else:
            await self.passes(self.up, self.source(99), group, ["d1"])

    async def unheard(self, group, seconds, since):
        """Nothing has come of what a host said of a group that was not asked for before."""
        await self.silent(group, seconds, since)
        if PROXY not in self.bed.adapter.features:
            await self.passes(self.up, self.source(98), group, [], within=0, hold=False)

    async def kept(self, group, seconds, since):
        """A group that is asked for remains so."""
        await self.silent(group, seconds, since)
        if PROXY not in self.bed.adapter.features:
            await self.passes(self.up, self.source(99), group, ["d1"], within=0)

    async def left(self, group, since, within):
        """A group that was asked for is not any more."""
        if PROXY in self.bed.adapter.features:
            await self.says(group, since=since, within=within, TO_IN=[])
        else:
            await self.passes(self.up, self.source(99), group, [], within=since + within - time.time())

    # Forwarding.

    async def passes(self, link, source, group, to, within=1.0, hop_limit=64, hold=True):
        """A data packet sent on `link` comes out of exactly the links `to`; again until it is so, then once more."""
        deadline = time.time() + within
        right = 0
        while True:
            came = await self.probe(link, source, group, hop_limit)
            if came == set(to):
                right += 1
                if right > int(hold):
                    return
            elif time.time() > deadline:
                raise Fail(f"({source}, {group}) on {link.name} came out of {sorted(came) or 'no link'}, "
                           f"not {sorted(to) or 'no link'}")
            else:
                right = 0

    async def probe(self, link, source, group, hop_limit=64, wait=0.12):
        """Names of the links that one data packet came out of."""
        self.used += 1
        tag = b"conformance %d %d" % (self.number, self.used)
        self.said_by_us(link, link.send(group, p.udp6(source, group, tag, hop_limit)))
        await self.sleep(wait)
        came = set()
        for other in self.bed.links.values():
            heard = other.by_tag.pop(tag, [])
            if len(heard) > 1:
                raise Fail(f"one packet to {group} came out of {other.name} {len(heard)} times")
            for packet in heard:
                came.add("up" if other.name == UPSTREAM else other.name)
                if packet.hop_limit != hop_limit - 1 and not self.bed.adapter.is_switch:
                    raise Fail(f"hop limit {packet.hop_limit} on {other.name}, sent with {hop_limit}")
        return came
