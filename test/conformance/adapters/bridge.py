# SPDX-License-Identifier: BSD-2-Clause
"""The Linux bridge as MLDv2 querier and snooping switch: not a proxy, but an implementation of the router side that is
at hand everywhere, and so a check on the suite itself."""
import platform
import subprocess

from adapters import Base, FORWARD, QUERIER


class Adapter(Base):
    features = frozenset({QUERIER, FORWARD})
    is_switch = True

    @classmethod
    def version(cls):
        return f"of Linux {platform.release()}"

    def __init__(self, bed, settings):
        super().__init__(bed, settings)
        self.timers.last_listener_count = 2
        self.timers.startup_interval = max(1.0, self.timers.startup_interval)  # it takes no less

    def start(self, upstream, downstreams):
        s = self.settings
        ms = 100  # its unit is a hundredth of a second
        lines = ["link add br0 type bridge mcast_snooping 1 mcast_mld_version 2 "
                 f"mcast_query_interval {round(s.query_interval * ms)} "
                 f"mcast_query_response_interval {round(s.query_response * ms)} "
                 f"mcast_startup_query_interval {round(s.query_interval * ms / 4)} "
                 f"mcast_startup_query_count {s.robustness} "
                 f"mcast_last_member_interval {round(s.last_listener_interval * ms)} "
                 f"mcast_membership_interval {round(self.timers.listening * ms)} "
                 f"mcast_querier_interval {round(self.timers.other_querier * ms)}",
                 "addr add fe80::80:0:0:77/64 dev br0 nodad"]
        lines += [f"link set {port} master br0" for port in (upstream, *downstreams)]
        lines += [f"link set {upstream} type bridge_slave mcast_router 2", "link set br0 up",
                  "link set br0 type bridge mcast_querier 1"]
        subprocess.run(["ip", "-n", self.bed.dut, "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True,
                       stdout=subprocess.DEVNULL)
