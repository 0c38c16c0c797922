/* SPDX-License-Identifier: BSD-2-Clause */
/* Multicast context between this gateway and an anchor (RFC 7161).
 *
 * As the old gateway: what a node listened to is kept for a while after it has gone (decision 13). It goes into the
 * de-registration, and into the answer to the anchor's Subscription Query.
 * As the new one: what the answer to a registration brings is taken; where it says that there is more, or that there may
 * be something (S without any group), the anchor is asked. Then it is told which of the groups were taken (VSM 19/2),
 * since it may have begun to send them unasked (decision 16). */
#include <string.h>

#include "mag/mag_priv.h"

#define MESSAGE_MAX (1280 - 40) /* never fragmented; the rest goes in another one */
#define MORE_SIZE 48		/* of the option that says so */
#define GIVEN_UP UINT8_MAX	/* as the number of tries: more than can be configured */

bool mag_context_is_on(const struct mag *mag)
{
	return mag->conf.multicast && mag->conf.context != MN_CONTEXT_OFF;
}

static bool describes(const struct mag_peer *peer)
{
	return peer->heard_capabilities && (peer->capabilities.features & MH_FEATURE_CONTEXT);
}

static void send_mh(struct mag *mag, const struct mag_peer *peer, const struct mh_msg *m)
{
	uint8_t bytes[MH_LEN_MAX];
	size_t len = mh_encode(&mag->mh, m, &peer->tunnel.local, &peer->lmaa, bytes, sizeof(bytes));

	if (len)
		fxq_mh(mag->fxq, &peer->tunnel.local, &peer->lmaa, bytes, len);
}

/* ---- the old gateway: what is kept ---- */

struct mag_kept *mag_kept_find(const struct mag *mag, const struct nai *mn)
{
	const struct htab *t = &mag->kept;

	for (struct hnode *h = htab_first(t, htab_hash(t, mn->s, mn->len)); h; h = htab_same(h)) {
		struct mag_kept *k = hnode_owner(h, struct mag_kept, by_mn);

		if (nai_eq(&k->mn, mn))
			return k;
	}
	return NULL;
}

void mag_kept_free(struct mag *mag, struct mag_kept *k)
{
	mn_context_drop(&k->context);
	heap_clear(&mag->heap, &k->end);
	htab_del(&mag->kept, &k->by_mn);
	slab_put(&mag->kept_slab, k);
}

static struct mag_kept *kept_get(struct mag *mag, const struct nai *mn)
{
	struct mag_kept *k = mag_kept_find(mag, mn);

	if (k)
		return k;
	k = slab_get(&mag->kept_slab);
	if (!k)
		return NULL;
	k->mn = *mn;
	deadline_init(&k->end, DL_KEPT);
	if (!htab_add(&mag->kept, &k->by_mn, htab_hash(&mag->kept, mn->s, mn->len))) {
		slab_put(&mag->kept_slab, k);
		return NULL;
	}
	return k;
}

void mag_transfer_keep(struct mag_node *node, struct now now)
{
	struct mag *mag = node->mag;
	/* The de-registration, which tells it, may come as late as this. */
	span_t late = span_max(mag->conf.deregister_after,
			       node->handover[MAG_HANDOVER_OUT] ? mag->conf.handover.after_leave : span_s(0));
	span_t hold = span_max(mag->conf.record_hold, span_ns(late.ns + mag->conf.dereg_wait.ns));
	struct mag_kept *k = mag_context_is_on(mag) && node->peer ? kept_get(mag, &node->mn) : NULL;
	struct mn_context c;

	if (!k || !mag_context_of(node, &c)) {
		mag_count(mag, MAG_C_CONTEXT_NOT_KEPT);
		return;
	}
	/* It has not got yet what it was to get from the anchor: what it had here when it was here last stays. */
	if (addr_eq(&k->lmaa, &node->peer->lmaa) && (node->transfer.open || node->state != MAG_NODE_REGISTERED))
		(void)mn_context_merge(&c, &k->context);
	k->lmaa = node->peer->lmaa;
	k->asked = false;
	mn_context_move(&k->context, c);
	mag_set(mag, &k->end, mono_add(now.mono, hold));
}

