#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Traffic for the tests of the data plane: numbered datagrams, and packets that no honest host sends.

  recv PORT SECONDS [--group G [--source S | --block S]] [--dev IF] [--want N]   counts by number until N distinct ones or the time
                                                             "got 100 lost 0 dup 0 hops 62 tclass 0 reordered 0"
  send DST PORT COUNT PER_SECOND [--size N] [--hops N] [--tclass N] [--dev IF] [--src A] [--frag]
                                                             "sent 100", then the ICMPv6 errors that came back
  sweep GROUP PORT COUNT PER_SECOND [--dev IF] [--src A]     one datagram to each group from this on
  echo PORT SECONDS                                          answers every datagram with itself
  ask DST PORT [--size N] [--hops N] [--src A]               "answer 20" or "error packet-too-big 1460 from A"
  raw DEV DMAC HEX... [--smac M] [--times N]                 a frame with the IPv6 packet of these octets
  udp6 SRC DST [--hops N] [--tclass N] [--size N] [--port N] [--inner HEX]   prints such a packet in hex
  fragments DEV DMAC SRC DST HEX                             the IPv6 packet in HEX, tunnelled, in two outer fragments
  advertise DEV ADDR                                         an unsolicited Neighbour Advertisement with DEV's MAC
  sniff DEV SECONDS FILTER                                   counts IPv6 packets: next header number, or "icmp:TYPE"
  labels DEV SECONDS --src A                                 flow labels of streams in A's tunnels, in order, until a pause
  tcp-serve PORT SECONDS / tcp-get DST PORT BYTES            a TCP transfer, checked octet by octet
