// SPDX-License-Identifier: GPL-2.0
#include "report/jsonl.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/units.h"
#include "model/conflict.h"
#include "model/names.h"
#include "report/compare.h"
#include "report/json_text.h"

#define SCHEMA "iorace/1"

/*
 * Lines of which there are many are written as they go (json_text.h). All others are values built
 * bottom up. NULL is "no memory" throughout: json_pack() takes what it is given
 * and returns NULL when any of it is.
 */
static json_t *count(uint64_t number)
{
	if (number > JSON_TEXT_EXACT_MAX)
		return json_sprintf("%" PRIu64, number);
	return json_integer(number);
}

static json_t *count_or_null(int64_t number)
{
	return number < 0 ? json_null() : count(number);
}

/* Takes the text of `from` out of it; NULL if anything failed on the way. */
static json_t *string_done(struct buf *from)
{
	json_t *string = NULL;

	if (from->error == 0)
		string = json_stringn(buf_text(from), from->len);
	buf_done(from);
	return string;
}

/* Strangers' bytes: JSON wants UTF-8, and what jq -r prints must be harmless on a terminal. */
static json_t *escaped_bytes(const char *bytes, size_t len)
{
	struct buf text = {};

	escape_append(&text, bytes, len);
	return string_done(&text);
}

static json_t *escaped(const char *text)
{
	return text ? escaped_bytes(text, strlen(text)) : json_null();
}

static json_t *comm(const char name[IOR_COMM_LEN])
{
	return escaped_bytes(name, strnlen(name, IOR_COMM_LEN));
}

static json_t *time_text(uint64_t real_ns)
{
	struct buf text = {};

	units_append_time(&text, real_ns);
	return string_done(&text);
}

static int put_chunk(const char *bytes, size_t len, void *out)
{
	return buf_append(out, bytes, len);
}

/* Takes the value. */
static int put_line(json_t *value, struct buf *out)
{
	int r;

	if (!value)
		return out->error = -ENOMEM;
	r = json_dump_callback(value, put_chunk, out, JSON_COMPACT);
	json_decref(value);
	if (r < 0)
		return out->error = -ENOMEM;
	return buf_putc(out, '\n');
}

/* ---- lines written as they go ---------------------------------------------------------------- */

static void time_member(struct buf *out, uint64_t real_ns)
{
	json_text_key(out, "time");
	buf_putc(out, '"');
	units_append_time(out, real_ns);
	buf_putc(out, '"');
}

static void put_file(struct buf *out, const struct file_view *file)
{
	json_text_open(out, '{');
	json_text_string(out, "path", file->path);
	json_text_name(out, "path_state", path_state_name(file->path_state));
	json_text_key(out, "dev");
	buf_printf(out, "\"%u:%u\"", file->id.dev >> 20, file->id.dev & 0xfffff);
	json_text_count(out, "ino", file->id.ino);
	if (file->id.subvol)
		json_text_count(out, "subvol", file->id.subvol);
	else
		json_text_null(out, "subvol");
	json_text_string(out, "fs", file->fs);
	json_text_close(out, '}');
}

static void self_member(struct buf *out, uint8_t self)
{
	if (self == IOR_SELF_UNKNOWN)
		json_text_null(out, "self");
	else
		json_text_bool(out, "self", self == IOR_SELF_YES);
}

/* A lock that files of this sort do not have is null. */
static void lock_member(struct buf *out, const char *key, uint8_t packed, bool exists)
{
	struct ior_lock_state lock = ior_lock_unpack(packed);

	if (!exists) {
		json_text_null(out, key);
		return;
	}
	json_text_key(out, key);
	json_text_open(out, '{');
	json_text_name(out, "state", lock_name(lock.i_rwsem));
	self_member(out, lock.self);
	json_text_close(out, '}');
}

/* What is held, which may not be what the op moves. */
static void range_lock_member(struct buf *out, const char *name,
			      const struct ior_range_lock_held *held)
{
	if (!name) {
		json_text_null(out, "range_lock");
		return;
	}
	json_text_key(out, "range_lock");
	json_text_open(out, '{');
	json_text_string(out, "name", name);
	if (held->flags & IOR_RLF_KNOWS_RANGE) {
		json_text_count(out, "start", held->range.start);
		json_text_count(out, "end", held->range.end);
	} else {
		json_text_null(out, "start");
		json_text_null(out, "end");
	}
	json_text_name(out, "mode", held->flags & IOR_RLF_SHARED ? "shared" : "exclusive");
	json_text_count(out, "waited_ns", held->waited_ns);
	json_text_bool(out, "released_early", held->flags & IOR_RLF_EARLY);
	json_text_close(out, '}');
}

