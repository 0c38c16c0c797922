/* SPDX-License-Identifier: BSD-2-Clause */
/* The explanations of a node's service: each way to fail is told at its own step. */
#include "show/testing.h"
#include "wire/nd.h"

/* The step of this name is in this state, with this in its text; those behind a failed one are not reached. */
static void why(struct fixture *f, bool is_lma, const char *args, bool service, const char *step, const char *state,
		const char *text)
{
	char request[256];
	bool found = false, stopped = false;
	size_t i;
	json_t *v, *s;

	snprintf(request, sizeof(request), "{\"command\": \"why\", %s}", args);
	v = good(f, is_lma, request);
	if (json_is_true(json_object_get(v, "service")) != service)
		fail_msg("%s: %s", args, member(v, "summary"));
	json_array_foreach(json_object_get(json_array_get(json_object_get(v, "views"), 0), "steps"), i, s)
	{
		if (stopped)
			assert_string_equal(member(s, "state"), "not-reached");
		if (strcmp(member(s, "state"), "ok") != 0) {
			if (!stopped)
				assert_non_null(member(s, "remedy"));
			stopped = true;
		}
		if (strcmp(member(s, "step"), step) != 0)
			continue;
		found = true;
		if (strcmp(member(s, "state"), state) != 0 || !strstr(member(s, "text"), text))
			fail_msg("%s: %s is %s: %s; %s", args, step, member(s, "state"), member(s, "text"),
				 member(v, "summary"));
	}
	if (!found)
		fail_msg("%s: no step \"%s\"; %s", args, step, member(v, "summary"));
	json_decref(v);
}

/* What a MAG says to do about the node that is not there. */
static void remedy(struct fixture *f, const char *args, const char *text)
{
	char request[256];
	json_t *v, *s;

	snprintf(request, sizeof(request), "{\"command\": \"why\", %s}", args);
	v = good(f, false, request);
	s = json_array_get(json_object_get(json_array_get(json_object_get(v, "views"), 0), "steps"), 0);
	if (!strstr(member(s, "remedy"), text))
		fail_msg("%s: %s", args, member(s, "remedy"));
	json_decref(v);
}

#define ALICE "\"mn\": \"alice@x\""

static void why_not_here(void **state)
{
	struct fixture *f = *state;

	why(f, false, "\"mn\": \"nobody\"", false, "seen", "failed", "policy store does not know it");
	why(f, false, ALICE, false, "seen", "failed", "no packet of its link-layer addresses was heard");
	why(f, false, "\"mn\": \"bare@x\"", false, "seen", "failed",
	    "no link-layer address by which it could be known");
	why(f, true, ALICE, false, "registered", "failed", "no MAG has registered it here");
	do_good(f, ATTACH_ALICE);
	do_good(f, "{\"command\": \"detach\", " ALICE "}");
	run(f, span_s(30));
	why(f, false, ALICE, false, "seen", "failed", "left at 2026-05-28T");
	remedy(f, ALICE, "sent away by hand");
	why(f, true, ALICE, false, "registered", "failed", "was given up at 2026-05-28T");
	do_good(f, ATTACH_ALICE);
	mag_link_down(f->mag, f->now, 7);
	run(f, span_s(30));
	remedy(f, ALICE, "if the node is off");
}

static void why_service(void **state)
{
	struct fixture *f = *state;

	do_good(f, ATTACH_ALICE);
	why(f, false, ALICE, true, "registered", "ok", "LMA " LMAA " accepted: 2001:db8:80");
	why(f, true, ALICE, true, "registered", "ok", "at MAG " COA " m1, 2001:db8:80");
	why(f, false, "\"mn\": \"02:00:00:00:00:01\"", true, "registered", "ok", "accepted");
	/* A group: not asked for, refused, granted. */
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", false, "subscription", "failed",
	    "has not asked for the group");
	why(f, true, ALICE ", \"group\": \"ff3e::8000:1\"", false, "subscription", "failed", "its MAG has not asked");
	why(f, false, ALICE ", \"group\": \"ff1e::9\"", false, "subscription", "failed",
	    "it would be refused: denied-range");
	why(f, false, ALICE ", \"group\": \"ff02::9\"", false, "subscription", "failed", "it would be refused: scope");
	do_good(f, SUBSCRIBE);
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", true, "subscription", "ok",
	    "asked for by admin, from named sources");
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", true, "LMA", "ok",
	    "was asked in the registration and accepted");
	why(f, true, ALICE ", \"group\": \"ff3e::8000:1\"", true, "upstream", "ok", "joined on up0 for 1 MAG");
}

