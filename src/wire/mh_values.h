/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Flags, codes, reasons and statuses of the messages beside Binding Update and Acknowledgement, as on the wire. */

/* Binding Error, RFC 6275 6.1.9. */
enum mh_be_status {
	MH_BE_NO_BINDING = 1,
	MH_BE_UNKNOWN_TYPE = 2, /* how a peer learns that we lack an extension */
};

/* Heartbeat, RFC 5847 3.3. */
enum mh_heartbeat_flag {
	MH_HEARTBEAT_U = 0x0002, /* unsolicited */
	MH_HEARTBEAT_R = 0x0001, /* response */
};

/* Handover Initiate, RFC 5949 6.1.1 (RFC 5568 6.2.1). */
enum mh_hi_flag {
	MH_HI_S = 0x80, /* not with PMIPv6 */
	MH_HI_U = 0x40, /* buffer */
	MH_HI_P = 0x20, /* PMIPv6, always set */
	MH_HI_F = 0x10, /* forward */
};

enum mh_hi_code {
	MH_HI_DEFAULT = 0,
	MH_HI_FORWARDING_COMPLETE = 2,
	MH_HI_CONTEXT_COMPLETE = 3,
};

/* Handover Acknowledge, RFC 5949 6.1.2: the bits of HI, shifted left by one. */
enum mh_hack_flag {
	MH_HACK_U = 0x80,
	MH_HACK_P = 0x40,
	MH_HACK_F = 0x20,
};

enum mh_hack_code {
	MH_HACK_ACCEPTED = 0,
	MH_HACK_CONTEXT_ACCEPTED = 5, /* more may be had */
	MH_HACK_CONTEXT_COMPLETE = 6,
	MH_HACK_NOT_ACCEPTED = 128,
	MH_HACK_PROHIBITED = 129,
	MH_HACK_NO_RESOURCES = 130,
	MH_HACK_NO_CONTEXT = 131,
	MH_HACK_NO_FORWARDING = 132,
};

/* Multicast Acknowledgement option, RFC 7411 5.4. */
enum mh_mma_status {
	MH_MMA_PAYLOAD_UNSUPPORTED = 1, /* no records then */
	MH_MMA_GROUP_UNSUPPORTED = 2,
	MH_MMA_GROUP_PROHIBITED = 3,
};

/* Binding Revocation, RFC 5846 5. */
enum mh_revocation_type {
	MH_BRI = 1,
	MH_BRA = 2,
};

enum mh_revocation_flag {
	MH_REVOCATION_P = 0x8000, /* a proxy binding */
	MH_REVOCATION_V = 0x4000, /* the IPv4 home address alone */
	MH_REVOCATION_G = 0x2000, /* global */
};

enum mh_bri_trigger {
	MH_BRI_UNSPECIFIED = 0,
	MH_BRI_ADMINISTRATIVE = 1,
	MH_BRI_HANDOVER_SAME_ATT = 2,
	MH_BRI_HANDOVER_OTHER_ATT = 3,
	MH_BRI_HANDOVER_UNKNOWN = 4,
	MH_BRI_USER_TERMINATED = 5,
	MH_BRI_NETWORK_TERMINATED = 6,
	MH_BRI_OUT_OF_SYNC = 7,
	MH_BRI_PEER_POLICY = 128, /* global, likewise below */
	MH_BRI_REVOKER_POLICY = 129,
};

enum mh_bra_status {
	MH_BRA_SUCCESS = 0,
	MH_BRA_PARTIAL = 1,
	MH_BRA_NO_BINDING = 128,
	MH_BRA_IPV4_HOA_REQUIRED = 129,
	MH_BRA_GLOBAL_NOT_AUTHORIZED = 130,
	MH_BRA_MN_ID_REQUIRED = 131,
	MH_BRA_MN_ATTACHED = 132,
	MH_BRA_TRIGGER_NOT_SUPPORTED = 133,
	MH_BRA_NOT_SUPPORTED = 134,
	MH_BRA_PROXY_NOT_SUPPORTED = 135,
};

/* Update Notification, RFC 7077 4.1. */
enum mh_upn_flag {
	MH_UPN_A = 0x8000, /* acknowledge */
	MH_UPN_D = 0x4000, /* sent again */
};

enum mh_upn_reason {
	MH_UPN_FORCE_REREGISTRATION = 1,
	MH_UPN_UPDATE_SESSION_PARAMETERS = 2,
	MH_UPN_VENDOR_SPECIFIC = 3,
	MH_UPN_ANI_PARAMS_REQUESTED = 4,
};

/* Update Notification Acknowledgement, RFC 7077 4.2. */
enum mh_upa_status {
	MH_UPA_OK = 0,
	MH_UPA_FAILED = 128,
	MH_UPA_NO_VENDOR_OPTION = 129,
	MH_UPA_UNSPECIFIED = 131,
	MH_UPA_NOT_ATTACHED = 132,
};

/* Subscription Response, RFC 7161 4.3.2. */
enum mh_subscription_flag {
	MH_SUBSCRIPTION_I = 0x80, /* there are active subscriptions, and an option for each */
};
