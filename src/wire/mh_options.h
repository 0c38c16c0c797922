/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The table of mobility options, and what its readers and writers share. Private to the mh_*.c files. */
#include "base/rd.h"
#include "base/wr.h"
#include "wire/mh.h"

/* IANA "Mobility Options". */
enum mh_option_type {
	MH_OPT_PAD1 = 0,		/* RFC 6275 6.2.2 */
	MH_OPT_PADN = 1,		/* RFC 6275 6.2.3 */
	MH_OPT_REFRESH_ADVICE = 2,	/* RFC 6275 6.2.4 */
	MH_OPT_ALT_COA = 3,		/* RFC 6275 6.2.5 */
	MH_OPT_MN_ID = 8,		/* RFC 4283 3 */
	MH_OPT_AUTH = 9,		/* RFC 4285 5 */
	MH_OPT_MESG_ID = 10,		/* RFC 4285 6 */
	MH_OPT_VENDOR = 19,		/* RFC 5094 */
	MH_OPT_SERVICE = 20,		/* RFC 5149 3 */
	MH_OPT_HNP = 22,		/* RFC 5213 8.3 */
	MH_OPT_HANDOFF = 23,		/* RFC 5213 8.4 */
	MH_OPT_ATT = 24,		/* RFC 5213 8.5 */
	MH_OPT_LLID = 25,		/* RFC 5213 8.6 */
	MH_OPT_LINK_LOCAL = 26,		/* RFC 5213 8.7 */
	MH_OPT_TIMESTAMP = 27,		/* RFC 5213 8.8 */
	MH_OPT_RESTART_COUNTER = 28,	/* RFC 5847 3.4 */
	MH_OPT_GRE_KEY = 33,		/* RFC 5845 6.1 */
	MH_OPT_HOME_IPV4 = 36,		/* RFC 5844 3.1.1; 5949 6.2.7 */
	MH_OPT_CONTEXT_REQUEST = 40,	/* RFC 5949 6.2.1 */
	MH_OPT_LMA_ADDRESS = 41,	/* RFC 5949 6.2.2 */
	MH_OPT_MN_IID = 42,		/* RFC 5949 6.2.3 */
	MH_OPT_TRANSIENT_BINDING = 43,	/* RFC 6058 4.1 */
	MH_OPT_GROUP_ID = 50,		/* RFC 6602 4.3 */
	MH_OPT_ANI = 52,		/* RFC 6757 3 */
	MH_OPT_SELECTOR = 54,		/* RFC 7028 5.1 */
	MH_OPT_AMS_IPV4 = 56,		/* RFC 7161 6.1 */
	MH_OPT_AMS = 57,		/* RFC 7161 4.1 */
	MH_OPT_MMO = 60,		/* RFC 7411 5.3 */
	MH_OPT_MMA = 61,		/* RFC 7411 5.4 */
	MH_OPT_N
};

struct mh_reader {
	const struct mh_conf *conf;
	struct mh_msg *m;
	size_t option_at; /* where the option at hand begins */
};

/* Writers report what cannot be said by the sticky `full` of w. */
struct mh_writer {
	const struct mh_conf *conf;
	const struct mh_msg *m;
	struct wr w;
};

/* Where an option may stand. An unaware node misreads the length of 60 and 61 and with it all that follows them. */
enum mh_option_place {
	MH_PLACE_ANY,
	MH_PLACE_BEFORE_AUTH, /* nothing but its like and the authentication behind it */
	MH_PLACE_LAST,
};

struct mh_option {
	uint8_t min, max;	  /* of the Length octet */
	bool repeats;		  /* the reader looks to it itself, where it is more than "any number" */
	bool words;		  /* RFC 7411: Length in 32-bit words, less the first four octets */
	uint8_t align, offset;	  /* RFC 6275 6.2.1: the option begins at align * n + offset */
	enum mh_option_place place;
	uint32_t has;		  /* set before the reader is called; 0: by the reader */
	enum mh_err (*read)(struct mh_reader *d, struct rd *body);
	void (*write)(const struct mh_msg *m, struct wr *w);		/* the body of the one option, if `has` */
	void (*write_all)(struct mh_writer *e, enum mh_option_type type); /* or all options of the type, if any */
};

const struct mh_option *mh_option_of(uint8_t type); /* NULL: to be skipped */
enum mh_option_type mh_option_in_order(size_t i);   /* the order of encoding; MH_OPT_N at the end */

/* Padding, type, length; then the writer's body; then the length is put in. */
size_t mh_option_begin(struct mh_writer *e, enum mh_option_type type);
void mh_option_end(struct mh_writer *e, size_t at);
void mh_pad_to(struct wr *w, size_t align, size_t offset); /* align: a power of two */

/* mh_records.c */
enum mh_err mh_read_selector(struct mh_reader *d, struct rd *body);
enum mh_err mh_read_ams(struct mh_reader *d, struct rd *body);
enum mh_err mh_read_ams_ipv4(struct mh_reader *d, struct rd *body);
enum mh_err mh_read_mmo(struct mh_reader *d, struct rd *body);
enum mh_err mh_read_mma(struct mh_reader *d, struct rd *body);
void mh_write_selector(struct mh_writer *e, enum mh_option_type type);
void mh_write_ams(struct mh_writer *e, enum mh_option_type type);
void mh_write_mmo(struct mh_writer *e, enum mh_option_type type);
void mh_write_mma(struct mh_writer *e, enum mh_option_type type);
/* A record from the wire into a run: its family is that of its proto, its sources (n of them, of address_len octets, in
 * `sources`) are checked and copied. */
enum mh_err mh_take_record(struct mh_msg *m, struct mh_records *run, const struct mh_record *record, size_t address_len,
			   struct rd *sources, size_t n);

/* mh_vendor.c */
enum mh_err mh_read_vendor(struct mh_reader *d, struct rd *body);
void mh_write_vendor(struct mh_writer *e, enum mh_option_type type);