static void put_locks(struct buf *out, const struct op_view *op, uint64_t magic)
{
	json_text_open(out, '{');
	json_text_name(out, "i_rwsem", lock_name(op->op.lock.i_rwsem));
	self_member(out, op->op.lock.self);
	lock_member(out, "i_data_sem", op->op.map_lock, magic == IOR_MAGIC_EXT4);
	lock_member(out, "ilock", op->op.map_lock, magic == IOR_MAGIC_XFS);
	lock_member(out, "invalidate_lock", op->op.invalidate_lock, true);
	range_lock_member(out, op->range_lock, &op->range_lock_held);
	json_text_close(out, '}');
}

static void put_frame(struct buf *out, const struct frame_view *frame)
{
	json_text_open(out, '{');
	json_text_string(out, "symbol", frame->symbol);
	if (frame->symbol)
		json_text_count(out, "offset", frame->offset);
	else
		json_text_null(out, "offset");
	json_text_key(out, "address");
	buf_printf(out, "\"0x%" PRIx64 "\"", frame->address);
	json_text_close(out, '}');
}

static void stack_member(struct buf *out, const struct op_view *op)
{
	if (!op->stack) {
		json_text_null(out, "stack");
		return;
	}
	json_text_key(out, "stack");
	json_text_open(out, '[');
	for (size_t i = 0; i < op->stack_len; i++)
		put_frame(out, &op->stack[i]);
	json_text_close(out, ']');
}

static void put_op(struct buf *out, const struct op_view *view, uint64_t magic)
{
	const struct ior_op *op = &view->op;

	json_text_open(out, '{');
	json_text_name(out, "op", kind_name(op->kind));
	json_text_name(out, "mode", mode_name(op->mode));
	json_text_count(out, "start", op->range.start);
	json_text_count(out, "end", op->range.end);
	json_text_bool(out, "async", op->flags & IOR_OPF_ASYNC);
	json_text_count(out, "pid", op->pid);
	json_text_count(out, "tid", op->tid);
	json_text_bytes(out, "comm", op->comm, strnlen(op->comm, IOR_COMM_LEN));
	json_text_string(out, "cgroup", view->cgroup);
	json_text_key(out, "lock");
	put_locks(out, view, magic);
	json_text_count(out, "begin_ns", op->begin_ns);
	json_text_bool(out, "begin_exact", !(op->flags & IOR_OPF_EARLY));
	if (view->end_ns)
		json_text_count(out, "end_ns", view->end_ns);
	else
		json_text_null(out, "end_ns");
	stack_member(out, view);
	json_text_close(out, '}');
}

static void overlap_member(struct buf *out, struct ior_range overlap)
{
	json_text_key(out, "overlap");
	json_text_open(out, '{');
	json_text_count(out, "start", overlap.start);
	json_text_count(out, "end", overlap.end);
	json_text_count(out, "bytes", ior_range_len(overlap));
	json_text_close(out, '}');
}

static void begin_line(struct buf *out, const char *type)
{
	json_text_open(out, '{');
	json_text_name(out, "schema", SCHEMA);
	json_text_name(out, "type", type);
}

static int end_line(struct buf *out)
{
	json_text_close(out, '}');
	return buf_putc(out, '\n');
}

static int jsonl_conflict(const struct conflict_view *conflict, const struct report_style *style,
			  struct buf *out)
{
	struct conflict_traits traits = conflict_traits(&conflict->ops[0].op, &conflict->ops[1].op);