size_t mag_transfer_farewell(const struct mag_node *node, struct now now, struct mh_msg *m, size_t room)
{
	const struct mag_kept *k = mag_context_is_on(node->mag) ? mag_kept_find(node->mag, &node->mn) : NULL;
	const size_t more = MORE_SIZE;
	bool knows = describes(node->peer) || !node->peer->heard;
	struct mn_context_place place = {.group = addr_any};

	if (!k || room < more)
		return 0;
	if (!mn_context_put(&k->context, &place, now, m, room - more, knows) && m->ams.n && knows) /* decision 10 */
		mn_context_put_more(&place, m);
	return m->ams.n;
}

/* What there is to tell of the node to this anchor; to be dropped. False: it has no record here. */
static bool record_of(struct mag *mag, const struct nai *mn, const struct mag_peer *peer, struct mn_context *ret)
{
	struct mag_node *node = mag_node_find_mn(mag, mn);
	const struct mag_kept *k = mag_kept_find(mag, mn);
	/* One that left by a handover still has what came along with it since. */
	bool served = node && (mag_node_present(node) || node->state == MAG_NODE_REGISTERED);
	bool here = served && node->peer == peer && mag_context_of(node, ret);

	if (!here)
		*ret = (struct mn_context){.v = NULL};
	if (!k || !addr_eq(&k->lmaa, &peer->lmaa))
		return here;
	/* It came back, and has not spoken since. */
	if (!here || !node->heard_report)
		(void)mn_context_merge(ret, &k->context);
	return true;
}

void mag_transfer_query(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m)
{
	struct mag_peer *peer = mag_peer_find(mag, src);
	struct mn_context c;
	struct mh_msg a;

	mag_count(mag, MAG_C_QUERY_RECEIVED);
	if (!(m->has & MH_HAS_MN_ID))
		return;
	mag_transfer_passed_on(mag, &m->mn_id);
	mh_init(&a, MH_SUBSCRIPTION_RESPONSE);
	a.seq = m->seq;
	a.has = MH_HAS_MN_ID;
	a.mn_id_subtype = m->mn_id_subtype;
	a.mn_id = m->mn_id;
	if (record_of(mag, &m->mn_id, peer, &c)) {
		struct mn_context_place place = mn_context_place_of(m);
		bool knows = describes(peer);
		size_t used = 24 + (size_t)m->mn_id.len + (knows ? MORE_SIZE : 0);
		bool all = mn_context_put(&c, &place, now, &a, (knows ? MESSAGE_MAX : MH_LEN_MAX) - used, knows);

		if (knows) { /* there is a record, even of nothing */
			a.has |= MH_HAS_CONTEXT;
			a.context = (struct mh_context){c.delivery, c.policy_version};
		}
		if (knows && !all && a.ams.n)
			mn_context_put_more(&place, &a);
		a.flags = a.ams.n ? MH_SUBSCRIPTION_I : 0;
		mn_context_drop(&c);
	}
	mag_count(mag, MAG_C_RESPONSE_SENT);
	send_mh(mag, peer, &a);
}

void mag_transfer_passed_on(struct mag *mag, const struct nai *mn)
{
	struct mag_kept *k = mag_kept_find(mag, mn);

	if (k)
		k->asked = true;
}

/* The anchor has nothing: it came back to us before anybody else had heard of it. */
static void take_kept(struct mag_node *node, struct now now)
{
	const struct mag_kept *k = mag_kept_find(node->mag, &node->mn);

	if (k && addr_eq(&k->lmaa, &node->peer->lmaa))
		mag_context_give(node, now, &k->context);
}

/* ---- the new gateway: asking ---- */

