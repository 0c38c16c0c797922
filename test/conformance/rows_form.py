# SPDX-License-Identifier: BSD-2-Clause
"""The form of all that the daemon has sent in the run. Only messages about groups beyond the link and queries are
looked at: what the kernel says for itself is not the daemon's."""
import packets as p
from adapters import HOST, PROXY, QUERIER
from bed import Fail
from table import MUST, SHOULD, TEXT, audit


def queries(beds):
    """(bed, link name, query) of all queries."""
    found = [(b, name, k) for b in beds for name, link in b.links.items() for k in link.heard if k.kind == "query"]
    if not found:
        raise Fail("there was no query")
    return found


def reports(beds):
    """(bed, report) of the daemon's own reports upstream."""
    def ours(k):
        groups = [r.group for r in k.records] if k.kind == "report2" else [k.group]
        return k.bad or any(p.raw(g)[1] & 15 > 2 for g in groups)
    found = [(b, k) for b in beds for k in b.links["up"].heard if k.kind in ("report2", "report1", "done1") and ours(k)]
    if not found:
        raise Fail("there was no report")
    return found


def each(ident, section, level, text, expected, what, right):
    """A row that holds when `right(bed, packet)` does for each of them."""
    @audit(ident, section, level, text, expected, needs=[QUERIER] if what == "query" else [HOST])
    def _(beds):
        some = [(b, k) for b, _, k in queries(beds)] if what == "query" else reports(beds)
        wrong = [k for b, k in some if k.bad or not right(b, k)]
        if wrong:
            raise Fail(f"{len(wrong)} of {len(some)}, the first: {wrong[0]}")
        return f"{len(some)} messages"


each("FQ-SOURCE", "3810 5.1.14, 7.6.2", MUST, "queries have a link-local source", "each query from fe80::/64", "query",
     lambda b, k: p.is_link_local(k.src))
each("FQ-HOPLIMIT", "3810 5", MUST, "queries have a Hop Limit of 1", "Hop Limit 1", "query", lambda b, k: k.hop_limit == 1)
each("FQ-ALERT", "3810 5", MUST, "queries carry the Router Alert option", "Router Alert of value 0", "query",
     lambda b, k: k.router_alert == 0)
each("FQ-CHECKSUM", "3810 5.1.2", TEXT, "queries have the right checksum", "a right checksum", "query",
     lambda b, k: k.checksum_ok)
each("FQ-ZERO", "3810 5.1.1, 5.1.4", TEXT, "Code and reserved fields are zero", "zeros", "query",
     lambda b, k: k.code == 0 and k.reserved == 0)
each("FQ-EXTRA", "3810 5.1.12", MUST, "no octets follow the sources of a query", "none", "query",
     lambda b, k: k.extra == 0)
each("FQ-DEST", "3810 5.1.15", TEXT, "General Queries go to all nodes, specific ones to their group", "so", "query",
     lambda b, k: k.dst == (k.group if k.group != "::" else p.text(p.raw(p.ALL_NODES))) and
     k.mac == p.mac_of_group(k.dst))
each("FQ-VARIANT", "3810 5.1.13", TEXT, "General Queries name no sources", "N = 0", "query",
     lambda b, k: k.group != "::" or not k.sources)
each("FQ-QRV", "3810 5.1.8, 5.1.9, 9.1", MUST, "queries tell a Robustness Variable that is not zero, and the Query Interval",
     "QRV = RV, QQIC = QI, but what an elected querier told", "query",
     lambda b, k: k.version == 1 or k.qrv >= 1 and 1 <= k.qqic <= round(b.timers.query_interval))

each("FQ-DELAY", "3810 9.14.2", MUST, "the delay told in General Queries is not above the Query Interval",
     "Maximum Response Code <= QQIC", "query",
     lambda b, k: k.version == 1 or k.group != "::" or k.response <= 1000 * k.qqic)

