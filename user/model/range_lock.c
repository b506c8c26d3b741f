// SPDX-License-Identifier: GPL-2.0
#include "model/range_lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/macro.h"
#include "base/units.h"

#define PAGE_SHIFT 12

static const char *const roles[] = {
	[IOR_RANGE_LOCK_ACQUIRE] = "acquire", [IOR_RANGE_LOCK_ACQUIRE_SHARED] = "acquire-shared",
	[IOR_RANGE_LOCK_TRY] = "trylock",     [IOR_RANGE_LOCK_TRY_SHARED] = "trylock-shared",
	[IOR_RANGE_LOCK_RELEASE] = "release",
};
_Static_assert(ARRAY_SIZE(roles) == IOR_RANGE_LOCK_ROLE_COUNT_, "every role has a name");

const char *range_lock_role_name(uint8_t role)
{
	return role < ARRAY_SIZE(roles) ? roles[role] : "unknown";
}

/* ---- presets --------------------------------------------------------------------------------- */

/*
 * The published designs. Their functions are taken as far as the kernel has them; none of these
 * was merged, so a patch may differ in the layout of its lock: the words behind the preset win.
 */
static const struct {
	const char *name;
	const char *source;
	const char *words;
} presets[] = {
	{"generic", "range_lock() and range_unlock(), the layout as the types have it",
	 "acquire=range_lock,trylock=range_trylock,release=range_unlock"},
	{"kara",
	 "Jan Kara, \"lib: Implement range locks\", linux-kernel, 31 Jan 2013; of mappings: pages",
	 "acquire=range_lock,release=range_unlock,range=node.start..=node.last,unit=pages"},
	{"bueso", "Davidlohr Bueso, \"locking: Introduce range reader/writer lock\", 2017 and 2018",
	 "acquire=range_write_lock,acquire-shared=range_read_lock,"
	 "acquire=range_write_lock_interruptible,acquire-shared=range_read_lock_interruptible,"
	 "trylock=range_write_trylock,trylock-shared=range_read_trylock,"
	 "release=range_write_unlock,release=range_read_unlock,range=node.start..=node.last"},
	{"lustre", "Lustre, lustre/llite/range_lock.h, with rl_start and rl_last",
	 "acquire=range_lock,release=range_unlock,range=rl_start..=rl_last"},
	{"chinner",
	 "Dave Chinner, \"[POC][PATCH] xfs: reduce ilock contention on buffered randrw\", "
	 "linux-xfs, 20 Sep 2022; fragments, names of the read side not verified",
	 "acquire=range_lock_write,acquire-shared=range_lock_read,release=range_unlock_write,"
	 "release=range_unlock_read,range=start..end"},
	{"fuse",
	 "FUSE local IO range lock, fs/fuse, out of tree; its mode argument is not read: "
	 "exclusive unless shared= says",
	 "acquire=fuse_range_lock_acquire_init,acquire=fuse_range_lock_acquire_ready,"
	 "release=fuse_range_lock_release,range=arg3..=arg4"},
};

static const char keys[] =
	"--range-lock acquire=FUNC,release=FUNC[,KEY=VALUE...]\n"
	"--range-lock preset=NAME[,KEY=VALUE...]\n"
	"\n"
	"  acquire=FUNC, acquire-shared=FUNC  returns when the lock is held\n"
	"  trylock=FUNC, trylock-shared=FUNC  returns 0 when it is not (try-fails=negative: < 0)\n"
	"  release=FUNC                       entered: not held any more. All may be repeated\n"
	"  where=outside|inside  taken before the data path is entered (iomap_dio_rw(),\n"
	"                        dax_iomap_rw() ...), or within it. outside\n"
	"  lock=argN|none        which argument is the lock object; by its type, else arg2\n"
	"  tree=argN|none        which is the tree: locks of two do not exclude each other. arg1\n"
	"  range=START..END      where its range stands: argN, a member of the lock object\n"
	"  range=START..=LAST    (node.start) or an offset in it (+16); or range=none. By type\n"
	"  unit=bytes|pages      of START and END. bytes\n"
	"  shared=WHERE:VALUE    held shared where that is VALUE\n"
	"  attach=best|fentry|kprobe\n"
	"  name=TEXT             as reports have it; the name of the first function\n"
	"\n"
	"Presets, of which later words win:\n";