"""
import argparse
import hashlib
import os
import select
import socket
import struct
import sys
import time

SOL_IPV6_RECVERR = 25
IPV6_MTU_DISCOVER = 23
MCAST_JOIN_GROUP, MCAST_BLOCK_SOURCE, MCAST_JOIN_SOURCE_GROUP = 42, 43, 46


def addr(a):
    return socket.inet_pton(socket.AF_INET6, a)


def storage(a):
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, addr(a), 0).ljust(128, b"\0")


def udp_socket():
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
    return s


def recv(o):
    s = udp_socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", o.port))
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    if o.group:
        index = socket.if_nametoindex(o.dev)
        if o.source:
            req = struct.pack("=I4x", index) + storage(o.group) + storage(o.source)
            s.setsockopt(socket.IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, req)
        else:
            s.setsockopt(socket.IPPROTO_IPV6, MCAST_JOIN_GROUP, struct.pack("=I4x", index) + storage(o.group))
        if o.block:
            req = struct.pack("=I4x", index) + storage(o.group) + storage(o.block)
            s.setsockopt(socket.IPPROTO_IPV6, MCAST_BLOCK_SOURCE, req)
    print("ready", flush=True)
    seen, dup, reordered, last, hops, tclass = set(), 0, 0, -1, -1, -1
    end = time.monotonic() + o.seconds
    quiet = None
    while True:
        left = end - time.monotonic()
        if o.want and len(seen) >= o.want:  # a moment more, for copies too many
            quiet = quiet or time.monotonic() + 0.2
            left = min(left, quiet - time.monotonic())
        if left <= 0 or not select.select([s], [], [], left)[0]:
            break
        data, anc, _, _ = s.recvmsg(65536, 256)
        if len(data) < 8:
            continue
        n = struct.unpack("!Q", data[:8])[0]
        if n in seen:
            dup += 1
        seen.add(n)
        reordered += n < last
        last = max(n, last)
        for level, kind, value in anc:
            if kind == socket.IPV6_HOPLIMIT:
                hops = struct.unpack("=i", value)[0]
            if kind == socket.IPV6_TCLASS:
                tclass = struct.unpack("=i", value)[0]
    span = max(seen) - min(seen) + 1 if seen else 0
    total = max(span, o.want or 0)
    print(f"got {len(seen)} lost {total - len(seen)} dup {dup} hops {hops} tclass {tclass} reordered {reordered}")


def prepare(s, o):
    if o.hops:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, o.hops)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, o.hops)
    else:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 64)
    if o.tclass:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, o.tclass)
    if o.dev:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(o.dev))
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, 0 if o.frag else 2)
    s.setsockopt(socket.IPPROTO_IPV6, SOL_IPV6_RECVERR, 1)
    if o.src:
        s.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
        s.bind((o.src, 0, 0, socket.if_nametoindex(o.dev) if o.src.startswith("fe80") else 0))


def errors(s):
    """ICMPv6 errors that wait on the socket."""
    found = []
    while True:
        try:
            _, anc, _, _ = s.recvmsg(4096, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except OSError:
            return found
        for level, kind, value in anc:
            if level == socket.IPPROTO_IPV6 and kind == SOL_IPV6_RECVERR:
                _, origin, typ, code, _, info, _ = struct.unpack("=IBBBBII", value[:16])
                offender = socket.inet_ntop(socket.AF_INET6, value[24:40])
                name = {1: "unreachable", 2: "packet-too-big", 3: "time-exceeded"}.get(typ, str(typ))
                if origin == 3:
                    found.append(f"{name} {info} from {offender}")


def send(o):
    s = udp_socket()
    prepare(s, o)
    start = time.monotonic()
    sent = 0
    for n in range(o.count):
        due = start + n / o.rate
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        try:
            s.sendto(struct.pack("!Q", o.first + n).ljust(o.size, b"x"), (o.dst, o.port))
            sent += 1
        except OSError:
            pass
    time.sleep(0.1)
    print(f"sent {sent}")
    for e in errors(s):
        print("error", e)


def sweep(o):
    s = udp_socket()
    prepare(s, o)
    first = int.from_bytes(addr(o.group), "big")
    start = time.monotonic()
    for n in range(o.count):
        wait = start + n / o.rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        s.sendto(b"x" * 8, (socket.inet_ntop(socket.AF_INET6, (first + n).to_bytes(16, "big")), o.port))
    print(f"sent {o.count}")


def echo(o):
    s = udp_socket()
    s.bind(("::", o.port))
    s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, 0)
    print("ready", flush=True)
    end = time.monotonic() + o.seconds
    while (left := end - time.monotonic()) > 0 and select.select([s], [], [], left)[0]:
        data, peer = s.recvfrom(65536)
        s.sendto(data, peer)


def ask(o):
    s = udp_socket()
    prepare(s, o)
    for _ in range(o.tries):
        try:
            s.sendto(os.urandom(o.size), (o.dst, o.port))
        except OSError:
            pass
        r, _, _ = select.select([s], [], [], 0.5)
        for e in errors(s):
            print("error", e)
            return
        if r:
            try:
                data = s.recv(65536)
            except OSError:
                continue
            print("answer", len(data))
            return
    print("silence")


def udp6(o):
    inner = bytes.fromhex(o.inner) if o.inner else None
    if inner is not None:
        nxt, payload = 41, inner
    else:
        nxt, body = 17, b"\0" * o.size
        head = struct.pack("!HHHH", 4000, o.port, 8 + len(body), 0)
        pseudo = addr(o.src) + addr(o.dst) + struct.pack("!II", 8 + len(body), 17) + head + body
        if len(pseudo) % 2:
            pseudo += b"\0"
        total = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        payload = head[:6] + struct.pack("!H", ~total & 0xFFFF or 0xFFFF) + body
    first = 6 << 28 | o.tclass << 20
    print((struct.pack("!IHBB", first, len(payload), nxt, o.hops or 64) + addr(o.src) + addr(o.dst) + payload).hex())


def raw(o):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((o.dev, 0))
    smac = o.smac or open(f"/sys/class/net/{o.dev}/address").read().strip()
    head = bytes.fromhex(o.dmac.replace(":", "")) + bytes.fromhex(smac.replace(":", "")) + b"\x86\xdd"
    for _ in range(o.times):
        for h in o.hex:
            s.send(head + bytes.fromhex(h))


def fragments(o):
    inner = bytes.fromhex(o.hex)
    cut = len(inner) // 2 & ~7
    smac = open(f"/sys/class/net/{o.dev}/address").read().strip()
    head = bytes.fromhex(o.dmac.replace(":", "")) + bytes.fromhex(smac.replace(":", "")) + b"\x86\xdd"
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((o.dev, 0))
    for offset, part, more in ((0, inner[:cut], 1), (cut, inner[cut:], 0)):
        body = struct.pack("!BBHI", 41, 0, offset | more, os.getpid()) + part
        s.send(head + struct.pack("!IHBB", 6 << 28, len(body), 44, 64) + addr(o.src) + addr(o.dst) + body)


def advertise(o):
    mac = bytes.fromhex(open(f"/sys/class/net/{o.dev}/address").read().strip().replace(":", ""))
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    s.bind((o.address, 0))
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(o.dev))
    s.sendto(struct.pack("!BBHI", 136, 0, 0, 0xA0000000) + addr(o.address) + b"\x02\x01" + mac, ("ff02::1", 0))


def sniff(o):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
    s.bind((o.dev, 0x86DD))
    print("ready", flush=True)
    end = time.monotonic() + o.seconds
    n = 0
    while (left := end - time.monotonic()) > 0 and select.select([s], [], [], left)[0]:
        data, where = s.recvfrom(65536)
        if where[2] == 4:  # outgoing
            continue
        p = data[14:]
        if o.filter.startswith("icmp:"):
            n += p[6] == 58 and p[40] == int(o.filter[5:])
        else:
            n += p[6] == int(o.filter)
    print(n)


def labels(o):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
    s.bind((o.dev, 3))  # ETH_P_ALL: before the programs take the packets away
    print("ready", flush=True)
    end = time.monotonic() + o.seconds
    runs = []
    while (left := end - time.monotonic()) > 0 and select.select([s], [], [], min(left, 3 if runs else left))[0]:
        data, where = s.recvfrom(65536)
        p = data[14:]
        if where[2] == 4 or p[6] != 41 or p[8:24] != addr(o.src) or p[64] != 0xFF or p[65] & 15 <= 2:
            continue
        label = struct.unpack("!I", p[:4])[0] & 0xFFFFF
        if runs and runs[-1][0] == label:
            runs[-1][1] += 1
        else:
            runs.append([label, 1])
    print(" ".join(f"{label}*{n}" for label, n in runs) or "none")


def tcp_serve(o):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", o.port))
    s.listen()
    s.settimeout(o.seconds)
    print("ready", flush=True)
    c, _ = s.accept()
    want = struct.unpack("!Q", c.recv(8))[0]
    block, h = os.urandom(1 << 16), hashlib.sha256()
    while want:
        part = block[:want]
        c.sendall(part)
        h.update(part)
        want -= len(part)
    c.sendall(h.digest())
    c.close()


def tcp_get(o):
    c = socket.create_connection((o.dst, o.port), timeout=5)
    c.sendall(struct.pack("!Q", o.bytes))
    start, h, left = time.monotonic(), hashlib.sha256(), o.bytes
    tail = b""
    while True:
        data = c.recv(1 << 16)
        if not data:
            break
        h.update(data[:left])
        tail += data[left:]
        left -= min(left, len(data))
    took = time.monotonic() - start
    print("right" if tail == h.digest() and not left else "wrong", int(o.bytes * 8 / took / 1e6), "Mb/s")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    sub = p.add_subparsers(required=True)

    def command(name, run, *positional):
        c = sub.add_parser(name)
        c.set_defaults(run=run)
        for arg, kind in positional:
            c.add_argument(arg, type=kind)
        for arg, kind, default in (("hops", int, 0), ("tclass", int, 0), ("size", int, 20), ("dev", str, None), ("first", int, 0),
                                   ("src", str, None), ("group", str, None), ("source", str, None), ("want", int, 0),
                                   ("block", str, None), ("tries", int, 6), ("times", int, 1), ("smac", str, None),
                                   ("inner", str, None)):
            if not any(arg == a for a, _ in positional):
                c.add_argument("--" + arg, type=kind, default=default)
        c.add_argument("--frag", action="store_true")
        return c

    command("recv", recv, ("port", int), ("seconds", float))
    command("send", send, ("dst", str), ("port", int), ("count", int), ("rate", float))
    command("sweep", sweep, ("group", str), ("port", int), ("count", int), ("rate", float))
    command("echo", echo, ("port", int), ("seconds", float))
    command("ask", ask, ("dst", str), ("port", int))
    command("udp6", udp6, ("src", str), ("dst", str)).add_argument("--port", type=int, default=9)
    command("raw", raw, ("dev", str), ("dmac", str)).add_argument("hex", nargs="+")
    command("fragments", fragments, ("dev", str), ("dmac", str), ("src", str), ("dst", str), ("hex", str))
    command("advertise", advertise, ("dev", str), ("address", str))
    command("sniff", sniff, ("dev", str), ("seconds", float), ("filter", str))
    command("labels", labels, ("dev", str), ("seconds", float))
    command("tcp-serve", tcp_serve, ("port", int), ("seconds", float))
    command("tcp-get", tcp_get, ("dst", str), ("port", int), ("bytes", int))
    o = p.parse_args()
    o.run(o)


if __name__ == "__main__":
    sys.exit(main())
