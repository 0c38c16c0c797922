/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Mobility Header messages (RFC 6275 6.1) and the options that Proxy Mobile IPv6 and its multicast extensions
 * define, as host-order structs. mh_decode() decodes a message whole, or refuses it whole. */
#include "base/addr.h"
#include "base/nai.h"
#include "wire/mh_values.h"

#define MH_LEN_MAX 2048	   /* Header Len is 8 bits, in units of 8 octets */
#define MH_NEXT_HEADER 135 /* IPPROTO_MH */

enum mh_type {
	MH_BU = 5,
	MH_BA = 6,
	MH_BE = 7,
	MH_HEARTBEAT = 13,
	MH_HI = 14,
	MH_HACK = 15,
	MH_REVOCATION = 16,
	MH_UPN = 19,
	MH_UPA = 20,
	MH_SUBSCRIPTION_QUERY = 22,
	MH_SUBSCRIPTION_RESPONSE = 23,
};

/* Binding Update flags (IANA; RFC 7161's figure errs on S). */
enum mh_bu_flag {
	MH_BU_A = 0x8000,
	MH_BU_H = 0x4000,
	MH_BU_L = 0x2000,
	MH_BU_K = 0x1000,
	MH_BU_M = 0x0800,
	MH_BU_R = 0x0400,
	MH_BU_P = 0x0200,
	MH_BU_F = 0x0100,
	MH_BU_T = 0x0080,
	MH_BU_B = 0x0040,
	MH_BU_S = 0x0020,
	MH_BU_D = 0x0010,
};

enum mh_ba_flag {
	MH_BA_K = 0x80,
	MH_BA_R = 0x40,
	MH_BA_P = 0x20,
	MH_BA_T = 0x10,
	MH_BA_B = 0x08,
	MH_BA_S = 0x04,
	MH_BA_D = 0x02,
};

/* Binding Acknowledgement status: below 128 accepted. */
enum mh_status {
	MH_ACCEPTED = 0,
	MH_UNSPECIFIED = 128,
	MH_PROHIBITED = 129,
	MH_NO_RESOURCES = 130,
	MH_HOME_REGISTRATION_NOT_SUPPORTED = 131,
	MH_SEQUENCE_OUT_OF_WINDOW = 135,
	MH_ID_MISMATCH = 144,
	MH_MESSAGE_ID_REQUIRED = 145,
	MH_AUTH_FAIL = 146,
	MH_SERVICE_AUTHORIZATION_FAILED = 151,
	MH_PROXY_REG_NOT_ENABLED = 152,
	MH_NOT_LMA_FOR_THIS_MOBILE_NODE = 153,
	MH_MAG_NOT_AUTHORIZED_FOR_PROXY_REG = 154,
	MH_NOT_AUTHORIZED_FOR_HNP = 155,
	MH_TIMESTAMP_MISMATCH = 156,
	MH_TIMESTAMP_LOWER_THAN_PREV_ACCEPTED = 157,
	MH_MISSING_HNP = 158,
	MH_BCE_PBU_PREFIX_SET_DO_NOT_MATCH = 159,
	MH_MISSING_MN_ID = 160,
	MH_MISSING_HI = 161,
	MH_MISSING_ATT = 162,
};
const char *mh_status_name(uint8_t status); /* "ACCEPTED", "NOT_AUTHORIZED_FOR_HNP", ...; "?" for others */
const char *mh_type_name(uint8_t type);
const char *mh_hack_name(uint8_t code); /* of a HAck: "accepted", "prohibited", ... */

enum mh_handoff { /* RFC 5213 8.4 */
	MH_HANDOFF_NEW_INTERFACE = 1,
	MH_HANDOFF_BETWEEN_INTERFACES = 2,
	MH_HANDOFF_BETWEEN_MAGS = 3,
	MH_HANDOFF_UNKNOWN = 4,
	MH_HANDOFF_REREGISTRATION = 5,
	MH_HANDOFF_SHARED_PREFIX = 6, /* RFC 7864 */
};

enum mh_att { /* RFC 5213 8.5: access technology type */
	MH_ATT_VIRTUAL = 1,
	MH_ATT_PPP = 2,
	MH_ATT_ETHERNET = 3,
	MH_ATT_WLAN = 4,
};