int range_lock_help(struct buf *out)
{
	buf_puts(out, keys);
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++)
		buf_printf(out, "\n  preset=%s\n    %s\n    %s\n", presets[i].name,
			   presets[i].source, presets[i].words);
	return out->error;
}

/* ---- words ----------------------------------------------------------------------------------- */

static int wrong(struct reason *why, const char *key, const char *value, const char *wanted)
{
	return reason_fail(why, -EINVAL, "--range-lock %s=%s: %s", key, value, wanted);
}

static bool is_name(const char *text, const char *more)
{
	size_t len =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (!len || (*text >= '0' && *text <= '9'))
		return false;
	if (text[len] && more && strchr(more, text[len]))
		return is_name(text + len + 1, more);
	return !text[len];
}

static bool was_given(const struct range_lock_spec *spec, const struct range_lock_function *f)
{
	for (size_t i = 0; i < spec->functions_len; i++) {
		if (spec->functions[i].role == f->role && !strcmp(spec->functions[i].name, f->name))
			return true;
	}
	return false;
}

/* A function that is named replaces those that the preset has for its role. */
static void drop_presets(struct range_lock_spec *spec, enum ior_range_lock_role role)
{
	size_t kept = 0;

	for (size_t i = 0; i < spec->functions_len; i++) {
		if (spec->functions[i].role != role || !spec->functions[i].optional)
			spec->functions[kept++] = spec->functions[i];
	}
	spec->functions_len = kept;
}

static int take_function(struct range_lock_spec *spec, enum ior_range_lock_role role,
			 const char *value, bool preset, struct reason *why)
{
	struct range_lock_function function = {.role = role, .optional = preset};

	if (!is_name(value, NULL) || strlen(value) >= sizeof(function.name))
		return wrong(why, roles[role], value, "the name of a kernel function is wanted");
	snprintf(function.name, sizeof(function.name), "%s", value);
	if (!preset)
		drop_presets(spec, role);
	if (was_given(spec, &function))
		return wrong(why, roles[role], value, "given twice");
	if (spec->functions_len == IOR_RANGE_LOCK_FUNCTIONS_MAX)
		return reason_fail(why, -EINVAL, "--range-lock: at most %d functions",
				   IOR_RANGE_LOCK_FUNCTIONS_MAX);
	spec->functions[spec->functions_len++] = function;
	return 0;
}

/* "arg2" */
static bool parse_arg(const char *text, unsigned int *ret)
{
	if (strncmp(text, "arg", 3) != 0 || text[3] < '1' ||
	    text[3] > '0' + IOR_RANGE_LOCK_ARGS_MAX || text[4])
		return false;
	*ret = (unsigned int)(text[3] - '1');
	return true;
}

static bool parse_where(const char *text, struct range_lock_where *ret)
{
	struct range_lock_where where = {};
	uint64_t offset;

	if (parse_arg(text, &where.arg)) {
		where.place = RANGE_LOCK_IN_ARG;
	} else if (*text == '+') {
		if (parse_unsigned(text + 1, "offset", NULL, &offset) < 0 || offset > 65535)
			return false;
		where.place = RANGE_LOCK_AT_OFFSET;
		where.offset = (uint32_t)offset;
	} else {
		if (!is_name(text, ".") || strlen(text) >= sizeof(where.member))
			return false;
		where.place = RANGE_LOCK_IN_MEMBER;
		snprintf(where.member, sizeof(where.member), "%s", text);
	}
	*ret = where;
	return true;
}

#define RANGE_WANTED                                                                               \
	"START..END or START..=LAST is wanted, each arg1 to arg6, a member of the lock object "    \
	"(node.start) or its offset there (+16); or none"

