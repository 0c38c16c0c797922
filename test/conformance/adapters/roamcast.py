# SPDX-License-Identifier: BSD-2-Clause
"""roamcastd with `role: proxy`. BUILD names the build folder, DATAPLANE the data plane (ebpf, user; auto)."""
import os
import socket
import subprocess

from adapters import Base, FAST_LEAVE, FORWARD, LINKS, MLD1_MODE, PROXY, QUERIER

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
PROGRAM = os.path.join(TOP, os.environ.get("BUILD", "build"), "roamcastd")

CONFIG = """role: proxy
control:
  socket: {dir}/control
dataplane:
  backend: {dataplane}
proxy:
  upstream: {upstream}
  downstream: [{downstreams}]
  mld:
    robustness: {s.robustness}
    query-interval: {query_interval}ms
    query-response: {query_response}ms
    last-listener-interval: {last_listener_interval}ms
    fast-leave: {fast_leave}
    v1-mode: {v1_mode}
"""


def ms(seconds):
    return round(seconds * 1000)


class Adapter(Base):
    features = frozenset({QUERIER, PROXY, LINKS, FORWARD, FAST_LEAVE, MLD1_MODE})

    @classmethod
    def available(cls):
        return None if os.access(PROGRAM, os.X_OK) else f"there is no {os.path.relpath(PROGRAM)}: `make` builds it"

    @classmethod
    def version(cls):
        return subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=False).stdout.strip()

    def start(self, upstream, downstreams):
        s = self.settings
        path = self.write("roamcast.yaml", CONFIG.format(
            dir=self.dir.name, dataplane=os.environ.get("DATAPLANE") or "auto", upstream=upstream,
            downstreams=", ".join(downstreams), s=s, query_interval=ms(s.query_interval),
            query_response=ms(s.query_response), last_listener_interval=ms(s.last_listener_interval),
            fast_leave="yes" if s.fast_leave else "no", v1_mode="yes" if s.mld1_mode else "no"))
        self.command(PROGRAM, "-c", path)
        self.wait(self.answers)

    def answers(self):
        """Whether its control socket takes connections: it runs."""
        with socket.socket(socket.AF_UNIX) as control:
            return control.connect_ex(os.path.join(self.dir.name, "control")) == 0