static void ask(struct mag_node *node, struct now now)
{
	const struct mag_conf *c = &node->mag->conf;
	struct mh_msg m;

	mh_init(&m, MH_SUBSCRIPTION_QUERY);
	m.seq = node->transfer.seq;
	m.has = MH_HAS_MN_ID;
	m.mn_id_subtype = MH_MNID_NAI;
	m.mn_id = node->mn;
	m.n_hnp = node->n_prefixes;
	memcpy(m.hnp, node->prefixes, node->n_prefixes * sizeof(m.hnp[0]));
	if (node->transfer.parts)
		mn_context_put_more(&node->transfer.place, &m);
	mag_count(node->mag, MAG_C_QUERY_SENT);
	send_mh(node->mag, node->peer, &m);
	/* RFC 7161 leaves open when to repeat. The anchor may have to ask three times itself before it can answer, and
	 * that answer may be lost too: so by default more often than the anchor does. */
	mag_set(node->mag, &node->transfer.due,
		mono_add(now.mono, span_min(span_mul(c->query_delay, INT64_C(1) << node->transfer.tries),
					    c->query_delay_max)));
	node->transfer.tries++;
}

/* For what is behind transfer.place. */
static void ask_for(struct mag_node *node, struct now now)
{
	node->transfer.open = true;
	node->transfer.tries = 0;
	node->transfer.seq = (uint8_t)++node->mag->query_last;
	node->transfer.began = now.mono;
	ask(node, now);
}

void mag_transfer_end(struct mag_node *node)
{
	node->transfer.open = false;
	heap_clear(&node->mag->heap, &node->transfer.due);
	mn_context_drop(&node->transfer.given);
}

/* Asked in vain; an answer that comes late is taken all the same. */
void mag_transfer_expire(struct mag_node *node, struct now now)
{
	mono_t end = mono_add(node->transfer.began, span_max(node->mag->conf.record_hold, span_s(1)));

	if (!node->transfer.open)
		return;
	if (node->transfer.tries < node->mag->conf.query_tries) {
		ask(node, now);
	} else if (mono_before(now.mono, end)) {
		if (node->transfer.tries != GIVEN_UP) {
			mag_count(node->mag, MAG_C_QUERY_GIVEN_UP);
			take_kept(node, now);
		}
		node->transfer.tries = GIVEN_UP;
		mag_set(node->mag, &node->transfer.due, end);
	} else {
		node->transfer.open = false;
	}
}

bool mag_transfer_refused(struct mag_peer *peer)
{
	bool any = false;

	if (peer->answers_queries) /* a Binding Error names no message: this one it knows */
		return false;
	list_each (n, &peer->nodes) {
		struct mag_node *node = list_owner(n, struct mag_node, in_peer);

		if (!node->transfer.open)
			continue;
		any = peer->no_query = true;
		mag_transfer_end(node);
	}
	return any;
}

/* ---- taking ---- */

/* What the anchor may send before it is asked is to be confirmed, or refused, soon. */
static bool is_to_be_confirmed(const struct mag_node *node)
{
	const struct mag_peer *peer = node->peer;

	return node->mag->conf.implicit_join && describes(peer) &&
	       (peer->capabilities.features & MH_FEATURE_IMPLICIT_JOIN);
}

/* A group whose sources go on in this message: those of the one before count as well. */
static bool with_what_was_told(const struct mag_node *node, struct mn_context *c)
{
	const struct in6_addr *group = &node->transfer.place.group;
	const struct mn_group *g = node->transfer.parts ? mn_context_find(c, group) : NULL;
	const struct mag_sub *sub = g ? mag_sub_find(node, group) : NULL;

	return !sub || mn_context_add(c, group, &sub->context, g->compat, g->origins, g->end);
}

static void take(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	const struct mag_kept *k = node->transfer.ours ? mag_kept_find(node->mag, &node->mn) : NULL;
	struct mn_context c = {.v = NULL};

	if (!mn_context_take(&c, now, m, &m->ams) || !with_what_was_told(node, &c))
		mag_count(node->mag, MAG_C_OUT_OF_MEMORY);
	mag_count(node->mag, MAG_C_CONTEXT_TAKEN);
	if (describes(node->peer) && mn_context_merge(&node->transfer.given, &c) && is_to_be_confirmed(node))
		mag_registration_touch(node);
	/* Its registrations from here need not have named all that it listens to. */
	if (k && !mn_context_merge(&c, &k->context))
		mag_count(node->mag, MAG_C_OUT_OF_MEMORY);
	mag_context_give(node, now, &c);
	mn_context_drop(&c);
}