static int take_range(struct range_lock_spec *spec, const char *value, struct reason *why)
{
	const char *dots = strstr(value, "..");
	char start[2 * RANGE_LOCK_NAME_BYTES];
	bool inclusive;

	if (strcmp(value, "none") == 0) {
		spec->start = spec->end = (struct range_lock_where){.place = RANGE_LOCK_NOWHERE};
		return 0;
	}
	if (!dots || (size_t)(dots - value) >= sizeof(start))
		return wrong(why, "range", value, RANGE_WANTED);
	snprintf(start, sizeof(start), "%.*s", (int)(dots - value), value);
	inclusive = dots[2] == '=';
	if (!parse_where(start, &spec->start) || !parse_where(dots + 2 + inclusive, &spec->end))
		return wrong(why, "range", value, RANGE_WANTED);
	spec->inclusive = inclusive;
	return 0;
}

static int take_shared(struct range_lock_spec *spec, const char *value, struct reason *why)
{
	const char *colon = strchr(value, ':');
	char where[2 * RANGE_LOCK_NAME_BYTES];

	if (!colon || (size_t)(colon - value) >= sizeof(where))
		return wrong(why, "shared", value, "WHERE:VALUE is wanted, as in shared=arg5:1");
	snprintf(where, sizeof(where), "%.*s", (int)(colon - value), value);
	if (!parse_where(where, &spec->shared) ||
	    parse_unsigned(colon + 1, "shared", NULL, &spec->shared_value) < 0)
		return wrong(why, "shared", value, "WHERE:VALUE is wanted, as in shared=arg5:1");
	return 0;
}

static int take_arg(struct range_lock_where *ret, const char *key, const char *value,
		    struct reason *why)
{
	*ret = (struct range_lock_where){.place = RANGE_LOCK_NOWHERE};
	if (strcmp(value, "none") == 0)
		return 0;
	ret->place = RANGE_LOCK_IN_ARG;
	return parse_arg(value, &ret->arg) ? 0 : wrong(why, key, value, "arg1 to arg6 or none");
}

static int take_choice(const char *key, const char *value, const char *const choices[], int len,
		       int *ret, struct reason *why)
{
	char wanted[80] = "";
	size_t used = 0;

	for (int i = 0; i < len; i++) {
		if (strcmp(choices[i], value) == 0) {
			*ret = i;
			return 0;
		}
		used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, "%s%s",
					 i ? " or " : "", choices[i]);
	}
	return wrong(why, key, value, wanted);
}

static int take_name(struct range_lock_spec *spec, const char *value, struct reason *why)
{
	if (!*value || strlen(value) >= sizeof(spec->name))
		return wrong(why, "name", value, "1 to 63 bytes are wanted");
	snprintf(spec->name, sizeof(spec->name), "%s", value);
	return 0;
}

/* Keys that are one of a few words each. */
static int take_setting(struct range_lock_spec *spec, const char *key, const char *value,
			struct reason *why)
{
	static const char *const places[] = {"outside", "inside"};
	static const char *const units[] = {"bytes", "pages"};
	static const char *const fails[] = {"zero", "negative"};
	static const char *const ways[] = {"best", "fentry", "kprobe"};
	int choice = 0, r;

	if (strcmp(key, "where") == 0) {
		r = take_choice(key, value, places, ARRAY_SIZE(places), &choice, why);
		spec->inside = choice == 1;
	} else if (strcmp(key, "unit") == 0) {
		r = take_choice(key, value, units, ARRAY_SIZE(units), &choice, why);
		spec->shift = choice == 1 ? PAGE_SHIFT : 0;
	} else if (strcmp(key, "try-fails") == 0) {
		r = take_choice(key, value, fails, ARRAY_SIZE(fails), &choice, why);
		spec->tries_fail_negative = choice == 1;
	} else if (strcmp(key, "attach") == 0) {
		r = take_choice(key, value, ways, ARRAY_SIZE(ways), &choice, why);
		spec->attach = (enum range_lock_attach)choice;
	} else {
		r = reason_fail(why, -EINVAL,
				"--range-lock: \"%s\" is no key: acquire, acquire-shared, trylock, "
				"trylock-shared, release, preset, where, lock, tree, range, unit, "
				"shared, try-fails, attach and name exist",
				key);
	}
	return r;
}

static int take_words(struct range_lock_spec *spec, const char *text, bool preset,
		      struct reason *why);

