// SPDX-License-Identifier: GPL-2.0
/*
 * Writes every fixture in every format into a directory: golden DIR. What stands in the tree was
 * made by this program (`make golden`) and read by a person; compare.sh holds it against what the
 * program writes today.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/macro.h"
#include "model/conflict.h"
#include "model/reporter.h"
#include "model/tally.h"
#include "model/verdict.h"
#include "report/html.h"

/* 2026-03-01T12:00:00Z when the monotonic clock showed 1 000 s */
#define REAL_NS 1772366400000000000ULL
#define MONO_NS 1000000000000ULL
#define REAL_MINUS_MONO_NS ((int64_t)(REAL_NS - MONO_NS))

static const struct report_style plain = {};
static const struct report_style colored = {.color = true, .width = 24};

static const struct ior_file xfs_file = {
	.ino = 2619, .dev = 259 << 20 | 3, .generation = 1, .magic = IOR_MAGIC_XFS};
static const struct ior_file ext4_file = {
	.ino = 131077, .dev = 8 << 20 | 1, .generation = 9, .magic = IOR_MAGIC_EXT4};
static const struct ior_file btrfs_file = {
	.ino = 257, .subvol = 256, .dev = 45, .generation = 2, .magic = IOR_MAGIC_BTRFS};

static const struct frame_view write_stack[] = {
	{.address = 0xffffffff81402c1c, .symbol = "iomap_dio_rw", .offset = 0x1c},
	{.address = 0xffffffffc0a01234, .symbol = "xfs_file_write_iter", .offset = 0x234},
	{.address = 0x7f3a12345678},
};

/* Async direct write against a sync one around it, as in the design. */
static const struct conflict_view write_write = {
	.id = 1,
	.time_real_ns = REAL_NS,
	.time_mono_ns = MONO_NS,
	.file = {xfs_file, "/data/base/16384/2619", PATH_OK, "xfs"},
	.ops =
		{
			{.op = {.range = {1245184, 1253376},
				.begin_ns = MONO_NS - 412000,
				.pid = 811,
				.tid = 811,
				.comm = "fio",
				.kind = IOR_OP_WRITE,
				.mode = IOR_MODE_DIRECT,
				.lock = {IOR_LOCK_SHARED, IOR_SELF_UNKNOWN},
				.flags = IOR_OPF_ASYNC},
			 .cgroup = "/bench.slice"},
			{.op = {.range = {1241088, 1257472},
				.begin_ns = MONO_NS - 374000,
				.pid = 902,
				.tid = 917,
				.comm = "postgres",
				.kind = IOR_OP_WRITE,
				.mode = IOR_MODE_DIRECT,
				.lock = {IOR_LOCK_SHARED, IOR_SELF_UNKNOWN}},
			 .cgroup = "/system.slice/postgresql.service",
			 .end_ns = MONO_NS},
		},
};

static const struct conflict_view read_write = {
	.id = 2,
	.time_real_ns = REAL_NS + 1500,
	.time_mono_ns = MONO_NS + 1500,
	.file = {ext4_file, "/srv/log", PATH_OK, "ext4"},
	.ops =
		{
			{.op = {.range = {0, 65536},
				.begin_ns = MONO_NS,
				.pid = 30,
				.tid = 30,
				.comm = "tail",
				.kind = IOR_OP_READ,
				.mode = IOR_MODE_BUFFERED,
				.lock = {IOR_LOCK_EXCLUSIVE, IOR_SELF_NO},
				.flags = IOR_OPF_EARLY}},
			{.op = {.range = {61440, 69632},
				.begin_ns = MONO_NS + 1000,
				.pid = 31,
				.tid = 31,
				.comm = "logger",
				.kind = IOR_OP_WRITE,
				.mode = IOR_MODE_BUFFERED,
				.lock = {IOR_LOCK_EXCLUSIVE, IOR_SELF_YES},
				/* i_data_sem: by another; invalidate_lock: by itself */
				.map_lock = IOR_LOCK_EXCLUSIVE | IOR_SELF_NO << 4,
				.invalidate_lock = IOR_LOCK_EXCLUSIVE | IOR_SELF_YES << 4}},
		},
};