static void ask_for_more(struct mag_node *node, struct now now, const struct mh_msg *m)
{
	struct mn_context_place place = mn_context_place_of(m);
	bool goes_on = mn_context_is_behind(&place, &node->transfer.place) && node->transfer.parts < MN_CONTEXT_PARTS_MAX;

	if (!(m->has & MH_HAS_MORE_AFTER) || !goes_on || node->peer->no_query) {
		node->transfer.open = false;
		return;
	}
	node->transfer.parts++;
	node->transfer.place = place;
	ask_for(node, now);
}

static void from_the_beginning(struct mag_node *node)
{
	node->transfer.parts = 0;
	node->transfer.place = (struct mn_context_place){.group = addr_any};
}

void mag_transfer_accepted(struct mag_node *node, struct now now, const struct mh_msg *m, bool registered)
{
	if (!mag_context_is_on(node->mag))
		return;
	if (!(m->flags & MH_BA_S)) {
		if (registered)
			take_kept(node, now);
		return;
	}
	if (registered) {
		const struct mag_kept *k = mag_kept_find(node->mag, &node->mn);

		node->transfer.ours = node->transfer.ours && k && !k->asked && addr_eq(&k->lmaa, &node->peer->lmaa);
	}
	if (m->has & MH_HAS_AMS) {
		from_the_beginning(node);
		take(node, now, m);
		ask_for_more(node, now, m);
	} else if (!node->peer->no_query) {
		from_the_beginning(node);
		ask_for(node, now);
	}
}

void mag_transfer_response(struct mag *mag, struct now now, const struct in6_addr *src, const struct mh_msg *m)
{
	struct mag_node *node = (m->has & MH_HAS_MN_ID) ? mag_node_find_mn(mag, &m->mn_id) : NULL;

	if (!node || node->state != MAG_NODE_REGISTERED || !node->transfer.open ||
	    !addr_eq(&node->peer->lmaa, src) || node->transfer.seq != m->seq) {
		mag_count(mag, MAG_C_RESPONSE_UNMATCHED);
		return;
	}
	mag_count(mag, MAG_C_RESPONSE_RECEIVED);
	node->peer->answers_queries = true;
	heap_clear(&mag->heap, &node->transfer.due);
	if (!(m->flags & MH_SUBSCRIPTION_I)) {
		node->transfer.open = false;
		take_kept(node, now);
		return;
	}
	take(node, now, m);
	ask_for_more(node, now, m);
}

/* ---- confirming ---- */

void mag_transfer_confirm(const struct mag_node *node, struct mh_msg *m, size_t room)
{
	const struct mn_context *c = &node->transfer.given;

	for (uint16_t i = 0; i < c->n; i++) {
		const struct mag_sub *sub = mag_sub_find(node, &c->v[i].group);
		bool wanted = sub && !filter_is_none(&sub->want);
		size_t size = 20 + (m->result.n % 12 ? 0 : 16);

		if (size > room || !mh_add_record(m, &m->result, MH_PROTO_MLDV2, MLD_MODE_IS_EXCLUDE, &c->v[i].group,
						  NULL, 0, MH_AMS_SOURCES))
			break;
		room -= size;
		m->records[m->result.first + m->result.n - 1].result =
			wanted ? MH_SUB_ACCEPTED : sub ? policy_verdict_result(sub->verdict) : MH_SUB_PROHIBITED;
		if (!wanted && m->records[m->result.first + m->result.n - 1].result == MH_SUB_ACCEPTED)
			m->records[m->result.first + m->result.n - 1].result = MH_SUB_PROHIBITED; /* it left */
	}
	if (m->result.n)
		m->has |= MH_HAS_RESULT;
}

void mag_transfer_confirmed(struct mag_node *node) { mn_context_drop(&node->transfer.given); }
