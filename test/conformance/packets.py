# SPDX-License-Identifier: BSD-2-Clause
"""MLD and IPv6 data packets as octets and as fields, for the conformance suite alone.

Written from RFC 8200, 4443, 2710, 2711 and 3810 and sharing no code with any daemon, so that it is an independent
judge. What is built may be wrong on purpose: each keyword argument of `mld()` spoils one thing."""
import ipaddress
import struct

QUERY, REPORT1, DONE1, REPORT2 = 130, 131, 132, 143
IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = 1, 2, 3, 4, 5, 6
RECORD_NAMES = {IS_IN: "IS_IN", IS_EX: "IS_EX", TO_IN: "TO_IN", TO_EX: "TO_EX", ALLOW: "ALLOW", BLOCK: "BLOCK"}
INCLUDE, EXCLUDE = "INCLUDE", "EXCLUDE"  # filter modes
ALL_NODES, ALL_ROUTERS, ALL_MLD2_ROUTERS = "ff02::1", "ff02::2", "ff02::16"
ROUTER_ALERT = bytes.fromhex("0502000001 00".replace(" ", ""))  # value 0 (MLD), and PadN
NO_ROUTER_ALERT = bytes.fromhex("010400000000")                # PadN alone
ICMP6, UDP, HOP_BY_HOP = 58, 17, 0
ETH_IPV6 = b"\x86\xdd"


def raw(address):
    """16 octets of an address given as text or as octets."""
    return address if isinstance(address, bytes) else ipaddress.IPv6Address(address).packed


def text(octets):
    return str(ipaddress.IPv6Address(octets))


def is_link_local(address):
    return raw(address)[:8] == b"\xfe\x80" + b"\0" * 6


def checksum(src, dst, upper, protocol=ICMP6):
    data = raw(src) + raw(dst) + struct.pack("!II", len(upper), protocol) + upper
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def float_code(value, bits):
    """Maximum Response Code (bits=16) or QQIC (bits=8) to what it stands for (RFC 3810 5.1.3, 5.1.9)."""
    if value < 1 << (bits - 1):
        return value
    mantissa = bits - 4
    exponent = (value >> mantissa) & 7
    return ((value & ((1 << mantissa) - 1)) | 1 << mantissa) << (exponent + 3)


def mac_of_group(group):
    return b"\x33\x33" + raw(group)[12:]


def ether(dst, src, packet):
    """An Ethernet frame; `dst` is the IPv6 destination, a group, or a MAC address of six octets."""
    to = dst if isinstance(dst, bytes) and len(dst) == 6 else mac_of_group(dst)
    return to + src + ETH_IPV6 + packet


def ip6(src, dst, protocol, payload, hop_limit=64):
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, hop_limit) + raw(src) + raw(dst) + payload


def mld(src, dst, message, hop_limit=1, router_alert=True, bad_checksum=False, hop_by_hop=True):
    """A whole packet around an MLD message (checksum field zero)."""
    cksum = checksum(src, dst, message)
    if bad_checksum:
        cksum ^= 0x5A5A
    message = message[:2] + struct.pack("!H", cksum) + message[4:]
    if not hop_by_hop:
        return ip6(src, dst, ICMP6, message, hop_limit)
    option = ROUTER_ALERT if router_alert is True else NO_ROUTER_ALERT if router_alert is False else router_alert
    return ip6(src, dst, HOP_BY_HOP, bytes([ICMP6, 0]) + option + message, hop_limit)