/* Twelve bytes in a gigabyte: the overlap must still be seen in the drawing. */
static const struct conflict_view nested = {
	.id = 3,
	.time_real_ns = REAL_NS,
	.time_mono_ns = MONO_NS,
	.file = {xfs_file, "/pmem/table", PATH_OK, "xfs"},
	.ops =
		{
			{.op = {.range = {0, 1 << 30},
				.begin_ns = MONO_NS - 5000000,
				.pid = 7,
				.tid = 7,
				.comm = "loader",
				.kind = IOR_OP_WRITE,
				.mode = IOR_MODE_DAX,
				.lock = {IOR_LOCK_EXCLUSIVE, IOR_SELF_YES},
				/* ILOCK: shared; MMAPLOCK: free */
				.map_lock = IOR_LOCK_SHARED,
				.invalidate_lock = IOR_LOCK_NONE | IOR_SELF_NO << 4},
			 .range_lock = "xfs_range_lock",
			 .range_lock_held = {.range = {0, (1 << 30) - 1},
					     .waited_ns = 1200000,
					     .flags = IOR_RLF_KNOWS_RANGE | IOR_RLF_EARLY},
			 .end_ns = MONO_NS - 1,
			 .stack = write_stack,
			 .stack_len = ARRAY_SIZE(write_stack)},
			{.op = {.range = {4098, 4110},
				.begin_ns = MONO_NS - 1000,
				.pid = 8,
				.tid = 8,
				.comm = "scanner",
				.kind = IOR_OP_READ,
				.mode = IOR_MODE_DAX,
				.lock = {IOR_LOCK_NONE, IOR_SELF_NO}},
			 .range_lock = "xfs_range_lock",
			 .range_lock_held = {.flags = IOR_RLF_HELD | IOR_RLF_SHARED},
			 .stack = write_stack,
			 .stack_len = 1},
		},
};

/* Around 2^63: nothing may turn negative, and JSON needs decimal strings. */
static const struct conflict_view far_out = {
	.id = (1ULL << 53) + 1,
	.time_real_ns = REAL_NS,
	.time_mono_ns = MONO_NS,
	.file = {{.ino = ~0ULL, .dev = 0xfffU << 20 | 0xfffff, .magic = 0x12345678},
		 NULL,
		 PATH_UNKNOWN,
		 "0x12345678"},
	.ops =
		{
			{.op = {.range = {(1ULL << 63) - 4096, (1ULL << 63) + 4096},
				.begin_ns = MONO_NS - 1,
				.pid = 1,
				.tid = 1,
				.comm = "far",
				.kind = IOR_OP_WRITE,
				.mode = IOR_MODE_DIRECT}},
			{.op = {.range = {(1ULL << 63) - 4096, (1ULL << 63) + 4096},
				.begin_ns = MONO_NS,
				.pid = 1,
				.tid = 2,
				.comm = "far",
				.kind = IOR_OP_WRITE,
				.mode = IOR_MODE_DIRECT}},
		},
};

static const struct conflict_view deleted = {
	.id = 5,
	.time_real_ns = REAL_NS,
	.time_mono_ns = MONO_NS,
	.file = {btrfs_file, "/home/anna/scratch", PATH_DELETED, "btrfs"},
	.ops =
		{
			{.op = {.range = {8192, IOR_RANGE_MAX},
				.begin_ns = MONO_NS - 90,
				.pid = 5,
				.tid = 5,
				.comm = "truncate",
				.kind = IOR_OP_SIZE,
				.mode = IOR_MODE_SIZE,
				.lock = {IOR_LOCK_EXCLUSIVE, IOR_SELF_YES}}},
			{.op = {.range = {4096, 12288},
				.begin_ns = MONO_NS - 30,
				.pid = 6,
				.tid = 6,
				.comm = "nfsd",
				.kind = IOR_OP_WRITE,
				.mode = IOR_MODE_DIRECT,
				.lock = {IOR_LOCK_EXCLUSIVE, IOR_SELF_NO},
				.flags = IOR_OPF_ASYNC | IOR_OPF_KTHREAD}},
		},
};