enum mh_mnid_subtype { MH_MNID_NAI = 1 };

/* Vendor Specific Mobility option (RFC 5094), this project's sub-types. */
#define MH_PEN_DOCUMENTATION 32473u
enum mh_vsm {
	MH_VSM_CAPABILITIES = 1,
	MH_VSM_RESULT = 2,
	MH_VSM_CONTEXT = 3,
	MH_VSM_DELIVERY = 4,
	MH_VSM_ROLE = 5,
	MH_VSM_QUERY = 6,
	MH_VSM_MARK = 7,
	MH_VSM_MORE = 8, /* not all groups fitted: the rest is to be fetched by a Subscription Query */
};

/* Result of one group of a subscription request, in VSM sub-type 2. */
enum mh_sub_result {
	MH_SUB_ACCEPTED = 0,
	MH_SUB_PROHIBITED = 1,	   /* denied range, or not in the profile */
	MH_SUB_SERVICE_OFF = 2,	   /* the node has no multicast service */
	MH_SUB_LIMIT = 3,	   /* the node's, the peer's or the LMA's limit of groups */
	MH_SUB_NOT_SUPPORTED = 4,  /* scope or address that is never carried */
	MH_SUB_NO_RESOURCES = 5,
};
const char *mh_sub_result_name(uint8_t result);

/* Roles of a gateway, and of an anchor (draft 5 and 6): in capabilities all that there are, in VSM sub-type 5 one. */
enum mh_role { MH_ROLE_PROXY = 0x0001, MH_ROLE_ROUTER = 0x0002, MH_ROLE_LISTENER = 0x0004 };

/* Capabilities, VSM sub-type 1. */
struct mh_capabilities {
	uint8_t version;    /* of this option, 1 */
	uint16_t roles;	    /* enum mh_role */
	uint16_t features;  /* enum mh_feature */
	uint16_t groups_max; /* per node */
};
enum mh_feature {
	MH_FEATURE_MLDV1 = 0x0001,
	MH_FEATURE_MLDV2 = 0x0002,
	MH_FEATURE_AMS_IN_PBU = 0x0004,
	MH_FEATURE_MULTICAST_MOBILITY = 0x0008, /* options 60 and 61 */
	MH_FEATURE_SELECTOR = 0x0010,		/* option 54 */
	MH_FEATURE_IMPLICIT_JOIN = 0x0020,
	MH_FEATURE_CONTEXT_KEPT = 0x0040,
	MH_FEATURE_DELIVERY_L2_UNICAST = 0x0080,
	MH_FEATURE_CONTEXT = 0x0100, /* MH 22 and 23 (RFC 7161), with VSM 19/3 and 19/8 */
	MH_FEATURE_SEAM = 0x0200,    /* VSM 19/7: an LMA that joins and marks for a node that is expected, a MAG that
				      * forwards with a key */
};

/* VSM sub-type 3: what is the same for all groups of a context. */
struct mh_context {
	uint8_t delivery; /* 0 multicast, 1 link-layer unicast */
	uint64_t policy_version;
};
#define MH_CONTEXT_NO_END 0xffffffffu /* mh_record.left_s */

/* VSM sub-type 7: the seam between two paths (docs/handover-predictive.md). What it says. */
enum mh_mark {
	MH_MARK_JOIN = 1,   /* Subscription Query: join the groups for a node that this gateway expects */
	MH_MARK_LABEL = 2,  /* Subscription Query: give the groups their next label */
	MH_MARK_LABELS = 3, /* Subscription Response: the labels from which on */
	MH_MARK_KEY = 4,    /* HI, HAck: what the forwarded packets of the node are to bear */
};
#define MH_LABEL_MASK 0xfffffu
#define MH_KEY_MAX 0xfffu

/* How the records of a message are kept: one pool of addresses for all lists of sources, since a message cannot hold
 * more than it has room for. */
#define MH_SOURCES_MAX 128
#define MH_RECORDS_MAX 112

