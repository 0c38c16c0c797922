# SPDX-License-Identifier: BSD-2-Clause
"""Adapters: how to run a daemon in the test bed. One file per daemon, with a class `Adapter`:

    features    what the daemon claims to be able to do; rows that need something else are skipped, and counted
    is_switch   it forwards without counting down the hop limit
    available() None, or why it cannot be run here: then nothing is run, with this message
    version()   what is judged, for the head of the results
    __init__(bed, settings)     settings: see Settings; sets self.timers to what will be in force
    start(upstream, downstreams)    returns when the daemon runs (it may have sent packets before)
    stop()                      ends it (also where it has ended already)
    terminate()                 asks it to end as its service manager would, and waits
    listen(link, group, mode, sources)  with HOST and without PROXY: RFC 3810 4.1, raises Skip where it cannot be said

`self.command(...)` starts the daemon, in the foreground, in its namespace; its output goes to a file that is shown when
it died. `self.run(...)` runs a command there to its end and returns what it says. `self.write(name, text)` makes a file
in a folder that goes with the adapter."""
import dataclasses
import importlib
import importlib.util
import os
import signal
import subprocess
import tempfile
import time

# What a daemon may be able to do.
PROXY = "proxy"                    # reports upstream what its downstream links ask for (RFC 4605); HOST is implied
HOST = "host"                      # listens on its upstream link to what listen() tells it
QUERIER = "querier"                # queries downstream
LINKS = "links"                    # its downstream links are links of their own, each with a querier and a state
FORWARD = "forward"                # forwards data
STATE = "state"                    # what it believes of a link can be seen, upstream or in data; claimed by nobody: it is
                                   # implied by PROXY, and by FORWARD and LINKS together
FAST_LEAVE = "fast-leave"          # can leave without a query when the last listener is known to go; a host always can
MLD1_MODE = "mld1-mode"            # can be told to send MLDv1 queries


class Skip(Exception):
    """The row does not apply to this daemon."""


@dataclasses.dataclass
class Settings:
    """Wishes. What the daemon can not be told it leaves as it is, and says so in its timers."""
    robustness: int = 2
    query_interval: float = 3.0
    query_response: float = 1.0
    last_listener_interval: float = 0.5
    fast_leave: bool = False
    mld1_mode: bool = False


@dataclasses.dataclass
class Timers:
    """RFC 3810 9 as in force, in seconds."""
    robustness: int = 2
    query_interval: float = 125.0
    query_response: float = 10.0
    startup_interval: float = 31.25
    startup_count: int = 2
    last_listener_interval: float = 1.0
    last_listener_count: int = 2
    unsolicited: float = 1.0
    upstream_robustness: int = 2

    @property
    def listening(self):
        return self.robustness * self.query_interval + self.query_response

    @property
    def other_querier(self):
        return self.robustness * self.query_interval + self.query_response / 2

    @property
    def last_listener_time(self):
        return self.last_listener_interval * self.last_listener_count

    @classmethod
    def of(cls, s):
        """All wishes granted."""
        return cls(s.robustness, s.query_interval, s.query_response, s.query_interval / 4, s.robustness,
                   s.last_listener_interval, s.robustness)


class Base:
    features = frozenset()
    is_switch = False

    def __init__(self, bed, settings):
        self.bed, self.settings = bed, settings
        self.timers = Timers.of(settings)
        self.process, self.ended = None, False
        self.dir = tempfile.TemporaryDirectory(prefix="conformance-")
        self.log = os.path.join(self.dir.name, "log")

    @classmethod
    def available(cls):
        return None

    @classmethod
    def version(cls):
        return ""

    def listen(self, link, group, mode, sources):
        raise NotImplementedError("an adapter that claims HOST without PROXY has a listen()")

    def command(self, *args):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["ip", "netns", "exec", self.bed.dut, *args], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def run(self, *args):
        """A command in the daemon's namespace, to its end."""
        done = subprocess.run(["ip", "netns", "exec", self.bed.dut, *args], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(args)}: {done.stderr.strip() or done.returncode}")
        return done.stdout

    def dead(self):
        """Why it no longer runs although nobody ended it, or None."""
        if self.process is None or self.ended or self.process.poll() is None:
            return None
        return f"ended with status {self.process.returncode}"

    def output(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read()
        except OSError:
            return ""

    def write(self, name, text):
        path = os.path.join(self.dir.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def terminate(self, timeout=5.0):
        if self.process is not None and self.process.poll() is None:
            self.ended = True
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def wait(self, condition, timeout=60.0):  # many start at once, and the machine may be busy
        end = time.monotonic() + timeout
        while not condition():
            if self.dead() or time.monotonic() > end:
                raise RuntimeError(f"the daemon did not start: {self.dead() or 'no sign of it'}\n{self.output()[-2000:]}")
            time.sleep(0.05)

    def stop(self):
        self.terminate()
        self.dir.cleanup()


def names():
    here = os.path.dirname(__file__)
    return sorted(f[:-3] for f in os.listdir(here) if f.endswith(".py") and f != "__init__.py")


def load(name):
    """The class of an adapter of this folder, or of a file anywhere."""
    if not name.endswith(".py"):
        return importlib.import_module(f"adapters.{name}").Adapter
    spec = importlib.util.spec_from_file_location("adapter_of_" + os.path.basename(name)[:-3].replace("-", "_"), name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Adapter


def claims(adapter_class):
    """Its features, with what they imply."""
    features = frozenset(adapter_class.features)
    if PROXY in features:
        features |= {HOST, STATE}
    if {FORWARD, LINKS} <= features:
        features |= {STATE}
    return features