/* Every byte that reaches a report from outside tries to be something else. */
static const struct conflict_view evil = {
	.id = 6,
	.time_real_ns = REAL_NS,
	.time_mono_ns = MONO_NS,
	.file = {ext4_file, "/tmp/\033]0;owned\007\n\"\\\u202egnp.exe\xff", PATH_TRUNCATED, "ext4"},
	.ops =
		{
			{.op = {.range = {0, 512},
				.begin_ns = MONO_NS - 10,
				.pid = 66,
				.tid = 66,
				.comm = "\033[2Ja\nCONFLICT",
				.kind = IOR_OP_WRITE,
				.mode = IOR_MODE_DIRECT},
			 .cgroup = "/a\r\xc2\x9b"
				   "31mb"},
			{.op = {.range = {0, 512},
				.begin_ns = MONO_NS - 5,
				.pid = 67,
				.tid = 67,
				/* all sixteen bytes, no NUL, cut in the middle of a character */
				.comm = {'m', 'u', 's', 't', 'e', 'r', ' ', 'g', 'r', '\xc3',
					 '\xbc', 'n', ' ', 'e', 'r', '\xc3'},
				.kind = IOR_OP_READ,
				.mode = IOR_MODE_DIRECT}},
		},
};

static const struct {
	const char *name;
	const struct conflict_view *conflict;
	const struct report_style *style;
} fixtures[] = {
	{"write_write", &write_write, &plain},
	{"read_write", &read_write, &plain},
	{"nested_tiny_overlap", &nested, &plain},
	{"range_around_2_63", &far_out, &plain},
	{"deleted_path", &deleted, &plain},
	{"evil_names", &evil, &plain},
	{"write_write_colored", &write_write, &colored},
};

static int write_file(const char *dir, const char *name, const char *ending, const struct buf *text)
{
	_cleanup_(fclosep) FILE *file = NULL;
	char path[4096];

	if (text->error < 0)
		return text->error;
	snprintf(path, sizeof(path), "%s/%s%s", dir, name, ending);
	file = fopen(path, "w");
	if (!file)
		return -errno;
	if (fwrite(buf_text(text), 1, text->len, file) != text->len || fflush(file) != 0)
		return -EIO;
	return 0;
}

/* The conflict, and the finding that a thousand such and one in the other order become. */
static int tell_conflict(const struct reporter_ops *reporter, const struct conflict_view *conflict,
			 const struct report_style *style, struct buf *out)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(8, REAL_MINUS_MONO_NS);
	_cleanup_(finding_list_done) struct finding_list findings = {};
	struct conflict_view swapped = *conflict;
	int r;

	if (!tally)
		return -ENOMEM;
	swapped.ops[0] = conflict->ops[1];
	swapped.ops[1] = conflict->ops[0];
	swapped.time_mono_ns += 1000000000;
	for (int i = 0; i < 1000; i++) {
		r = tally_add_sample(tally, conflict);
		if (r < 0)
			return r;
	}
	r = tally_add_sample(tally, &swapped);
	if (r < 0)
		return r;
	r = tally_findings(tally, NULL, NULL, &findings);
	if (r < 0)
		return r;
	if (reporter->conflict)
		r = reporter->conflict(conflict, style, out);
	for (size_t i = 0; i < findings.len && r == 0 && reporter->finding; i++)
		r = reporter->finding(&findings.items[i], style, out);
	return r;
}