static void why_terminated(void **state)
{
	struct fixture *f = *state;

	do_good(f, ATTACH_ALICE);
	do_good(f, SUBSCRIBE);
	do_good(f, "{\"command\": \"terminate\", \"group\": \"ff3e::8000:1\"}");
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", false, "subscription", "failed", "terminated by the network");
	do_good(f, SUBSCRIBE);
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", true, "subscription", "ok", "asked for by admin");
	do_good(f, "{\"command\": \"terminate\", " ALICE "}");
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", false, "multicast service", "failed", "an operator has ended");
	why(f, false, ALICE, true, "registered", "ok", "accepted");
}

/* It is told where it was done, and what brings the group back. */
static void why_terminated_at_the_lma(void **state)
{
	struct in6_addr source, group;
	struct fixture *f = *state;

	assert_true(addr_parse("2001:db8:5::5", &source) && addr_parse("ff3e::8000:1", &group));
	do_good(f, ATTACH_ALICE);
	do_good(f, SUBSCRIBE);
	json_decref(good(f, true, "{\"command\": \"terminate\", \"group\": \"ff3e::8000:1\"}"));
	why(f, true, ALICE ", \"group\": \"ff3e::8000:1\"", false, "subscription", "failed",
	    "the group was terminated here at 2026-05-28T");
	run(f, span_s(3)); /* and the MAG has taken it out of the registration */
	why(f, true, ALICE ", \"group\": \"ff3e::8000:1\"", false, "subscription", "failed", "by an operator");
	why(f, true, ALICE ", \"group\": \"ff1e::9\"", false, "subscription", "failed", "its MAG has not asked");
	do_good(f, "{\"command\": \"unsubscribe\", \"mn\": \"alice@x\", \"group\": \"ff3e::8000:1\", \"source\": "
		   "\"2001:db8:5::5\"}");
	run(f, span_s(1));
	do_good(f, SUBSCRIBE);
	run(f, span_s(1));
	why(f, true, ALICE ", \"group\": \"ff3e::8000:1\"", true, "subscription", "ok", "asked for by its MAG");
	lma_source_silent(f->lma, f->now, &source, &group, true);
	pump(f);
	why(f, true, ALICE ", \"group\": \"ff3e::8000:1\"", false, "subscription", "failed",
	    "its source 2001:db8:5::5 had fallen silent");
}

static void why_profile_forbids(void **state)
{
	struct fixture *f = *state;

	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:02\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"off@x\"", false, "authorised", "failed", "its profile is switched off");
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:04\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"far@x\"", false, "authorised", "failed", "does not permit this MAG");
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:03\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"deaf@x\"", true, "registered", "ok", "accepted");
	why(f, false, "\"mn\": \"deaf@x\", \"group\": \"ff1e::1:1\"", false, "multicast service", "failed",
	    "multicast switched off");
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:99\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"02:00:00:00:00:99\"", false, "identified", "failed",
	    "knows no node of link-layer address 02:00:00:00:00:99");
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:05\", \"link\": \"acc1\"}");
	why(f, false, "\"mn\": \"late@x\", \"group\": \"ff1e::5:6\"", true, "subscription", "ok",
	    "profile (mandatory), from any source");
	why(f, false, "\"mn\": \"late@x\", \"group\": \"ff1e::5:5\"", false, "subscription", "pending",
	    "starts it at 2030-01-01T00:00:00Z");
	refused(f, false, "{\"command\": \"unsubscribe\", \"mn\": \"late@x\", \"group\": \"ff1e::5:6\"}", "mandatory",
		"mandatory");
}

#define OTHER "\"mn\": \"02:00:00:00:00:11\""