static int take_preset(struct range_lock_spec *spec, const char *value, struct reason *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
		if (strcmp(presets[i].name, value) == 0)
			return take_words(spec, presets[i].words, true, why);
	}
	return wrong(why, "preset", value, "no such preset; --range-lock help lists them");
}

static int take_word(struct range_lock_spec *spec, const char *key, const char *value, bool preset,
		     struct reason *why)
{
	for (int role = 0; role < IOR_RANGE_LOCK_ROLE_COUNT_; role++) {
		if (strcmp(roles[role], key) == 0)
			return take_function(spec, (enum ior_range_lock_role)role, value, preset,
					     why);
	}
	if (strcmp(key, "preset") == 0)
		return take_preset(spec, value, why);
	if (strcmp(key, "range") == 0)
		return take_range(spec, value, why);
	if (strcmp(key, "shared") == 0)
		return take_shared(spec, value, why);
	if (strcmp(key, "lock") == 0)
		return take_arg(&spec->lock, key, value, why);
	if (strcmp(key, "tree") == 0)
		return take_arg(&spec->tree, key, value, why);
	if (strcmp(key, "name") == 0)
		return take_name(spec, value, why);
	return take_setting(spec, key, value, why);
}

#define WORD_BYTES 192

static int take_words(struct range_lock_spec *spec, const char *text, bool preset,
		      struct reason *why)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		char word[WORD_BYTES], *value;
		int r;

		if (len >= sizeof(word))
			return reason_fail(why, -EINVAL, "--range-lock: a word is too long");
		snprintf(word, sizeof(word), "%.*s", (int)len, text);
		value = strchr(word, '=');
		if (!value)
			return reason_fail(why, -EINVAL,
					   "--range-lock: \"%s\" is no KEY=VALUE; "
					   "acquire=FUNC,release=FUNC is the least, "
					   "or preset=NAME",
					   word);
		*value++ = '\0';
		r = take_word(spec, word, value, preset, why);
		if (r < 0)
			return r;
		text += len + (text[len] == ',');
	}
	return 0;
}

static bool has_role(const struct range_lock_spec *spec, bool release)
{
	for (size_t i = 0; i < spec->functions_len; i++) {
		if ((spec->functions[i].role == IOR_RANGE_LOCK_RELEASE) == release)
			return true;
	}
	return false;
}

/* A lock that is its arguments cannot have members. */
static bool needs_lock_object(const struct range_lock_where *where)
{
	return where->place == RANGE_LOCK_IN_MEMBER || where->place == RANGE_LOCK_AT_OFFSET;
}

static int check(const struct range_lock_spec *spec, struct reason *why)
{
	if (!has_role(spec, false))
		return reason_fail(why, -EINVAL,
				   "--range-lock: which function acquires it? "
				   "acquire=FUNC is missing");
	if (!has_role(spec, true))
		return reason_fail(why, -EINVAL,
				   "--range-lock: which function releases it? "
				   "release=FUNC is missing");
	if (spec->lock.place == RANGE_LOCK_NOWHERE &&
	    (needs_lock_object(&spec->start) || needs_lock_object(&spec->end) ||
	     needs_lock_object(&spec->shared)))
		return reason_fail(why, -EINVAL,
				   "--range-lock: lock=none leaves nothing to have "
				   "members; give arguments: range=arg2..arg3");
	if (spec->lock.place == RANGE_LOCK_NOWHERE && spec->start.place == RANGE_LOCK_NOWHERE)
		return reason_fail(why, -EINVAL,
				   "--range-lock: without a lock object a lock is "
				   "known by its range: not both lock=none and "
				   "range=none");
	return 0;
}

int range_lock_parse(const char *text, struct range_lock_spec *ret, struct reason *why)
{
	struct range_lock_spec spec = {};
	int r;

	r = take_words(&spec, text, false, why);
	if (!r)
		r = check(&spec, why);
	if (r < 0)
		return r;
	if (!spec.name[0])
		snprintf(spec.name, sizeof(spec.name), "%s", spec.functions[0].name);
	*ret = spec;
	return 0;
}