static int write_conflicts(const char *dir, const struct reporter_ops *reporter)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
		_cleanup_(buf_done) struct buf out = {};
		int r;

		r = tell_conflict(reporter, fixtures[i].conflict, fixtures[i].style, &out);
		if (r < 0)
			return r;
		r = write_file(dir, fixtures[i].name, reporter->ending, &out);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A direct write and who wrote those pages through the page cache; and one where nobody knows. */
static struct admission_view admission_of(const struct conflict_view *pair, uint8_t what,
					  bool known)
{
	return (struct admission_view){
		.time_real_ns = REAL_NS,
		.file = pair->file,
		.what = what,
		.mapped = !known,
		.knows_other = known,
		.direct = pair->ops[0],
		.other = known ? read_write.ops[1] : (struct op_view){},
	};
}

static int write_admissions(const char *dir, const struct reporter_ops *reporter)
{
	struct admission_view stale = admission_of(&write_write, IOR_ADMITS_STALE, true);
	struct admission_view fell_back = admission_of(&far_out, IOR_ADMITS_FALLBACK, false);
	_cleanup_(buf_done) struct buf out = {};
	int r;

	r = reporter->admission(&stale, &plain, &out);
	if (r == 0)
		r = reporter->admission(&fell_back, &plain, &out);
	return r < 0 ? r : write_file(dir, "admissions", reporter->ending, &out);
}

static const struct coverage_view coverage[] = {
	{"xfs", IOR_MODE_DIRECT, IOR_OP_WRITE, true, COVERAGE_FULL, "fentry", "last bio"},
	{"ext4", IOR_MODE_BUFFERED, IOR_OP_READ, false, COVERAGE_PARTIAL, "kprobe",
	 "kretprobes miss above 32 sleepers"},
	{"nfs", IOR_MODE_BUFFERED, IOR_OP_WRITE, false, COVERAGE_NONE, NULL, NULL},
};

static char *const argv[] = {"./workload", "--seed", "1\n2", NULL};

/* Two files, one of them nameless, and the rest: they add up to the clean run. */
static const struct file_sums_view files[] = {
	{
		.file = {xfs_file, "/data/base/16384/2619", PATH_OK, "xfs"},
		.ops = {90000, 20000, 3, 0},
		.serialized = 799,
		.unproven = 12,
		.overlapping = 811,
		.serialized_by = {[IOR_KEEPER_EXCLUSIVE] = 600,
				  [IOR_KEEPER_DIO_WAIT] = 99,
				  [IOR_KEEPER_RANGE_LOCK] = 100},
		.needless_wait_ns = 48000000,
		.needed_wait_ns = 1600000000,
	},
	{
		.file = {ext4_file, NULL, PATH_UNKNOWN, "ext4"},
		.ops = {10000, 399, 0, 0},
		.serialized = 1,
		.overlapping = 1,
		.serialized_by = {[IOR_KEEPER_SHARED_EXCLUSIVE] = 1},
		.needed_wait_ns = 100000000,
	},
	{.others = true, .ops = {0, 1, 0, 0}, .needless_wait_ns = -1, .needed_wait_ns = -1},
};

static const struct range_lock_function_view lock_functions[] = {
	{"xfs_range_lock", "acquire", "fentry", true},
	{"xfs_range_unlock", "release", "kprobe", false},
};

/* Everything that can be told of one. */
static struct range_lock_view range_lock_fixture(void)
{
	struct range_lock_view lock = {
		.name = "xfs_range_lock",
		.has_waits = true,
		.functions = lock_functions,
		.functions_len = ARRAY_SIZE(lock_functions),
	};

	for (int stat = 0; stat < IOR_RL_STAT_COUNT_; stat++)
		lock.stats[stat] = 1000 + (uint64_t)stat;
	return lock;
}