static void why_another_interface(void **state)
{
	static const uint8_t first[6] = { 2, 0, 0, 0, 0, 1 };
	const struct nd_msg rs = { .type = ND_RS, .dst = addr_all_routers, .src = { { { 0xfe, 0x80, [15] = 1 } } } };
	struct fixture *f = *state;
	uint8_t bytes[128];

	do_good(f, ATTACH_ALICE);
	do_good(f, "{\"command\": \"attach\", \"lladdr\": \"02:00:00:00:00:11\", \"link\": \"acc1\"}");
	why(f, false, OTHER, true, "registered", "ok", "accepted");
	mag_recv_link(f->mag, f->now, 7, first, bytes, nd_encode(&rs, bytes, sizeof(bytes)));
	pump(f);
	why(f, false, OTHER, true, "registered", "ok", "accepted");
	why(f, false, "\"mn\": \"02:00:00:00:00:01\"", false, "identified", "failed",
	    "another interface of a node that is served at 02:00:00:00:00:11 on acc1");
}

static void why_lma_silent(void **state)
{
	struct fixture *f = *state;

	f->cut = true;
	do_good(f, ATTACH_ALICE);
	why(f, false, ALICE, false, "registered", "pending", "is on its way to LMA " LMAA);
	run(f, span_s(8));
	why(f, false, ALICE, false, "registered", "failed", "has not answered");
	why(f, false, ALICE, false, "advertised", "not-reached", "");
	f->cut = false;
	run(f, span_s(10));
	why(f, false, ALICE, true, "registered", "ok", "accepted");
}

static void why_lma_died(void **state)
{
	struct fixture *f = *state;

	do_good(f, ATTACH_ALICE);
	run(f, span_s(5));
	why(f, false, ALICE, true, "registered", "ok", "its last Heartbeat was ");
	f->cut = true;
	run(f, span_s(14));
	why(f, false, ALICE, false, "registered", "failed", "has not answered a Heartbeat for ");
	f->cut = false;
	run(f, span_s(3));
	why(f, false, ALICE, true, "registered", "ok", "accepted: 2001:db8:80");
}

static void why_silent_source(void **state)
{
	struct in6_addr source, group;
	struct fixture *f = *state;

	assert_true(addr_parse("2001:db8:5::5", &source) && addr_parse("ff3e::8000:1", &group));
	do_good(f, ATTACH_ALICE);
	do_good(f, SUBSCRIBE);
	mag_source_silent(f->mag, f->now, &source, &group, true);
	run(f, span_s(5));
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", false, "subscription", "failed", "had fallen silent");
	why(f, false, ALICE ", \"group\": \"ff3e::8000:1\"", false, "LMA", "not-reached", "");
}

static void why_lma_refuses(void **state)
{
	struct fixture *f = *state;

	stop(f);
	start(f, "2001:db8:77::/64");
	do_good(f, ATTACH_ALICE);
	why(f, false, ALICE, false, "registered", "failed", "refused with status 154 MAG_NOT_AUTHORIZED_FOR_PROXY_REG");
}

#define OLD_COA "2001:db8:1::2"
#define STREAM ", \"group\": \"ff3e::8000:1\""

/* Alice at another MAG, which asks for the stream in her registration, and then is never heard again. */
static void elsewhere(struct fixture *f)
{
	struct in6_addr coa, lmaa, group, source;
	static struct mh_msg m;
	uint8_t bytes[MH_LEN_MAX];

	assert_true(addr_parse(OLD_COA, &coa) && addr_parse(LMAA, &lmaa));
	assert_true(addr_parse("ff3e::8000:1", &group) && addr_parse("2001:db8:5::5", &source));
	mh_init(&m, MH_BU);
	m.seq = 1;
	m.flags = MH_BU_A | MH_BU_P | MH_BU_S;
	m.lifetime_4s = 100;
	m.has = MH_HAS_MN_ID | MH_HAS_HANDOFF | MH_HAS_ATT | MH_HAS_LLID | MH_HAS_TIMESTAMP | MH_HAS_CAPABILITIES;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = nai_of("alice@x", 7);
	m.handoff = MH_HANDOFF_NEW_INTERFACE;
	m.att = MH_ATT_ETHERNET;
	m.llid = lladdr_of((const uint8_t[]){ 2, 0, 0, 0, 0, 1 }, 6);
	m.timestamp = mh_timestamp_of(f->now.wall.ns);
	m.capabilities = (struct mh_capabilities){ 1, MH_ROLE_PROXY, MH_FEATURE_AMS_IN_PBU | MH_FEATURE_CONTEXT, 32 };
	m.n_hnp = 1;
	assert_true(mh_add_record(&m, &m.ams, MH_PROTO_MLDV2, MLD_MODE_IS_INCLUDE, &group, &source, 1, MH_AMS_SOURCES));
	m.has |= MH_HAS_AMS;
	lma_recv_mh(f->lma, f->now, &coa, &lmaa, bytes,
		    mh_encode(&(struct mh_conf){ .pen = MH_PEN_DOCUMENTATION }, &m, &coa, &lmaa, bytes, sizeof(bytes)));
	pump(f);
}