each("FR-SOURCE", "3810 5.2.13", MUST, "reports have a link-local source, or :: while the link has no such address",
     "each report from fe80::/64, or from :: then", "report",
     lambda b, k: p.is_link_local(k.src) or k.src == "::" and any(x[0] <= k.time <= x[1] + 0.05 for x in b.nameless))
each("FR-HOPLIMIT", "3810 5", MUST, "reports have a Hop Limit of 1", "Hop Limit 1", "report", lambda b, k: k.hop_limit == 1)
each("FR-ALERT", "3810 5", MUST, "reports carry the Router Alert option", "Router Alert of value 0", "report",
     lambda b, k: k.router_alert == 0)
each("FR-CHECKSUM", "3810 5.2.2", TEXT, "reports have the right checksum", "a right checksum", "report",
     lambda b, k: k.checksum_ok)
each("FR-ZERO", "3810 5.2.1", TEXT, "reserved fields are zero", "zeros", "report",
     lambda b, k: k.code == 0 and k.reserved == 0)
each("FR-DEST", "3810 5.2.14", TEXT, "MLDv2 reports go to all MLDv2 routers", "ff02::16", "report",
     lambda b, k: k.kind != "report2" or k.dst == p.ALL_MLD2_ROUTERS and k.mac == p.mac_of_group(k.dst))
each("FR-AUX", "3810 5.2.10", MUST, "records carry no auxiliary data", "Aux Data Len 0", "report",
     lambda b, k: all(r.aux == 0 for r in k.records))
each("FR-EXTRA", "3810 5.2.11", MUST, "no octets follow the last record", "none", "report", lambda b, k: k.extra == 0)
each("FR-EMPTY", "3810 5.2.12, 6.1", TEXT, "IS_IN, ALLOW and BLOCK records without sources are not sent", "none", "report",
     lambda b, k: all(r.sources for r in k.records if r.kind in (p.IS_IN, p.ALLOW, p.BLOCK)))
each("FR-TYPES", "3810 5.2.12", TEXT, "records are of the six types, and no source stands twice in one", "so", "report",
     lambda b, k: all(1 <= r.kind <= 6 and len(r.order) == len(r.sources) for r in k.records))
each("FR-MTU", "3810 5.2.15", TEXT, "reports fit the MTU of the link", "none longer", "report",
     lambda b, k: k.size <= b.mtu)


each("FR-SSM", "4604 2.2.2; 4605 4.3", SHOULD, "nothing is reported in mode EXCLUDE about source-specific groups",
     "no IS_EX and TO_EX record about ff3x::/32", "report",
     lambda b, k: not any(r.kind in (p.IS_EX, p.TO_EX) and p.raw(r.group)[1] >> 4 == 3 and p.raw(r.group)[2:4] == b"\0\0"
                          for r in k.records))


@audit("FR-LOCAL", "3810 6", TEXT, "nothing is ever reported about ff02::1 and groups of scope 0 and 1", "no such record",
       needs=[HOST])
def _(beds):
    reports(beds)
    for b in beds:
        for link in b.links.values():
            for k in link.heard:
                for r in k.records:
                    if r.group == "ff02::1" or p.raw(r.group)[1] & 15 < 2:
                        raise Fail(str(k))


@audit("FP-UPSTREAM", "4605 3", MUST, "the router part of MLD is not performed upstream", "no query upstream",
       needs=[PROXY])
def _(beds):
    queries(beds)
    for b in beds:
        if any(k.kind == "query" for k in b.links["up"].heard):
            raise Fail("a query upstream")


@audit("FP-DOWNSTREAM", "4605 4.1", TEXT, "the host part of MLD for the membership is not performed downstream",
       "no report about a group beyond the link on a downstream link", needs=[PROXY])
def _(beds):
    reports(beds)
    for b in beds:
        for name, link in b.links.items():
            for k in link.heard:
                if name != "up" and any(p.raw(r.group)[1] & 15 > 2 for r in k.records):
                    raise Fail(f"{name}: {k}")