enum mh_record_proto { /* of option 57 and 56 */
	MH_PROTO_MLDV2 = 143,
	MH_PROTO_MLDV1 = 131,
	MH_PROTO_IGMPV3 = 0x22,
	MH_PROTO_IGMPV2 = 0x16,
	MH_PROTO_IGMPV1 = 0x12,
};

/* One multicast address record of option 54, 56, 57, 60, 61 or VSM 19/2, 19/6. IPv4 groups and sources are v4-mapped.
 * The options of the RFCs carry state, not changes: the decoder makes MODE_IS_INCLUDE or MODE_IS_EXCLUDE of CHANGE_TO_*
 * and ALLOW there, and leaves out what is neither. VSM 19/2 keeps the type that was asked for. */
struct mh_record {
	uint8_t proto;	/* enum mh_record_proto; in option 60 the older ones stand for codes 3 and 4 */
	uint8_t type;	/* record type of RFC 3810 5.2.12; for MLDv1 contexts MODE_IS_EXCLUDE */
	uint8_t result; /* VSM 19/2: enum mh_sub_result; option 61: enum mh_mma_status */
	bool direct;	/* M of the option 54 it came in */
	uint8_t origins, compat; /* VSM 19/3 only: enum sub_origin, version of MLD that is spoken */
	uint32_t left_s;	 /* likewise: until it ends */
	uint32_t label;		 /* VSM 19/7 only: 20 bits */
	struct in6_addr group;
	uint16_t first, n; /* sources[first .. first + n) of the message */
};

/* A run of records[]: of each option that carries records. */
struct mh_records {
	uint16_t first, n;
};

#define MH_HNP_MAX 16
#define MH_VSM_MAX 8
#define MH_CONTEXT_REQUEST_MAX 8

struct mh_vsm_raw {
	uint32_t vendor;
	uint8_t subtype;
	uint8_t len;
	const uint8_t *data; /* in the decoded buffer */
};

enum mh_has {
	MH_HAS_REFRESH_ADVICE = 1 << 0,
	MH_HAS_ALT_COA = 1 << 1,
	MH_HAS_MN_ID = 1 << 2,
	MH_HAS_AUTH = 1 << 3,
	MH_HAS_MESG_ID = 1 << 4,
	MH_HAS_SERVICE = 1 << 5,
	MH_HAS_HANDOFF = 1 << 6,
	MH_HAS_ATT = 1 << 7,
	MH_HAS_LLID = 1 << 8,
	MH_HAS_LINK_LOCAL = 1 << 9,
	MH_HAS_TIMESTAMP = 1 << 10,
	MH_HAS_RESTART_COUNTER = 1 << 11,
	MH_HAS_CONTEXT_REQUEST = 1 << 12,
	MH_HAS_LMA_ADDRESS = 1 << 13,
	MH_HAS_MN_IID = 1 << 14,
	MH_HAS_GROUP_ID = 1 << 15,
	MH_HAS_GRE_KEY = 1 << 16,
	MH_HAS_TRANSIENT_BINDING = 1 << 17,
	MH_HAS_SELECTOR = 1 << 18,	/* option 54 */
	MH_HAS_AMS = 1 << 19,		/* option 56 or 57, one or more */
	MH_HAS_MMO = 1 << 20,		/* option 60 */
	MH_HAS_MMA = 1 << 21,		/* option 61 */
	MH_HAS_CAPABILITIES = 1 << 22,	/* VSM 19/1 */
	MH_HAS_RESULT = 1 << 23,	/* VSM 19/2 */
	MH_HAS_MORE = 1 << 24,		/* VSM 19/8 */
	MH_HAS_ANI = 1 << 25,		/* option 52, kept raw */
	MH_HAS_QUERY = 1 << 26,		/* VSM 19/6 */
	MH_HAS_CONTEXT = 1 << 27,	/* VSM 19/3 */
	MH_HAS_ROLE = 1 << 28,		/* VSM 19/5 */
	MH_HAS_MORE_AFTER = 1 << 29,	/* VSM 19/8 names a group */
	MH_HAS_MARK = 1 << 30,		/* VSM 19/7 */
	MH_HAS_HOME_IPV4 = 1u << 31,
};

