/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/mh.h"

#include <stddef.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const char *name_in(const char *const *names, size_t n, size_t i)
{
	return i < n && names[i] ? names[i] : "?";
}

/* IANA "Status Codes" of the Binding Acknowledgement, by the names of the RFCs that gave any. */
static const char *const status_names[] = {
	[0] = "ACCEPTED",
	[1] = "ACCEPTED_PREFIX_DISCOVERY_NECESSARY",
	[2] = "GRE_KEY_OPTION_NOT_REQUIRED",
	[3] = "GRE_TUNNELING_BUT_TLV_HEADER_NOT_SUPPORTED",
	[4] = "MCOA_NOTCOMPLETE",
	[5] = "MCOA_RETURNHOME_WO_NDP",
	[6] = "PBU_ACCEPTED_TB_IGNORED_SETTINGSMISMATCH",
	[128] = "UNSPECIFIED",
	[129] = "ADMINISTRATIVELY_PROHIBITED",
	[130] = "INSUFFICIENT_RESOURCES",
	[131] = "HOME_REGISTRATION_NOT_SUPPORTED",
	[132] = "NOT_HOME_SUBNET",
	[133] = "NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE",
	[134] = "DAD_FAILED",
	[135] = "SEQUENCE_OUT_OF_WINDOW",
	[136] = "EXPIRED_HOME_NONCE_INDEX",
	[137] = "EXPIRED_CARE_OF_NONCE_INDEX",
	[138] = "EXPIRED_NONCES",
	[139] = "REGISTRATION_TYPE_CHANGE_DISALLOWED",
	[140] = "MOBILE_ROUTER_OPERATION_NOT_PERMITTED",
	[141] = "INVALID_PREFIX",
	[142] = "NOT_AUTHORIZED_FOR_PREFIX",
	[143] = "FORWARDING_SETUP_FAILED",
	[144] = "ID_MISMATCH",
	[145] = "MESSAGE_ID_REQUIRED",
	[146] = "AUTH_FAIL",
	[147] = "PERMANENT_HOME_KEYGEN_TOKEN_UNAVAILABLE",
	[148] = "CGA_AND_SIGNATURE_VERIFICATION_FAILED",
	[149] = "PERMANENT_HOME_KEYGEN_TOKEN_EXISTS",
	[150] = "NON_NULL_HOME_NONCE_INDEX_EXPECTED",
	[151] = "SERVICE_AUTHORIZATION_FAILED",
	[152] = "PROXY_REG_NOT_ENABLED",
	[153] = "NOT_LMA_FOR_THIS_MOBILE_NODE",
	[154] = "MAG_NOT_AUTHORIZED_FOR_PROXY_REG",
	[155] = "NOT_AUTHORIZED_FOR_HNP",
	[156] = "TIMESTAMP_MISMATCH",
	[157] = "TIMESTAMP_LOWER_THAN_PREV_ACCEPTED",
	[158] = "MISSING_HNP",
	[159] = "BCE_PBU_PREFIX_SET_DO_NOT_MATCH",
	[160] = "MISSING_MN_ID",
	[161] = "MISSING_HI",
	[162] = "MISSING_ATT",
	[163] = "GRE_KEY_OPTION_REQUIRED",
	[164] = "MCOA_MALFORMED",
	[165] = "MCOA_NON_MCOA_BINDING_EXISTS",
	[166] = "MCOA_PROHIBITED",
	[167] = "MCOA_UNKNOWN_COA",
	[168] = "MCOA_BULK_REGISTRATION_PROHIBITED",
	[169] = "MCOA_SIMULTANEOUS_HOME_AND_FOREIGN_PROHIBITED",
	[170] = "NOT_AUTHORIZED_FOR_IPV4_MOBILITY",
	[171] = "NOT_AUTHORIZED_FOR_IPV4_HOA",
	[172] = "NOT_AUTHORIZED_FOR_IPV6_MOBILITY",
	[173] = "MULTIPLE_IPV4_HOA_NOT_SUPPORTED",
	[174] = "INVALID_CARE_OF_ADDRESS",
	[175] = "INVALID_MN_GROUP_ID",
	[176] = "REINIT_SA_WITH_HAC",
	[177] = "NOT_AUTHORIZED_FOR_DELEGATED_MNP",
	[178] = "REQUESTED_DMNP_IN_USE",
	[179] = "CANNOT_MEET_QOS_SERVICE_REQUEST",
	[180] = "CANNOT_SUPPORT_MULTIPATH_BINDING",
};

static const char *const type_names[] = {
	[MH_BU] = "binding-update",
	[MH_BA] = "binding-acknowledgement",
	[MH_BE] = "binding-error",
	[MH_HEARTBEAT] = "heartbeat",
	[MH_HI] = "handover-initiate",
	[MH_HACK] = "handover-acknowledge",
	[MH_REVOCATION] = "binding-revocation",
	[MH_UPN] = "update-notification",
	[MH_UPA] = "update-notification-acknowledgement",
	[MH_SUBSCRIPTION_QUERY] = "subscription-query",
	[MH_SUBSCRIPTION_RESPONSE] = "subscription-response",
};

static const char *const sub_result_names[] = {
	[MH_SUB_ACCEPTED] = "accepted",
	[MH_SUB_PROHIBITED] = "prohibited",
	[MH_SUB_SERVICE_OFF] = "service-off",
	[MH_SUB_LIMIT] = "limit",
	[MH_SUB_NOT_SUPPORTED] = "not-supported",
	[MH_SUB_NO_RESOURCES] = "no-resources",
};

static const char *const hack_names[] = {
	[MH_HACK_ACCEPTED] = "accepted",
	[MH_HACK_CONTEXT_ACCEPTED] = "context-accepted",
	[MH_HACK_CONTEXT_COMPLETE] = "context-complete",
	[MH_HACK_NOT_ACCEPTED] = "not-accepted",
	[MH_HACK_PROHIBITED] = "prohibited",
	[MH_HACK_NO_RESOURCES] = "no-resources",
	[MH_HACK_NO_CONTEXT] = "no-context",
	[MH_HACK_NO_FORWARDING] = "no-forwarding",
};

static const char *const err_names[MH_ERR_N] = {
	[MH_OK] = "ok",
	[MH_ERR_SHORT] = "short",
	[MH_ERR_CHECKSUM] = "checksum",
	[MH_ERR_TYPE] = "type",
	[MH_ERR_PAYLOAD_PROTO] = "payload-proto",
	[MH_ERR_HEADER_LEN] = "header-len",
	[MH_ERR_OPTION_LENGTH] = "option-length",
	[MH_ERR_OPTION_TWICE] = "option-twice",
	[MH_ERR_OPTION_VALUE] = "option-value",
	[MH_ERR_OPTION_PLACE] = "option-place",
	[MH_ERR_TOO_MANY] = "too-many",
};

const char *mh_status_name(uint8_t status)
{
	return name_in(status_names, N(status_names), status);
}

const char *mh_type_name(uint8_t type)
{
	return name_in(type_names, N(type_names), type);
}

const char *mh_hack_name(uint8_t code)
{
	return name_in(hack_names, N(hack_names), code);
}

const char *mh_sub_result_name(uint8_t result)
{
	return name_in(sub_result_names, N(sub_result_names), result);
}

const char *mh_err_name(enum mh_err e)
{
	return name_in(err_names, N(err_names), (size_t)e);
}