static struct summary_view clean_summary(void)
{
	return (struct summary_view){
		.duration_ns = 5200000000,
		.ops = {100000, 20400, 3, 0},
		.conflicts = 0,
		.overlapping = 812,
		.serialized = 800,
		.unproven = 12,
		.serialized_by = {0, 600, 1, 99, 100},
		.needless_wait_ns = 48000000,
		.needed_wait_ns = 1700000000,
		.has_wait_histogram = true,
		.waits = {[IOR_WAIT_NEEDED] = {[20] = 1000, [21] = 300},
			  [IOR_WAIT_NEEDLESS] = {[0] = 1, [15] = 40}},
		.range_lock = range_lock_fixture(),
		.records_written = 0,
		.command = {argv, 0, 0},
	};
}

static struct summary_view conflicts_summary(void)
{
	return (struct summary_view){
		.duration_ns = 90061000000000,
		.ops = {(1ULL << 53) + 3, 1, 0, 4},
		.ops_filtered = 17,
		.conflicts = 204000,
		.findings = 2,
		.overlapping = -1,
		.serialized = -1,
		.unproven = -1,
		.needless_wait_ns = -1,
		.needed_wait_ns = -1,
		.admissions = {[IOR_ADMITS_STALE] = 3},
		.records_written = 100000,
		.records_suppressed = 104000,
	};
}

static struct summary_view lossy_summary(void)
{
	struct summary_view summary = clean_summary();

	for (enum ior_loss loss = 0; loss < IOR_LOSS_COUNT_; loss++)
		summary.losses[loss] = 1 + loss * 1000;
	summary.stress = (struct agreement_view){.runs = 2,
						 .unfinished = 1,
						 .torn = 1209,
						 .found = 1100,
						 .contradicted = 9,
						 .not_compared = 100};
	summary.command = (struct command_view){argv, -1, 9};
	return summary;
}

/* What the end of a run derives. The reason lives as long as `why`. */
static void end_summary(struct summary_view *summary, struct reason *why)
{
	const struct verdict_input in = {
		.conflicts = summary->conflicts,
		.ops = summary->ops[IOR_OP_READ] + summary->ops[IOR_OP_WRITE],
		.overlapping = summary->overlapping,
		.losses = summary->losses,
	};

	summary->verdict = run_verdict(&in, why);
	summary->reason = why->text;
}

static int write_summary(const char *dir, const struct reporter_ops *reporter, const char *name,
			 struct summary_view summary)
{
	_cleanup_(buf_done) struct buf out = {};
	struct reason why = {};
	int r = 0;

	end_summary(&summary, &why);
	for (size_t i = 0; i < ARRAY_SIZE(coverage) && r == 0; i++)
		r = reporter->coverage(&coverage[i], &plain, &out);
	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0 && summary.overlapping >= 0; i++)
		r = reporter->file(&files[i], &plain, &out);
	if (r == 0)
		r = reporter->summary(&summary, &plain, &out);
	return r < 0 ? r : write_file(dir, name, reporter->ending, &out);
}

static const struct stress_op stress_ops[] = {
	{{0, 65536},
	 112,
	 MONO_NS,
	 MONO_NS + 14000,
	 3,
	 900,
	 903,
	 IOR_OP_READ,
	 IOR_MODE_DIRECT,
	 0,
	 0},
	{{0, 65536},
	 52,
	 MONO_NS - 33600,
	 STRESS_IN_FLIGHT,
	 1,
	 900,
	 901,
	 IOR_OP_WRITE,
	 IOR_MODE_DIRECT,
	 1,
	 0},
	{{32768, IOR_RANGE_MAX},
	 7,
	 MONO_NS - 138000,
	 MONO_NS - 34500,
	 5,
	 900,
	 905,
	 IOR_OP_SIZE,
	 IOR_MODE_SIZE,
	 0,
	 0},
	{{0, 131072}, 1, 1, 2, 0, 900, 900, IOR_OP_WRITE, IOR_MODE_BUFFERED, 0, 0},
};

