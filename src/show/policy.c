/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests on the policy store, from the control socket or from a command line that has opened the file itself. */
#include "show/show_priv.h"

#include <errno.h>
#include <string.h>

/* The store's negative errno as an answer. */
static json_t *refused(int r, const char *why, int *status)
{
	*status = -r;
	if (r == -EEXIST)
		return control_error("already", NULL, "%s", why);
	if (r == -ENOENT)
		return control_error("no-such-profile", "`roamcast policy show` lists them all", "%s", why);
	if (r == -EINVAL)
		return control_error("bad-profile", "docs/policy-store.md and roamcast(8) describe the keys", "%s",
				     why);
	return control_error("store", "see that the file can be written and its disk is not full", "%s", why);
}

static json_t *put(struct store *store, const json_t *request, bool new, int *status)
{
	const json_t *profile = json_object_get(request, "profile");
	char why[512] = "";
	int r;

	if (!json_is_object(profile)) {
		*status = EINVAL;
		return control_error("bad-request", NULL, "profile: is missing, or not an object");
	}
	r = store_put(store, profile, new, why, sizeof(why));
	return r ? refused(r, why, status) : json_pack("{s:i}", "stored", 1);
}

static json_t *list(struct store *store, const struct show_filter *f, int *status)
{
	json_t *v = view_new("policy"), *one;
	char mn[NAI_STR_MAX];

	if (!f->has_mn) {
		json_object_set_new(v, "profiles", store_list(store));
		return v;
	}
	one = store_get(store, &f->mn);
	if (one) {
		json_object_set_new(v, "profiles", json_pack("[o]", one));
		return v;
	}
	json_decref(v);
	*status = ENOENT;
	return control_error("no-such-profile", "`roamcast policy show` lists them all", "%s: is not in the store",
			     nai_str(&f->mn, mn));
}

static json_t *take_out(struct store *store, const struct show_filter *f, int *status)
{
	char why[512] = "";
	int r;

	if (!f->has_mn) {
		*status = EINVAL;
		return control_error("bad-request", NULL, "mn: is missing");
	}
	r = store_remove(store, &f->mn, why, sizeof(why));
	return r ? refused(r, why, status) : json_pack("{s:i}", "removed", 1);
}

static json_t *import(struct store *store, const json_t *request, int *status)
{
	const json_t *profiles = json_object_get(request, "profiles");
	char why[512] = "";
	int r = store_import(store, profiles, json_is_true(json_object_get(request, "replace")), why, sizeof(why));

	return r ? refused(r, why, status) : json_pack("{s:I}", "stored", (json_int_t)json_array_size(profiles));
}

json_t *policy_request(struct store *store, const json_t *request, int *status)
{
	const char *action = json_string_value(json_object_get(request, "action"));
	struct show_filter f;
	json_t *error = filter_read(&f, request);

	*status = error ? EINVAL : 0;
	if (error)
		return error;
	if (action && strcmp(action, "add") == 0)
		return put(store, request, true, status);
	if (action && strcmp(action, "set") == 0)
		return put(store, request, false, status);
	if (action && (strcmp(action, "show") == 0 || strcmp(action, "export") == 0))
		return list(store, &f, status);
	if (action && strcmp(action, "remove") == 0)
		return take_out(store, &f, status);
	if (action && strcmp(action, "import") == 0)
		return import(store, request, status);
	*status = EINVAL;
	return control_error("bad-request", "give add, set, show, remove, import or export",
			     "there is no policy action \"%s\"", action ? action : "");
}