def record(kind, group, sources=(), aux=b"", count=None):
    """A Multicast Address Record; `count` lies about the number of sources."""
    body = b"".join(raw(s) for s in sources)
    n = len(sources) if count is None else count
    return struct.pack("!BBH", kind, len(aux) // 4, n) + raw(group) + body + aux


def change(group, old, new):
    """The records, as (type, group, sources), by which a host that goes from state `old` to `new` tells of it: RFC 3810
    6.1. Where it both gains and loses sources it is one record of the whole list, so that it happens at one stroke."""
    mode, sources = new
    if mode != old[0] or sources - old[1] and old[1] - sources:
        return [(TO_EX if mode == EXCLUDE else TO_IN, group, sorted(sources))]
    more, fewer = sources - old[1], old[1] - sources
    if not more and not fewer:
        return []
    return [(ALLOW if bool(more) == (mode == INCLUDE) else BLOCK, group, sorted(more or fewer))]


def report2(records, count=None, code=0, reserved=0, kind=REPORT2):
    n = len(records) if count is None else count
    return struct.pack("!BBHHH", kind, code, 0, reserved, n) + b"".join(records)


def query2(group="::", sources=(), response=1000, s_flag=False, qrv=2, qqic=125, count=None, code=0, reserved=0):
    n = len(sources) if count is None else count
    head = struct.pack("!BBHHH", QUERY, code, 0, response, reserved) + raw(group)
    return head + struct.pack("!BBH", (8 if s_flag else 0) | qrv, qqic, n) + b"".join(raw(s) for s in sources)


def message1(kind, group="::", response=0):
    """MLDv1: query, report or done."""
    return struct.pack("!BBHHH", kind, 0, 0, response, 0) + raw(group)


def udp6(src, dst, payload, hop_limit=64):
    body = struct.pack("!HHHH", 4000, 5000, 8 + len(payload), 0) + payload
    cksum = checksum(src, dst, body, UDP) or 0xFFFF
    return ip6(src, dst, UDP, body[:6] + struct.pack("!H", cksum) + body[8:], hop_limit)


class Record:
    """A record heard: `kind`, `group` as text, `sources` as a set of texts, `order` as a list."""

    def __init__(self, kind, aux, group, sources):
        self.kind, self.aux, self.group = kind, aux, group
        self.order = sources
        self.sources = set(sources)

    def __str__(self):
        return f"{RECORD_NAMES.get(self.kind, self.kind)}({self.group}, {{{', '.join(sorted(self.sources))}}})"


class Packet:
    """A packet heard. `kind` is "query", "report1", "done1", "report2", "udp", or "" for what is none of ours.

    time (seconds of the system's clock), src, dst, hop_limit, router_alert, checksum_ok, length (of the message),
    extra (octets after its end); queries: version, group, sources, response (ms), code_raw, s_flag, qrv, qqic,
    reserved; reports: records; MLDv1: group; data: payload. `bad` tells why an MLD message could not be read."""

    def __init__(self, frame, time):
        self.time, self.frame = time, frame
        self.kind, self.bad, self.records, self.payload = "", "", [], b""
        self.group, self.sources, self.extra, self.router_alert = "::", [], 0, None
        self.version, self.response, self.s_flag, self.qrv, self.qqic = 0, 0, False, None, None
        self.src, self.dst, self.hop_limit = "::", "::", 0
        packet = frame[14:]
        if frame[12:14] != ETH_IPV6 or len(packet) < 40 or packet[0] >> 4 != 6:
            return
        self.mac = frame[:6]
        length, protocol, self.hop_limit = struct.unpack("!HBB", packet[4:8])
        self.size = 40 + length
        self.src, self.dst = text(packet[8:24]), text(packet[24:40])
        payload = packet[40:40 + length]
        if protocol == HOP_BY_HOP and len(payload) >= 8:
            end = 8 + 8 * payload[1]
            self.router_alert = self._router_alert(payload[2:end])
            protocol, payload = payload[0], payload[end:]
        if protocol == UDP:
            self.kind, self.payload = "udp", payload[8:]
        elif protocol == ICMP6 and len(payload) >= 8 and payload[0] in (QUERY, REPORT1, DONE1, REPORT2):
            self.length = len(payload)
            self.checksum_ok = checksum(self.src, self.dst, payload) == 0
            self._message(payload)

    @staticmethod
    def _router_alert(options):
        """The option's value, or None."""
        at = 0
        while at < len(options):
            if options[at] == 0:
                at += 1
                continue
            if at + 2 > len(options):
                return None
            size = options[at + 1]
            if options[at] == 5 and size == 2:
                return struct.unpack("!H", options[at + 2:at + 4])[0]
            at += 2 + size
        return None

    def _message(self, m):
        names = {QUERY: "query", REPORT1: "report1", DONE1: "done1", REPORT2: "report2"}
        self.kind = names[m[0]]
        self.code = m[1]
        try:
            if m[0] == REPORT2:
                self._report2(m)
            elif m[0] == QUERY:
                self._query(m)
            else:
                self.response, self.reserved = struct.unpack("!HH", m[4:8])
                self.group, self.extra = text(m[8:24]), len(m) - 24
        except (struct.error, ValueError):
            self.bad = f"{self.kind} of {len(m)} octets is cut short"

    def _query(self, m):
        self.code_raw, self.reserved = struct.unpack("!HH", m[4:8])
        self.group = text(m[8:24])
        if len(m) == 24:
            self.version, self.response = 1, self.code_raw
            self.s_flag, self.qrv, self.qqic = False, None, None
            return
        self.version, self.response = 2, float_code(self.code_raw, 16)
        flags, qqic, n = struct.unpack("!BBH", m[24:28])
        self.reserved |= flags >> 4
        self.s_flag, self.qrv, self.qqic = bool(flags & 8), flags & 7, float_code(qqic, 8)
        self.sources = [text(m[28 + 16 * i:44 + 16 * i]) for i in range(n)]
        self.extra = len(m) - 28 - 16 * n

    def _report2(self, m):
        self.reserved, count = struct.unpack("!HH", m[4:8])
        at = 8
        for _ in range(count):
            kind, aux, n = struct.unpack("!BBH", m[at:at + 4])
            group = text(m[at + 4:at + 20])
            sources = [text(m[at + 20 + 16 * i:at + 36 + 16 * i]) for i in range(n)]
            self.records.append(Record(kind, aux, group, sources))
            at += 20 + 16 * n + 4 * aux
            if at > len(m):
                raise ValueError
        self.extra = len(m) - at

    def __str__(self):
        if self.kind == "query":
            shape = f"Q{self.version}({self.group}, {{{', '.join(self.sources)}}}) S={int(self.s_flag)} {self.response} ms"
        elif self.kind == "report2":
            shape = " ".join(str(r) for r in self.records) or "a report of no record"
        elif self.kind == "udp":
            shape = f"data {self.payload[:24]!r}"
        else:
            shape = f"{self.kind or 'other'}({self.group})"
        return f"{self.src} > {self.dst} hl {self.hop_limit}: {shape}{' ' + self.bad if self.bad else ''}"
