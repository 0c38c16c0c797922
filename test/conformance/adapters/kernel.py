# SPDX-License-Identifier: BSD-2-Clause
"""The Linux kernel's own listener: what sockets ask for is reported by it. Held to the rows of the host side."""
import platform
import socket
import struct
import time

import namespaces
from adapters import Base, FAST_LEAVE, HOST, Skip

# <linux/in.h>; the numbers are the same on all architectures.
MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_MSFILTER = 42, 45, 46, 48
MODES = {"EXCLUDE": 0, "INCLUDE": 1}
SOURCES = 60  # of one socket: net.ipv6.mld_max_msf is 64, and is no namespace's own


def storage(address):
    """struct sockaddr_storage of an address without port."""
    octets = socket.inet_pton(socket.AF_INET6, address)
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, octets, 0).ljust(128, b"\0")


class Adapter(Base):
    features = frozenset({HOST, FAST_LEAVE})

    @classmethod
    def version(cls):
        return f"Linux {platform.release()}"

    def __init__(self, bed, settings):
        super().__init__(bed, settings)
        self.sockets = {}  # group -> those that listen to it; the interface's state is their union

    def start(self, upstream, downstreams):
        with namespaces.inside(self.bed.dut):
            self.index = socket.if_nametoindex(upstream)
        time.sleep(2.5)  # once its address is new the kernel reports all again for a while (RFC 3810 5.2.13)

    def _socket(self):
        with namespaces.inside(self.bed.dut):
            return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)

    def _set(self, sock, option, group, tail=b""):
        sock.setsockopt(socket.IPPROTO_IPV6, option, struct.pack("=I4x", self.index) + storage(group) + tail)

    def listen(self, link, group, mode, sources):
        some = self.sockets.get(group, [])
        if len(sources) > SOURCES and (mode == "EXCLUDE" or some):
            raise Skip(f"a socket's filter holds {SOURCES} sources")
        if not some and mode == "EXCLUDE":
            self.sockets[group] = some = [self._socket()]
            self._set(some[0], MCAST_JOIN_GROUP, group)
            if not sources:
                return
        if some and (sources or mode == "EXCLUDE"):
            self._set(some[0], MCAST_MSFILTER, group, struct.pack("=II", MODES[mode], len(sources)) +
                      b"".join(map(storage, sources)))
            for sock in some[1:]:
                sock.close()
            del some[1:]
            return
        for sock in self.sockets.pop(group, []):
            sock.close()
        for at in range(0, len(sources), SOURCES):
            sock = self._socket()
            self.sockets.setdefault(group, []).append(sock)
            for source in sources[at:at + SOURCES]:
                self._set(sock, MCAST_JOIN_SOURCE_GROUP, group, storage(source))

    def terminate(self, timeout=5):
        for some in self.sockets.values():
            for sock in some:
                sock.close()
        self.sockets.clear()