/* A node that moved: how far what it listened to has come, at both. */
static void why_context(void **state)
{
	struct fixture *f = *state;

	stop(f);
	start(f, "2001:db8:1::/64");
	elsewhere(f);
	why(f, true, ALICE, true, "registered", "ok", "at MAG " OLD_COA);
	run(f, span_s(1));
	do_good(f, ATTACH_ALICE);
	why(f, true, ALICE, true, "context", "ok", "MAG " OLD_COA ", where it was, is asked what it listened to (queries: 1");
	why(f, true, ALICE STREAM, false, "subscription", "pending", "the node listened to the group at the MAG before");
	why(f, true, ALICE ", \"group\": \"ff1e::1:1\"", false, "subscription", "pending",
	    "MAG " OLD_COA ", where the node was, has not told yet");
	why(f, false, ALICE, true, "context", "ok", "LMA " LMAA " was asked what it listened to at the MAG before");
	why(f, false, ALICE STREAM, false, "subscription", "pending", "what it listened to before is not known yet");
	run(f, span_s(2)); /* the other MAG does not answer: what its registration had said is what there is */
	why(f, false, ALICE, true, "context", "ok", "of which it has not spoken here: 1");
	why(f, false, ALICE STREAM, true, "subscription", "ok", "asked for by context");
	why(f, true, ALICE STREAM, true, "subscription", "ok", "asked for by its MAG in this node's registration");
}

static void why_handed_over(void **state)
{
	struct fixture *f = *state;

	do_good(f, ATTACH_ALICE);
	do_good(f, SUBSCRIBE);
	do_good(f, HAND_OVER);
	why(f, false, ALICE, true, "handover", "ok", "it is to go to MAG mag2: initiating");
	run(f, span_s(3)); /* which does not answer */
	why(f, false, ALICE STREAM, true, "subscription", "ok", "asked for by admin");
}

/* At the MAG that it was announced to. */
static void why_expected(void **state)
{
	struct in6_addr coa, from;
	struct fixture *f = *state;
	static struct mh_msg m;
	uint8_t bytes[MH_LEN_MAX];

	assert_true(addr_parse(COA, &coa) && addr_parse("2001:db8:3::1", &from));
	mh_init(&m, MH_HI);
	m.seq = 1;
	m.flags = MH_HI_U | MH_HI_P;
	m.has = MH_HAS_MN_ID | MH_HAS_LMA_ADDRESS;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = nai_of("alice@x", 7);
	m.n_hnp = 1;
	assert_true(prefix_parse("2001:db8:8000::/64", &m.hnp[0]) && addr_parse(LMAA, &m.lma_address));
	mag_recv_mh(f->mag, f->now, &from, &coa, bytes,
		    mh_encode(&(struct mh_conf){ .pen = MH_PEN_DOCUMENTATION }, &m, &from, &coa, bytes, sizeof(bytes)));
	pump(f);
	why(f, false, ALICE, false, "seen", "ok", "announced by another MAG; not on a link here yet");
	why(f, false, ALICE, false, "handover", "ok", "handed over from MAG mag2: ");
	why(f, false, ALICE, false, "registered", "pending", "its streams are held for it");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(why_not_here),
		TEST(why_service),
		TEST(why_terminated),
		TEST(why_terminated_at_the_lma),
		TEST(why_profile_forbids),
		TEST(why_another_interface),
		TEST(why_lma_silent),
		TEST(why_lma_died),
		TEST(why_silent_source),
		TEST(why_lma_refuses),
		TEST(why_context),
		TEST(why_handed_over),
		TEST(why_expected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
