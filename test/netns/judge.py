#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads a capture and prints a line for each Mobility Header message and each MLD message, also inside IPv6-in-IPv6.

An encoder's errors are not found by its own decoder: this one was written from RFC 6275, 5213, 4283, 5094, 5846, 7161, 2710
and 3810 alone, and shares nothing with the programs that it judges.

    mh 2001:db8:ff::1:1 > 2001:db8:ff::1 pbu checksum=good seq=1 flags=APS lifetime=3600 mn=mn1@lab.example hnp=::/0 hi=1 att=3
       llid=02:52:4e:00:00:01 timestamp=1700000000.500 ams=ff3e::8000:1,IS_IN,2001:db8:aaaa::5 capabilities
    mld 2001:db8:ff::1:1 > 2001:db8:ff::1 fe80::1 > ff02::16 v2-report checksum=good TO_EX,ff1e::1:1

Outer addresses stand first where there is a tunnel. Exit status 1 where any checksum was wrong. """
import ipaddress
import struct
import sys

PEN = 32473
TYPES = {5: 'pbu', 6: 'pba', 7: 'binding-error', 13: 'heartbeat', 14: 'hi', 15: 'hack', 16: 'revocation', 19: 'upn', 20: 'upa',
         22: 'subscription-query', 23: 'subscription-response'}
RECORDS = {1: 'IS_IN', 2: 'IS_EX', 3: 'TO_IN', 4: 'TO_EX', 5: 'ALLOW', 6: 'BLOCK'}
RESULTS = {0: 'accepted', 1: 'prohibited', 2: 'service-off', 3: 'limit', 4: 'not-supported', 5: 'no-resources'}
bad = 0


def addr(b):
    return str(ipaddress.IPv6Address(bytes(b)))


def checksum(src, dst, proto, data, at):
    """RFC 8200 8.1: computed with a checksum of zero, and compared."""
    global bad
    body = data[:at] + b'\0\0' + data[at + 2:]
    whole = src + dst + struct.pack('!I3xB', len(body), proto) + body + (b'\0' if len(body) % 2 else b'')
    total = sum(struct.unpack('!%dH' % (len(whole) // 2), whole))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    good = ~total & 0xffff == struct.unpack('!H', data[at:at + 2])[0]
    bad += not good
    return 'checksum=' + ('good' if good else 'BAD')


def record(b):
    kind, aux, n = b[0], b[1], struct.unpack('!H', b[2:4])[0]
    end = 20 + 16 * n
    text = ','.join([RECORDS.get(kind, str(kind)), addr(b[4:20])] + [addr(b[i:i + 16]) for i in range(20, end, 16)])
    return text, end + 4 * aux


def report(b):
    """The payload of options 60 and 61: that of a report, less the first four octets of its header (RFC 7411 5.3)."""
    texts, i = [], 4
    for _ in range(struct.unpack('!H', b[2:4])[0]):
        text, n = record(b[i:])
        texts.append(text)
        i += n
    return '/'.join(texts)


def vendor(data):
    number, sub = struct.unpack('!IB', data[:5])
    if number != PEN:
        return 'vendor=%d/%d' % (number, sub)
    if sub == 1:
        return 'capabilities'
    if sub != 2:
        return 'vsm=%d' % sub
    texts, b = [], data[5:]
    while b:
        n = 20 + 16 * struct.unpack('!H', b[2:4])[0]
        texts.append('result=%s,%s' % (addr(b[4:20]), RESULTS.get(b[0], str(b[0]))))
        b = b[n:]
    return ' '.join(texts)


def ams(data):
    if data[0] == 143:
        kind, group = record(data[1:])[0].split(',', 1)
        return 'ams=' + ','.join([group.split(',')[0], kind] + group.split(',')[1:])
    return 'ams=' + addr(data[5:21]) + ',v1'


def options(b):
    out, i = [], 0
    while i < len(b):
        if b[i] == 0:
            i += 1
            continue
        kind, n = b[i], b[i + 1]
        data = b[i + 2:i + 2 + n]
        if kind in (60, 61):  # their length counts words of 32 bits (RFC 7411 5.5)
            n = 4 * n + 2
            out.append(('mmo=' if kind == 60 else 'mma=') + report(b[i + 4:i + 2 + n]))
        elif kind == 2:
            out.append('refresh-advice=%d' % (4 * struct.unpack('!H', data)[0]))
        elif kind == 3:
            out.append('alt-coa=' + addr(data))
        elif kind == 8:
            out.append('mn=%s' % data[1:].decode('ascii', 'replace'))
        elif kind == 9:
            out.append('auth')
        elif kind == 19:
            out.append(vendor(data))
        elif kind == 22:
            out.append('hnp=%s/%d' % (addr(data[2:18]), data[1]))
        elif kind == 23:
            out.append('hi=%d' % data[1])
        elif kind == 24:
            out.append('att=%d' % data[1])
        elif kind == 25:
            out.append('llid=' + ':'.join('%02x' % x for x in data[2:]))
        elif kind == 26:
            out.append('link-local=' + addr(data))
        elif kind == 27:
            seconds = int.from_bytes(data[:6], 'big')
            out.append('timestamp=%d.%03d' % (seconds, int.from_bytes(data[6:], 'big') * 1000 // 65536))
        elif kind == 28:
            out.append('restart=%d' % struct.unpack('!I', data)[0])
        elif kind == 57:
            out.append(ams(data))
        elif kind != 1:
            out.append('option=%d' % kind)
        i += 2 + n
    return out


def flags(value, names):
    return 'flags=' + ''.join(n for bit, n in names if value & bit)


def fixed(kind, b):
    """What stands before the options, and where they begin (from the message's first octet on)."""
    seq = struct.unpack('!H', b[6:8])[0]
    if kind == 'pbu':
        bits, life = struct.unpack('!HH', b[8:12])
        names = ((0x8000, 'A'), (0x4000, 'H'), (0x2000, 'L'), (0x1000, 'K'), (0x800, 'M'), (0x400, 'R'), (0x200, 'P'), (0x100, 'F'),
                 (0x80, 'T'), (0x40, 'B'), (0x20, 'S'), (0x10, 'D'))
        return ['seq=%d' % seq, flags(bits, names), 'lifetime=%d' % (4 * life)], 12
    if kind == 'pba':
        names = ((0x80, 'K'), (0x40, 'R'), (0x20, 'P'), (0x10, 'T'), (8, 'B'), (4, 'S'), (2, 'D'))
        seq, life = struct.unpack('!HH', b[8:12])
        return ['status=%d' % b[6], 'seq=%d' % seq, flags(b[7], names), 'lifetime=%d' % (4 * life)], 12
    if kind == 'revocation':
        seq = struct.unpack('!H', b[8:10])[0]
        return ['bri trigger=%d' % b[7] if b[6] == 1 else 'bra status=%d' % b[7], 'seq=%d' % seq], 12
    if kind == 'binding-error':
        return ['status=%d' % b[6], 'home=' + addr(b[8:24])], 24
    if kind == 'heartbeat':
        return ['response' if b[7] & 1 else 'request', 'seq=%d' % struct.unpack('!I', b[8:12])[0]], 12
    if kind == 'upn':
        return ['seq=%d' % seq, 'reason=%d' % struct.unpack('!H', b[8:10])[0]], 12
    if kind == 'upa':
        return ['seq=%d' % seq, 'status=%d' % b[8]], 12
    if kind == 'hi':  # RFC 5568 6.2.1, RFC 5949 6.1
        return ['seq=%d' % seq, flags(b[8], ((0x80, 'S'), (0x40, 'U'), (0x20, 'P'), (0x10, 'F'))), 'code=%d' % b[9]], 10
    if kind == 'hack':
        return ['seq=%d' % seq, flags(b[8], ((0x80, 'U'), (0x40, 'P'), (0x20, 'F'))), 'code=%d' % b[9]], 10
    return ['seq=%d' % b[6]], 8


def mobility(src, dst, b):
    whole = 8 * (b[1] + 1)
    kind = TYPES.get(b[2], 'type-%d' % b[2])
    words = ['mh', addr(src), '>', addr(dst), kind, checksum(src, dst, 135, b, 4)]
    if b[0] != 59:
        words.append('payload-proto=%d' % b[0])
    if whole != len(b):
        words.append('length=%d/%d' % (len(b), whole))
    elif b[2] in TYPES:
        more, at = fixed(kind, b)
        words += more + options(b[at:])
    return words


def mld(outer, src, dst, b):
    words = ['mld'] + outer + [addr(src), '>', addr(dst)]
    kind = {130: 'query', 131: 'v1-report', 132: 'v1-done', 143: 'v2-report'}[b[0]]
    words += [kind, checksum(src, dst, 58, b, 2)]
    if b[0] == 143:
        n, i = struct.unpack('!H', b[6:8])[0], 8
        for _ in range(n):
            text, used = record(b[i:])
            words.append(text)
            i += used
    else:
        words.append(addr(b[8:24]))
        if b[0] == 130:
            words.append('v%d' % (2 if len(b) >= 28 else 1))
            words.append('response=%d' % struct.unpack('!H', b[4:6])[0])
    return words


def packet(b, outer=None):
    """The line for this IPv6 packet, or None."""
    if len(b) < 40 or b[0] >> 4 != 6:
        return None
    payload, proto, src, dst = struct.unpack('!H', b[4:6])[0], b[6], b[8:24], b[24:40]
    body = b[40:40 + payload]
    if proto == 41 and outer is None:
        return packet(body, [addr(src), '>', addr(dst)])
    if proto == 135:
        return mobility(src, dst, body)
    if proto == 0 and len(body) >= 8:
        proto, body = body[0], body[8 * (body[1] + 1):]
        if proto == 58 and len(body) >= 24 and body[0] in (130, 131, 132, 143):
            return mld(outer or [], src, dst, body)
    return None


def frames(path):
    with open(path, 'rb') as f:
        data = f.read()
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    at = 24
    while at + 16 <= len(data):
        n = struct.unpack(order + 'I', data[at + 8:at + 12])[0]
        yield data[at + 16:at + 16 + n]
        at += 16 + n


def main():
    for path in sys.argv[1:]:
        for f in frames(path):
            if f[12:14] == b'\x86\xdd':
                line = packet(f[14:])
                if line:
                    print(' '.join(line))
    return 1 if bad else 0


sys.exit(main())