static const struct stress_view_run stress_runs[] = {
	{{0, 28672}, 1},
	{{28672, 32768}, STRESS_RUN_BROKEN},
	{{32768, 61440}, STRESS_RUN_NOTHING},
	{{61440, 65536}, 3},
};

static const struct stress_pair stress_pairs[] = {{0, 1}, {1, 2}};

static struct torn_view torn_fixture(enum stress_kind kind, enum stress_how how)
{
	return (struct torn_view){
		.id = kind,
		.time_real_ns = REAL_NS,
		.file = {xfs_file, "/data/iorace-stress.\033[2J", PATH_OK, "xfs"},
		.kind = kind,
		.how = how,
		.ops = stress_ops,
		.ops_len = ARRAY_SIZE(stress_ops),
		.runs = stress_runs,
		.runs_len = ARRAY_SIZE(stress_runs),
		.runs_cut = kind == STRESS_GARBLED,
		.pairs = stress_pairs,
		.pairs_len = how == STRESS_HOW_MISSING ? 0 : ARRAY_SIZE(stress_pairs),
		.pairs_cut = kind == STRESS_MIXED_WRITE,
	};
}

static struct stress_view stress_fixture(enum stress_result result)
{
	struct stress_view view = {
		.result = result,
		.reason = "what was read proves it",
		.file = {xfs_file, "/data/iorace-stress.900", PATH_OK, "xfs"},
		.mode = "direct",
		.engine = "libaio",
		.shape = "identical",
		.writers = 2,
		.readers = 1,
		.depth = 4,
		.seed = 17,
		.block = 65536,
		.size = 131072,
		.duration_ns = 3009306866,
		.ops = {2835, 778, 0, 0},
		.bytes = {2972712960, 815792128, 0, 0},
		.judged = 2836,
		.contended = 3524,
	};

	if (result == STRESS_RESULT_TORN) {
		view.found[STRESS_TORN_READ] = 212;
		view.found[STRESS_LOST_WRITE] = 1;
		view.torn_inside = 211;
		view.undecided = 5;
		view.refused = 2;
		view.ops[IOR_OP_SIZE] = 1;
		view.records_written = 100;
		view.records_suppressed = 113;
		view.processes = true;
		view.error = "/data/iorace-stress.900: write at 0: No space left on device";
	}
	return view;
}

/* Each kind and each how once, and both ends of a run. */
static int write_stress(const char *dir, const struct reporter_ops *reporter)
{
	static const struct {
		enum stress_kind kind;
		enum stress_how how;
	} rows[] = {
		{STRESS_TORN_READ, STRESS_HOW_MIX},    {STRESS_TORN_READ, STRESS_HOW_ORDER},
		{STRESS_MIXED_WRITE, STRESS_HOW_UNIT}, {STRESS_LOST_WRITE, STRESS_HOW_MISSING},
		{STRESS_LOST_WRITE, STRESS_HOW_PLACE}, {STRESS_GARBLED, STRESS_HOW_UNIT},
	};
	const struct stress_view torn = stress_fixture(STRESS_RESULT_TORN);
	const struct stress_view whole = stress_fixture(STRESS_RESULT_WHOLE);
	_cleanup_(buf_done) struct buf out = {};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && r == 0; i++) {
		struct torn_view view = torn_fixture(rows[i].kind, rows[i].how);

		r = reporter->torn(&view, &plain, &out);
	}
	if (r == 0)
		r = reporter->stress(&torn, &plain, &out);
	if (r == 0)
		r = reporter->stress(&whole, &plain, &out);
	return r < 0 ? r : write_file(dir, "stress", reporter->ending, &out);
}

/* All there is, in the order of a run. */
static int tell_document(const struct reporter_ops *reporter, const struct report_style *style,
			 struct buf *out)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(coverage) && r == 0 && reporter->coverage; i++)
		r = reporter->coverage(&coverage[i], style, out);
	for (size_t i = 0; i < ARRAY_SIZE(fixtures) && r == 0; i++)
		r = tell_conflict(reporter, fixtures[i].conflict, style, out);
	return r;
}

