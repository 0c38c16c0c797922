# SPDX-License-Identifier: BSD-2-Clause
"""No daemon at all, which claims to do everything: a row that it passed would prove nothing. There is none."""
from adapters import Base, FAST_LEAVE, FORWARD, HOST, LINKS, MLD1_MODE, PROXY, QUERIER


class Adapter(Base):
    features = frozenset({QUERIER, PROXY, LINKS, FORWARD, FAST_LEAVE, MLD1_MODE})

    def start(self, upstream, downstreams):
        pass