	(void)style;
	begin_line(out, "conflict");
	json_text_count(out, "id", conflict->id);
	time_member(out, conflict->time_real_ns);
	json_text_key(out, "file");
	put_file(out, &conflict->file);
	json_text_name(out, "kind", traits.kind);
	json_text_name(out, "shape", shape_name(traits.shape));
	overlap_member(out, traits.overlap);
	json_text_name(out, "tear", tear_name(traits.tear));
	json_text_bool(out, "mapped", conflict_is_mapped(conflict));
	json_text_key(out, "ops");
	json_text_open(out, '[');
	put_op(out, &conflict->ops[0], conflict->file.id.magic);
	put_op(out, &conflict->ops[1], conflict->file.id.magic);
	json_text_close(out, ']');
	return end_line(out);
}

static int jsonl_admission(const struct admission_view *admission, const struct report_style *style,
			   struct buf *out)
{
	uint64_t magic = admission->file.id.magic;

	(void)style;
	begin_line(out, "admission");
	time_member(out, admission->time_real_ns);
	json_text_key(out, "file");
	put_file(out, &admission->file);
	json_text_name(out, "what", admission_text(admission->what)->name);
	json_text_bool(out, "mapped", admission->mapped);
	json_text_key(out, "direct");
	put_op(out, &admission->direct, magic);
	if (admission->knows_other) {
		json_text_key(out, "other");
		put_op(out, &admission->other, magic);
	} else {
		json_text_null(out, "other");
	}
	return end_line(out);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* As in the lines above. */
static json_t *file_object(const struct file_view *file)
{
	struct buf text = {};
	json_t *object = NULL;

	put_file(&text, file);
	if (!text.error)
		object = json_loadb(buf_text(&text), text.len, 0, NULL);
	buf_done(&text);
	return object;
}

/* Below, keys and values stand in pairs. */
/* clang-format off */

static json_t *range_object(struct ior_range range)
{
	return json_pack("{s:o, s:o}",
			 "start", count(range.start),
			 "end", count(range.end));
}

static json_t *ranges_array(const struct finding_view *finding)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < finding->ranges_len; i++) {
		if (json_array_append_new(array, range_object(finding->ranges[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static int jsonl_finding(const struct finding_view *finding, const struct report_style *style,
			 struct buf *out)
{
	const struct ior_finding_side *a = &finding->sides[0], *b = &finding->sides[1];

	(void)style;
	return put_line(json_pack("{s:s, s:s, s:o, s:o, s:s, s:[s,s], s:[s,s], s:[o,o],"
				  " s:o, s:o, s:o, s:o, s:o}",
				  "schema", SCHEMA,
				  "type", "finding",
				  "fingerprint", json_sprintf("%016" PRIx64, finding->fingerprint),
				  "file", file_object(&finding->file),
				  "kind", pair_name(a->kind, b->kind),
				  "modes", mode_name(a->mode), mode_name(b->mode),
				  "locks", lock_name(a->lock), lock_name(b->lock),
				  "programs", comm(a->comm), comm(b->comm),
				  "count", count(finding->count),
				  "bytes", count(finding->bytes),
				  "first", time_text(finding->first_real_ns),
				  "last", time_text(finding->last_real_ns),
				  "ranges", ranges_array(finding)),
			out);
}

static int jsonl_coverage(const struct coverage_view *row, const struct report_style *style,
			  struct buf *out)
{
	(void)style;
	return put_line(json_pack("{s:s, s:s, s:o, s:s, s:s, s:b, s:s, s:o, s:o}",
				  "schema", SCHEMA,
				  "type", "coverage",
				  "fs", escaped(row->fs),
				  "mode", mode_name(row->mode),
				  "op", kind_name(row->kind),
				  "async", row->async,
				  "level", coverage_level_name(row->level),
				  "flavour", escaped(row->flavour),
				  "reason", escaped(row->reason)),
			out);
}

static json_t *op_counts_object(const uint64_t ops[IOR_OP_COUNT_])
{
	json_t *object = json_object();

	for (uint8_t kind = 0; object && kind < IOR_OP_COUNT_; kind++) {
		if (json_object_set_new(object, kind_name(kind), count(ops[kind])) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *ops_object(const struct summary_view *summary)
{
	json_t *object = op_counts_object(summary->ops);

	if (object && json_object_set_new(object, "filtered", count(summary->ops_filtered)) < 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *admissions_object(const uint64_t admissions[IOR_ADMISSION_COUNT_])
{
	json_t *object = json_object();

	for (uint8_t what = 0; object && what < IOR_ADMISSION_COUNT_; what++) {
		if (json_object_set_new(object, admission_text(what)->name,
					count(admissions[what])) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

/* Every key always: a reader must be able to tell "none" from "nobody counted". */
static json_t *losses_object(const uint64_t losses[IOR_LOSS_COUNT_])
{
	json_t *object = json_object();

	for (enum ior_loss loss = 0; object && loss < IOR_LOSS_COUNT_; loss++) {
		if (json_object_set_new(object, loss_text(loss)->name, count(losses[loss])) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *serialized_by_object(const uint64_t serialized_by[IOR_KEEPER_COUNT_])
{
	json_t *object = json_object();

	for (int keeper = IOR_KEEPER_LUCK + 1; object && keeper < IOR_KEEPER_COUNT_; keeper++) {
		if (json_object_set_new(object, keeper_name(keeper),
					count(serialized_by[keeper])) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

/* Of serialized_by nothing when nobody could tell, every key when somebody could. */
static json_t *pairs_object(const struct summary_view *summary)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}",
			 "conflicts", count(summary->conflicts),
			 "overlapping", count_or_null(summary->overlapping),
			 "serialized", count_or_null(summary->serialized),
			 "unproven", count_or_null(summary->unproven),
			 "serialized_by", summary->serialized < 0 ?
						  json_object() :
						  serialized_by_object(summary->serialized_by));
}

static json_t *wait_object(int64_t needless_ns, int64_t needed_ns)
{
	return json_pack("{s:o, s:o}",
			 "needless", count_or_null(needless_ns),
			 "needed", count_or_null(needed_ns));
}

static json_t *file_pairs_object(const struct file_sums_view *sums)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}",
			 "conflicts", count(sums->conflicts),
			 "overlapping", count(sums->overlapping),
			 "serialized", count(sums->serialized),
			 "unproven", count(sums->unproven),
			 "serialized_by", serialized_by_object(sums->serialized_by));
}

static int jsonl_file(const struct file_sums_view *sums, const struct report_style *style,
		      struct buf *out)
{
	(void)style;
	return put_line(json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}",
				  "schema", SCHEMA,
				  "type", "file",
				  "file", sums->others ? json_null() : file_object(&sums->file),
				  "ops", op_counts_object(sums->ops),
				  "pairs", file_pairs_object(sums),
				  "wait_ns", wait_object(sums->needless_wait_ns,
							 sums->needed_wait_ns)),
			out);
}

static json_t *argv_array(char *const *argv)
{
	json_t *array = json_array();

	for (; array && *argv; argv++) {
		if (json_array_append_new(array, escaped(*argv)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *command_object(const struct command_view *command)
{
	if (!command->argv)
		return json_null();
	return json_pack("{s:o, s:o, s:o}",
			 "argv", argv_array(command->argv),
			 "exit", count_or_null(command->exit),
			 "signal", command->signal ? count(command->signal) : json_null());
}

static json_t *agreement_object(const struct agreement_view *stress)
{
	if (stress->runs == 0)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
			 "runs", count(stress->runs),
			 "unfinished", count(stress->unfinished),
			 "torn", count(stress->torn),
			 "found", count(stress->found),
			 "contradicted", count(stress->contradicted),
			 "not_compared", count(stress->not_compared));
}

static json_t *range_lock_functions(const struct range_lock_view *lock)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < lock->functions_len; i++) {
		const struct range_lock_function_view *f = &lock->functions[i];
		json_t *object = json_pack("{s:o, s:s, s:s, s:b}",
					   "function", escaped(f->function),
					   "role", f->role,
					   "flavour", f->flavour,
					   "knows_range", f->knows_range);

		if (json_array_append_new(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *slips_object(const uint64_t slips[IOR_SLIP_COUNT_])
{
	return json_pack("{s:o, s:o, s:o, s:o}",
			 "both_held", count(slips[IOR_SLIP_BOTH]),
			 "ranges_apart", count(slips[IOR_SLIP_APART]),
			 "one_held", count(slips[IOR_SLIP_ONE]),
			 "none_held", count(slips[IOR_SLIP_NONE]));
}

static json_t *range_lock_object(const struct range_lock_view *lock)
{
	const uint64_t *stats = lock->stats;

	if (!lock->name)
		return json_null();
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "name", escaped(lock->name),
			 "where", lock->inside ? "inside" : "outside",
			 "functions", range_lock_functions(lock),
			 "acquires", count(stats[IOR_RL_ACQUIRES]),
			 "waits", count(stats[IOR_RL_WAITS]),
			 "failed_tries", count(stats[IOR_RL_FAILED]),
			 "early_releases", count(stats[IOR_RL_EARLY]),
			 "overrun", count(stats[IOR_RL_OVERRUN]),
			 "never_released", count(stats[IOR_RL_NEVER_RELEASED]),
			 "acquired_late", count(stats[IOR_RL_LATE]),
			 "unmatched_releases", count(stats[IOR_RL_UNMATCHED]),
			 "untracked", count(stats[IOR_RL_UNTRACKED]),
			 "wait_ns", lock->has_waits ?
					    wait_object((int64_t)stats[IOR_RL_WAIT_NEEDLESS_NS],
							(int64_t)stats[IOR_RL_WAIT_NEEDED_NS]) :
					    wait_object(-1, -1),
			 "slipped", slips_object(stats + IOR_RL_SLIPS));
}

/* Up to the last that is not zero: what is missing is zero. */
static json_t *buckets_array(const uint64_t buckets[IOR_WAIT_BUCKETS])
{
	json_t *array = json_array();
	size_t len = IOR_WAIT_BUCKETS;

	while (len && !buckets[len - 1])
		len--;
	for (size_t i = 0; array && i < len; i++) {
		if (json_array_append_new(array, count(buckets[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *histogram_object(const struct summary_view *summary)
{
	if (!summary->has_wait_histogram)
		return json_null();
	return json_pack("{s:o, s:o}",
			 "overlapping", buckets_array(summary->waits[IOR_WAIT_NEEDED]),
			 "disjoint", buckets_array(summary->waits[IOR_WAIT_NEEDLESS]));
}

static int jsonl_summary(const struct summary_view *summary, const struct report_style *style,
			 struct buf *out)
{
	(void)style;
	return put_line(json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
				  " s:{s:o, s:o}, s:o, s:o}",
				  "schema", SCHEMA,
				  "type", "summary",
				  "verdict", verdict_name(summary->verdict),
				  "reason", escaped(summary->reason),
				  "duration_ns", count(summary->duration_ns),
				  "ops", ops_object(summary),
				  "pairs", pairs_object(summary),
				  "wait_ns", wait_object(summary->needless_wait_ns,
							 summary->needed_wait_ns),
				  "wait_histogram", histogram_object(summary),
				  "range_lock", range_lock_object(&summary->range_lock),
				  "admissions", admissions_object(summary->admissions),
				  "losses", losses_object(summary->losses),
				  "records",
				  "written", count(summary->records_written),
				  "suppressed", count(summary->records_suppressed),
				  "command", command_object(&summary->command),
				  "stress", agreement_object(&summary->stress)),
			out);
}

/* ---- iorace stress -------------------------------------------------------------------------- */

static json_t *end_or_null(uint64_t end)
{
	return end == IOR_RANGE_MAX ? json_null() : count(end);
}

static json_t *stress_op_object(const struct stress_op *op)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o}",
			 "op", kind_name(op->kind),
			 "mode", mode_name(op->mode),
			 "writer", count(op->worker),
			 "seq", count(op->seq),
			 "start", count(op->range.start),
			 "end", end_or_null(op->range.end),
			 "async", op->async,
			 "append", op->append,
			 "pid", count(op->pid),
			 "tid", count(op->tid),
			 "begin_ns", count(op->begin_ns),
			 "end_ns", end_or_null(op->end_ns));
}

static json_t *stress_run_object(const struct stress_view_run *run)
{
	const char *state = run->op == STRESS_RUN_BROKEN ? "broken" :
			    run->op == STRESS_RUN_NOTHING ? "nothing" : "whole";

	return json_pack("{s:o, s:o, s:s, s:o}",
			 "start", count(run->range.start),
			 "end", count(run->range.end),
			 "state", state,
			 "op", count_or_null(run->op));
}

static json_t *stress_pair_array(const struct stress_pair *pair)
{
	return json_pack("[i, i]", pair->a, pair->b);
}

/* Takes the item. */
static json_t *with_item(json_t *array, json_t *item)
{
	if (array && json_array_append_new(array, item) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *stress_ops_array(const struct torn_view *torn)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < torn->ops_len; i++)
		array = with_item(array, stress_op_object(&torn->ops[i]));
	return array;
}

static json_t *stress_runs_array(const struct torn_view *torn)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < torn->runs_len; i++)
		array = with_item(array, stress_run_object(&torn->runs[i]));
	return array;
}

static json_t *stress_pairs_array(const struct torn_view *torn)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < torn->pairs_len; i++)
		array = with_item(array, stress_pair_array(&torn->pairs[i]));
	return array;
}

static int jsonl_torn(const struct torn_view *torn, const struct report_style *style,
		      struct buf *out)
{
	(void)style;
	return put_line(json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:b, s:o, s:b}",
				  "schema", SCHEMA,
				  "type", "torn",
				  "id", count(torn->id),
				  "time", time_text(torn->time_real_ns),
				  "file", file_object(&torn->file),
				  "kind", stress_kind_name(torn->kind),
				  "how", stress_how_name(torn->how),
				  "ops", stress_ops_array(torn),
				  "runs", stress_runs_array(torn),
				  "runs_cut", torn->runs_cut,
				  "pairs", stress_pairs_array(torn),
				  "pairs_cut", torn->pairs_cut),
			out);
}

static json_t *stress_load_object(const struct stress_view *stress)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "mode", stress->mode,
			 "engine", stress->engine,
			 "shape", stress->shape,
			 "processes", stress->processes,
			 "writers", count(stress->writers),
			 "readers", count(stress->readers),
			 "depth", count(stress->depth),
			 "block", count(stress->block),
			 "size", count(stress->size),
			 "seed", count(stress->seed));
}

static json_t *stress_ops_object(const struct stress_view *stress)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}",
			 "read", count(stress->ops[IOR_OP_READ]),
			 "write", count(stress->ops[IOR_OP_WRITE]),
			 "size", count(stress->ops[IOR_OP_SIZE]),
			 "bytes_read", count(stress->bytes[IOR_OP_READ]),
			 "bytes_written", count(stress->bytes[IOR_OP_WRITE]));
}

static json_t *stress_found_object(const struct stress_view *stress)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}",
			 "torn_reads", count(stress->found[STRESS_TORN_READ]),
			 "torn_inside_a_write", count(stress->torn_inside),
			 "mixed_writes", count(stress->found[STRESS_MIXED_WRITE]),
			 "lost_writes", count(stress->found[STRESS_LOST_WRITE]),
			 "garbled", count(stress->found[STRESS_GARBLED]));
}

static int jsonl_stress(const struct stress_view *stress, const struct report_style *style,
			struct buf *out)
{
	(void)style;
	return put_line(json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o}, s:o,"
				  " s:{s:o, s:o}, s:o}",
				  "schema", SCHEMA,
				  "type", "stress",
				  "result", stress_result_name(stress->result),
				  "reason", escaped(stress->reason),
				  "file", file_object(&stress->file),
				  "load", stress_load_object(stress),
				  "duration_ns", count(stress->duration_ns),
				  "ops", stress_ops_object(stress),
				  "reads",
				  "judged", count(stress->judged),
				  "undecided", count(stress->undecided),
				  "refused", count(stress->refused),
				  "contended", count(stress->contended),
				  "found", stress_found_object(stress),
				  "records",
				  "written", count(stress->records_written),
				  "suppressed", count(stress->records_suppressed),
				  "error", escaped(stress->error)),
			out);
}

/* clang-format on */

static int jsonl_comparison(const struct comparison_view *view, const struct report_style *style,
			    struct buf *out)
{
	(void)style;
	return compare_json(view, out);
}

const struct reporter_ops jsonl_reporter = {
	.name = "json",
	.ending = ".json",
	.coverage = jsonl_coverage,
	.conflict = jsonl_conflict,
	.admission = jsonl_admission,
	.finding = jsonl_finding,
	.file = jsonl_file,
	.comparison = jsonl_comparison,
	.summary = jsonl_summary,
	.torn = jsonl_torn,
	.stress = jsonl_stress,
};