struct mh_msg {
	enum mh_type type;
	/* ---- fixed parts; which fields count follows from the type ---- */
	uint16_t seq;	    /* 8 bits for MH 22, 23; 32 for Heartbeat: below */
	uint32_t heartbeat_seq;
	uint16_t flags;	    /* as on the wire; 8 bits of BA, HI, HAck and Subscription Response */
	uint16_t lifetime_4s; /* BU, BA */
	uint8_t status;	    /* BA, BRA, UPA, BE; code of HI and HAck */
	uint8_t revocation; /* MH 16: enum mh_revocation_type */
	uint8_t trigger;    /* BRI */
	uint16_t reason;    /* UPN */
	struct in6_addr home; /* BE */

	/* ---- options ---- */
	uint32_t has; /* enum mh_has */
	uint8_t mn_id_subtype;
	struct nai mn_id; /* subtype 1; other subtypes keep their octets here too */
	uint8_t n_hnp;
	struct prefix hnp[MH_HNP_MAX]; /* an all-zero address asks for assignment */
	uint8_t handoff, att;
	struct lladdr llid;
	struct in6_addr link_local; /* all zero asks the LMA for it */
	uint64_t timestamp;	    /* 48.16 fixed point seconds since 1970 */
	uint16_t refresh_advice_4s;
	struct in6_addr alt_coa;
	uint32_t restart_counter;
	struct in6_addr lma_address;
	struct in6_addr home_ipv4; /* option 36, v4-mapped: the node's IPv4 address in HI and HAck; 0.0.0.0 asks for one */
	uint8_t home_ipv4_len;	   /* of its prefix, 0..32 */
	uint8_t mn_iid[8];
	uint32_t group_id; /* option 50, subtype 1 */
	uint32_t gre_key;
	bool gre_has_key;
	uint8_t transient_flags;
	uint8_t transient_lifetime_100ms;
	uint8_t service_len;
	const uint8_t *service; /* in the decoded buffer; likewise below */
	uint8_t ani_len;
	const uint8_t *ani;
	uint8_t n_context_request;
	struct {
		uint8_t type, len;
		const uint8_t *data;
	} context_request[MH_CONTEXT_REQUEST_MAX];
	uint8_t auth_subtype, auth_len;
	uint32_t auth_spi;
	const uint8_t *auth;
	uint16_t auth_offset; /* of the option in the message: what is authenticated ends after the SPI */
	uint64_t mesg_id;     /* NTP 64 bits */
	struct mh_capabilities capabilities;
	struct mh_context context;
	uint16_t role;		    /* VSM 19/5: one bit, as of mh_capabilities.roles */
	struct in6_addr more_after; /* VSM 19/8: the rest begins behind this group, or (not ::) this source of it */
	struct in6_addr more_source;
	uint8_t mark;		    /* VSM 19/7: enum mh_mark */
	uint16_t key;		    /* MH_MARK_KEY: 12 bits */
	uint8_t n_vsm; /* vendor options of others, or of ours with an unknown sub-type */
	struct mh_vsm_raw vsm[MH_VSM_MAX];

	/* ---- records ---- */
	bool selector_direct; /* M of option 54 for all its records; where they differ, record.direct */
	struct mh_records selector, ams, mmo, mma, result;
	struct mh_records query; /* VSM 19/6: groups alone; none asks for all */
	struct mh_records described; /* VSM 19/3: groups with origins, compat, left_s */
	struct mh_records labels;    /* VSM 19/7: groups with label */
	uint8_t mmo_code; /* option 60: 1..4, of the first record; encoded from the records, this only without any */
	uint8_t mma_status; /* option 61 without records */
	uint16_t n_records, n_sources;
	struct mh_record records[MH_RECORDS_MAX];
	struct in6_addr sources[MH_SOURCES_MAX];
};

