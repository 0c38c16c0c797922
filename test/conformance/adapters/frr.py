# SPDX-License-Identifier: BSD-2-Clause
"""FRR's pim6d: a PIM router with MLD on its downstream links, so no proxy. Held to the rows of the router side, its
state being seen in the queries it sends and the data it lets through. FRR_ROOT names a folder that holds FRR and its
libraries as a root file system where they are not those of this machine (Debian 12's own FRR has no pim6d)."""
import os
import shutil
import subprocess

from adapters import Base, FORWARD, LINKS, MLD1_MODE, QUERIER

ROOT = os.environ.get("FRR_ROOT", "/").rstrip("/")
LIBEXEC = "/usr/lib/frr/"
DAEMON = ["-P", "0", "--log", "stdout", "--log-level", "warnings"]


def program(name):
    return (["chroot", ROOT] if ROOT else []) + [LIBEXEC + name]


class Adapter(Base):
    features = frozenset({QUERIER, LINKS, FORWARD, MLD1_MODE})

    @classmethod
    def available(cls):
        if not os.access(f"{ROOT}{LIBEXEC}pim6d", os.X_OK):
            return f"there is no {ROOT}{LIBEXEC}pim6d (FRR since 9, Debian 13's package frr; or FRR_ROOT)"
        return None

    @classmethod
    def version(cls):
        return subprocess.run([*program("pim6d"), "--version"], capture_output=True, text=True,
                              check=False).stdout.split("\n")[0]

    def __init__(self, bed, settings):
        super().__init__(bed, settings)
        self.others = []
        # A name of their own keeps the daemons of several beds apart.
        self.space = f"conformance-{bed.prefix}"
        self.folder = f"{ROOT}/run/frr/{self.space}"

    def start(self, upstream, downstreams):
        s = self.settings
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o777)  # the daemons run as a user of their own
        lines = []
        for name in downstreams:
            lines += [f"interface {name}", " ipv6 pim", " ipv6 pim passive", " ipv6 mld",
                      f" ipv6 mld version {1 if s.mld1_mode else 2}",
                      # In this order: an interval below the response time in force is refused.
                      f" ipv6 mld query-max-response-time {round(s.query_response * 10)}",
                      f" ipv6 mld query-interval {round(s.query_interval)}",
                      f" ipv6 mld last-member-query-interval {round(s.last_listener_interval * 10)}",
                      f" ipv6 mld last-member-query-count {self.timers.last_listener_count}", "exit"]
        lines += [f"interface {upstream}", " ipv6 pim", " ipv6 pim passive", "exit",
                  "router pim6", " rp 2001:db8:10::1", "exit"]
        with open(f"{self.folder}/pim6d.conf", "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        for name, config, sign in (("mgmtd", [], "mgmtd_be.sock"), ("zebra", [], "zserv.api"),
                                   ("pim6d", ["-f", f"/run/frr/{self.space}/pim6d.conf"], "pim6d.vty")):
            if self.process is not None:
                self.others.append(self.process)
            self.command(*program(name), *DAEMON, "-N", self.space, *config)
            self.wait(lambda path=f"{self.folder}/{sign}": os.path.exists(path))

    def stop(self):
        self.terminate()
        while self.others:
            self.process = self.others.pop()
            self.terminate()
        shutil.rmtree(self.folder, ignore_errors=True)
        super().stop()
