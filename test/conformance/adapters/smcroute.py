# SPDX-License-Identifier: BSD-2-Clause
"""SMCRoute as static joiner: its command `join` makes it listen, to all sources of a group or to one at a time. It has
the kernel's listener speak for it. SMCROUTE names the folder of its programs where that is not on the PATH."""
import os
import shutil
import subprocess
import time

from adapters import Base, HOST, FAST_LEAVE, Skip

PATH = os.environ.get("SMCROUTE") or os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))


BURST = 30  # joins at once: each is a command, and while they come the kernel puts its reports off


class Adapter(Base):
    features = frozenset({HOST, FAST_LEAVE})
    daemon, control = shutil.which("smcrouted", path=PATH), shutil.which("smcroutectl", path=PATH)

    @classmethod
    def available(cls):
        return None if cls.daemon and cls.control else "there is no smcrouted (Debian's package smcroute; or SMCROUTE)"

    @classmethod
    def version(cls):
        return subprocess.run([cls.daemon, "-v"], capture_output=True, text=True, check=False).stdout.split("\n")[0]

    def __init__(self, bed, settings):
        super().__init__(bed, settings)
        self.joined = {}  # group -> sources, None for all of them
        self.times = []   # of the last joins
        self.socket = os.path.join(self.dir.name, "control")

    def start(self, upstream, downstreams):
        path = self.write("smcroute.conf", "".join(f"phyint {name} enable\n" for name in (upstream, *downstreams)))
        self.command(self.daemon, "-n", "-N", "-f", path, "-u", self.socket, "-P", os.path.join(self.dir.name, "pid"))
        self.wait(lambda: os.path.exists(self.socket))

    def _tell(self, *args):
        done = subprocess.run([self.control, "-u", self.socket, *args], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Skip(f"smcroutectl {' '.join(args)}: {done.stderr.strip() or done.returncode}")

    def listen(self, link, group, mode, sources):
        if mode == "EXCLUDE" and sources:
            raise Skip("it cannot exclude sources")
        new = {None} if mode == "EXCLUDE" else set(sources)
        old = self.joined.get(group, set())
        if new and old and (None in new) != (None in old):
            raise Skip("it cannot change from all sources to some")
        now = time.monotonic()
        times = [t for t in self.times if now - t < 0.5] + [now] * len(new - old)
        if len(times) > BURST:
            raise Skip("it joins one at a time, and too slowly for so many")
        self.times = times
        for source in sorted(new - old, key=str):
            self._tell("join", link, *([source] if source else []), group)
        for source in sorted(old - new, key=str):
            self._tell("leave", link, *([source] if source else []), group)
        self.joined[group] = new