/* Why a message was refused. Each has a name, which is also its counter. */
enum mh_err {
	MH_OK = 0,
	MH_ERR_SHORT,	     /* shorter than its Header Len says, or than 8 octets */
	MH_ERR_CHECKSUM,
	MH_ERR_TYPE,	     /* unknown MH type: Binding Error status 2 is the answer (RFC 6275 9.2) */
	MH_ERR_PAYLOAD_PROTO, /* ICMPv6 Parameter Problem, pointer 0 */
	MH_ERR_HEADER_LEN,   /* less than the type's fixed part: Parameter Problem, pointer 1 */
	MH_ERR_OPTION_LENGTH,
	MH_ERR_OPTION_TWICE, /* an option that may stand once stands again */
	MH_ERR_OPTION_VALUE,
	MH_ERR_OPTION_PLACE, /* 60/61 not last, authentication not last, MN-ID after it */
	MH_ERR_TOO_MANY,     /* more prefixes, records or sources than a message may have here */
	MH_ERR_N
};
const char *mh_err_name(enum mh_err e);

struct mh_conf {
	uint32_t pen; /* private enterprise number of our vendor options */
};

/* Decode `len` octets that came from `src` to `dst` (for the checksum; NULL: do not verify, for UDP transport). *ret is
 * written only on MH_OK, and points into `bytes` for what is said to. Order of checks: RFC 6275 9.2. */
enum mh_err mh_decode(const struct mh_conf *conf, const uint8_t *bytes, size_t len, const struct in6_addr *src,
		      const struct in6_addr *dst, struct mh_msg *ret);
/* Of a Binding Update whom it is about, at a glance: for what is only prepared by it, since nothing is checked but that
 * it lies within `len`. False: it does not say. */
struct mh_glance {
	const uint8_t *mn_id; /* in `bytes` */
	uint8_t mn_id_len;
	struct prefix hnp; /* the first; length 0: it names none, or asks for one */
};
bool mh_glance(const uint8_t *bytes, size_t len, struct mh_glance *ret);
/* Does the message point into the octets that it was decoded from? */
bool mh_refers(const struct mh_msg *m);
/* Is an ICMPv6 Parameter Problem the answer to these octets (RFC 6275 9.2)? *pointer is then the octet that it points at.
 * Cheap where it is not. */
bool mh_problem(const uint8_t *bytes, size_t len, const struct in6_addr *src, const struct in6_addr *dst,
		size_t *pointer);
/* Encode with each option's alignment, padding, and the checksum (src NULL: left 0). What is encoded is what `has`,
 * n_hnp, and the record runs say. Returns the length, or 0 when it does not fit in `cap` or in 2048 octets, or cannot
 * be expressed (a list of more than 14 sources in option 57: give several records). */
size_t mh_encode(const struct mh_conf *conf, const struct mh_msg *m, const struct in6_addr *src,
		 const struct in6_addr *dst, uint8_t *bytes, size_t cap);
/* An empty message of that type: to be filled in. */
void mh_init(struct mh_msg *m, enum mh_type type);
/* Append a record to `run`, which is one of the runs of m. More than `per_record` sources are split over records if the
 * type is an INCLUDE one, and cut if it is an EXCLUDE one (RFC 3810 5.2.15). False: no room, and nothing was added. */
bool mh_add_record(struct mh_msg *m, struct mh_records *run, uint8_t proto, uint8_t type, const struct in6_addr *group,
		   const struct in6_addr *sources, size_t n, size_t per_record);
#define MH_AMS_SOURCES 14 /* of option 57, and of VSM 19/2 */
#define MH_MMO_SOURCES 62 /* of options 60 and 61 */

/* RFC 4285: the authenticator covers the message from octet 0, its checksum as 0, up to and including the SPI. In a
 * decoded message that is this many octets (0 without the option); in one that mh_encode() made the option is the very
 * last and its data ends the message, so it is the length less auth_len. */
size_t mh_auth_covered(const struct mh_msg *m);
/* Put the authenticator into an encoded message, which had room for it (auth_len; auth may have been NULL), and the
 * checksum behind it (src NULL: left 0). False: it does not fit. */
bool mh_set_auth(uint8_t *bytes, size_t len, const uint8_t *auth, size_t auth_len, const struct in6_addr *src,
		 const struct in6_addr *dst);
/* 48.16 timestamp of a wall-clock instant, and back. */
uint64_t mh_timestamp_of(int64_t wall_ns);
int64_t mh_timestamp_to_ns(uint64_t ts);