static int write_document(const char *dir, const struct reporter_ops *reporter, const char *name,
			  struct summary_view summary, bool full)
{
	_cleanup_(report_doc_done) struct report_doc doc = {};
	_cleanup_(buf_done) struct buf out = {};
	const struct report_style style = {.doc = &doc};
	struct reason why = {};
	int r = full ? tell_document(reporter, &style, &out) : 0;

	end_summary(&summary, &why);
	if (r == 0)
		r = reporter->summary(&summary, &style, &out);
	return r < 0 ? r : write_file(dir, name, reporter->ending, &out);
}

/* Without a lock, and with one: a run that knows little beside one that knows all. */
static int write_comparison(const char *dir, const struct reporter_ops *reporter)
{
	struct summary_view summaries[2] = {conflicts_summary(), clean_summary()};
	struct run_facts facts[2];
	const struct comparison_view view = {{"before.json", "\033[2Jafter.json"},
					     {&facts[0], &facts[1]}};
	_cleanup_(buf_done) struct buf out = {};
	struct reason why = {};
	int r;

	if (!reporter->comparison)
		return 0;
	for (int i = 0; i < 2; i++) {
		end_summary(&summaries[i], &why);
		facts[i] = run_facts_of(&summaries[i]);
	}
	r = reporter->is_document ? html_comparison_page(&view, &out)
				  : reporter->comparison(&view, &plain, &out);
	return r < 0 ? r : write_file(dir, "comparison", reporter->ending, &out);
}

static int write_stress_document(const char *dir, const struct reporter_ops *reporter)
{
	const struct torn_view torn = torn_fixture(STRESS_TORN_READ, STRESS_HOW_MIX);
	const struct stress_view stress = stress_fixture(STRESS_RESULT_TORN);
	_cleanup_(report_doc_done) struct report_doc doc = {};
	_cleanup_(buf_done) struct buf out = {};
	const struct report_style style = {.doc = &doc};
	int r = reporter->torn(&torn, &style, &out);

	if (r == 0)
		r = reporter->stress(&stress, &style, &out);
	return r < 0 ? r : write_file(dir, "stress", reporter->ending, &out);
}

static int write_documents(const char *dir, const struct reporter_ops *reporter)
{
	int r;

	r = write_stress_document(dir, reporter);
	if (r < 0)
		return r;
	r = write_document(dir, reporter, "run_clean", clean_summary(), false);
	if (r < 0)
		return r;
	r = write_document(dir, reporter, "run_conflicts", conflicts_summary(), true);
	if (r < 0)
		return r;
	return write_document(dir, reporter, "run_with_every_loss", lossy_summary(), false);
}

static int write_all(const char *dir, const struct reporter_ops *reporter)
{
	int r;

	if (reporter->is_document)
		return write_documents(dir, reporter);
	r = write_conflicts(dir, reporter);
	if (r < 0)
		return r;
	r = write_stress(dir, reporter);
	if (r < 0)
		return r;
	r = write_admissions(dir, reporter);
	if (r < 0)
		return r;
	r = write_summary(dir, reporter, "run_clean", clean_summary());
	if (r < 0)
		return r;
	r = write_summary(dir, reporter, "run_conflicts", conflicts_summary());
	if (r < 0)
		return r;
	return write_summary(dir, reporter, "run_with_every_loss", lossy_summary());
}

int main(int argc, char **args)
{
	if (argc != 2) {
		fprintf(stderr, "usage: golden DIR\n");
		return 2;
	}
	for (const struct reporter_ops *const *reporter = reporters; *reporter; reporter++) {
		int r = write_all(args[1], *reporter);

		if (r == 0)
			r = write_comparison(args[1], *reporter);
		if (r < 0) {
			fprintf(stderr, "golden: %s: %s\n", (*reporter)->name, strerror(-r));
			return 1;
		}
	}
	return 0;
}
