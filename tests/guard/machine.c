// SPDX-License-Identifier: GPL-2.0
#include "guard/machine.h"

#include <errno.h>
#include <string.h>

#define STEPS_MAX 1000000
#define FRAMES_MAX 16
#define FRAME_BYTES 512
#define LINE_SHIFT 6

struct frame {
	size_t pc;
	uint64_t saved[4]; /* r6 to r9 */
	uint64_t fp;
	/* a bpf_loop() under way */
	bool loops;
	size_t loop_fn;
	uint64_t loop_i, loop_n, loop_ctx;
};

struct cpu {
	struct machine *m;
	const struct bpf_insn *insns;
	size_t len, pc;
	uint64_t r[11];
	struct frame frames[FRAMES_MAX];
	size_t depth;
	struct reason *why;
};

struct machine_map *machine_map_named(struct machine *m, const char *name)
{
	for (size_t i = 0; i < m->maps_len; i++) {
		if (!strcmp(m->maps[i].name, name))
			return &m->maps[i];
	}
	return NULL;
}

static struct machine_map *map_of_fd(struct machine *m, int fd)
{
	for (size_t i = 0; i < m->maps_len; i++) {
		if (m->maps[i].fd == fd)
			return &m->maps[i];
	}
	return NULL;
}

/* ---- what is touched ------------------------------------------------------------------------- */

static bool is_within(uint64_t at, const char *base, size_t size)
{
	return base && at >= (uintptr_t)base && at < (uintptr_t)base + size;
}

static bool is_table(const struct machine *m, uint64_t at)
{
	static const char *const names[] = {"ior_lines", "ior_wide", "ior_slots", "ior_races"};

	for (size_t i = 0; i < m->maps_len; i++) {
		const struct machine_map *map = &m->maps[i];

		if (!is_within(at, map->values, (size_t)map->value_size * map->max_entries))
			continue;
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			if (!strcmp(map->name, names[k]))
				return true;
		}
	}
	return false;
}

static void touch_line(struct machine *m, uint64_t at)
{
	uintptr_t line = at >> LINE_SHIFT;

	for (unsigned int i = 0; i < m->counts.lines; i++) {
		if (m->lines[i] == line)
			return;
	}
	if (m->counts.lines == MACHINE_LINES_MAX)
		return;
	m->lines[m->counts.lines++] = line;
	m->counts.table_lines += is_table(m, at);
}

static void touch(struct machine *m, uint64_t at, bool load)
{
	if (is_within(at, m->stack, sizeof(m->stack)))
		return;
	m->counts.field_reads += load && is_within(at, m->kernel, m->kernel_size);
	touch_line(m, at);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static size_t size_of(uint8_t code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	default:
		return 8;
	}
}

static uint64_t load(struct cpu *c, uint64_t at, size_t size)
{
	uint64_t value = 0;

	touch(c->m, at, true);
	memcpy(&value, (void *)(uintptr_t)at, size);
	return value;
}

static void store(struct cpu *c, uint64_t at, uint64_t value, size_t size)
{
	touch(c->m, at, false);
	memcpy((void *)(uintptr_t)at, &value, size);
}

static int atomic_op(struct cpu *c, const struct bpf_insn *i)
{
	uint64_t at = c->r[i->dst_reg] + i->off, old, new, operand = c->r[i->src_reg];
	size_t size = size_of(i->code);
	bool fetch = i->imm & BPF_FETCH;

	c->m->counts.atomics++;
	old = load(c, at, size);
	switch (i->imm & ~BPF_FETCH) {
	case BPF_ADD:
		new = old + operand;
		break;
	case BPF_OR:
		new = old | operand;
		break;
	case BPF_AND:
		new = old &operand;
		break;
	case BPF_XOR:
		new = old ^ operand;
		break;
	case BPF_XCHG & ~BPF_FETCH:
		new = operand;
		break;
	case BPF_CMPXCHG & ~BPF_FETCH:
		new = old == (size == 4 ? (uint32_t)c->r[0] : c->r[0]) ? operand : old;
		c->r[0] = old;
		fetch = false;
		break;
	default:
		return reason_fail(c->why, -ENOTSUP, "atomic %#x at %zu", i->imm, c->pc);
	}
	store(c, at, new, size);
	if (fetch)
		c->r[i->src_reg] = old;
	return 0;
}

/* ---- helpers --------------------------------------------------------------------------------- */

static uint64_t lookup(struct cpu *c)
{
	struct machine_map *map = map_of_fd(c->m, c->r[1]);
	uint32_t i;

	c->m->counts.lookups++;
	memcpy(&i, (void *)(uintptr_t)c->r[2], sizeof(i));
	if (!map || !map->values || i >= map->max_entries)
		return 0;
	return (uintptr_t)map->values + (uint64_t)i * map->value_size;
}

static uint64_t read_kernel(struct cpu *c)
{
	touch(c->m, c->r[3], true);
	memcpy((void *)(uintptr_t)c->r[1], (void *)(uintptr_t)c->r[3], c->r[2]);
	return 0;
}

static int helper(struct cpu *c, int id)
{
	c->m->counts.calls += id != BPF_FUNC_map_lookup_elem;
	switch (id) {
	case BPF_FUNC_map_lookup_elem:
		c->r[0] = lookup(c);
		return 0;
	case BPF_FUNC_ktime_get_ns:
		c->r[0] = c->m->now_ns;
		return 0;
	case BPF_FUNC_jiffies64:
		c->m->counts.calls--; /* the kernel puts a load in its place */
		c->r[0] = 1;
		return 0;
	case BPF_FUNC_get_current_task:
	case BPF_FUNC_get_current_task_btf:
		c->r[0] = c->m->task;
		return 0;
	case BPF_FUNC_get_current_pid_tgid:
		c->r[0] = c->m->pid_tgid;
		return 0;
	case BPF_FUNC_get_current_cgroup_id:
		c->r[0] = 1;
		return 0;
	case BPF_FUNC_current_task_under_cgroup:
		c->r[0] = 1;
		return 0;
	case BPF_FUNC_probe_read_kernel:
		c->r[0] = read_kernel(c);
		return 0;
	case BPF_FUNC_probe_read_kernel_str:
		c->r[0] = read_kernel(c);
		return 0;
	case BPF_FUNC_map_update_elem:
		c->r[0] = 0;
		return 0;
	case BPF_FUNC_get_stackid:
		c->r[0] = 0;
		return 0;
	case BPF_FUNC_ringbuf_reserve:
		c->r[0] = 0;
		return 0;
	case BPF_FUNC_ringbuf_submit:
		return 0;
	default:
		return reason_fail(c->why, -ENOTSUP, "helper %d at %zu", id, c->pc);
	}
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int enter(struct cpu *c, size_t fn)
{
	struct frame *f;

	if (c->depth + 1 >= FRAMES_MAX)
		return reason_fail(c->why, -E2BIG, "calls too deep at %zu", c->pc);
	f = &c->frames[c->depth++];
	*f = (struct frame){.pc = c->pc, .fp = c->r[10]};
	memcpy(f->saved, &c->r[6], sizeof(f->saved));
	c->r[10] -= FRAME_BYTES;
	c->pc = fn;
	return 0;
}

/* Next round of a loop, or out of it. */
static int loop_turn(struct cpu *c)
{
	struct frame *f = &c->frames[c->depth - 1];

	if (f->loop_i && c->r[0]) /* the callback has had enough */
		f->loop_n = f->loop_i;
	if (f->loop_i >= f->loop_n)
		return 0;
	c->r[1] = f->loop_i++;
	c->r[2] = f->loop_ctx;
	c->pc = f->loop_fn;
	return 1;
}

static void leave(struct cpu *c)
{
	struct frame *f = &c->frames[c->depth - 1];

	if (f->loops) {
		if (loop_turn(c))
			return;
		c->r[0] = f->loop_i;
	}
	c->depth--;
	c->pc = f->pc;
	c->r[10] = f->fp;
	memcpy(&c->r[6], f->saved, sizeof(f->saved));
}

static int call_loop(struct cpu *c)
{
	struct frame *f;
	uint64_t n = c->r[1], fn = c->r[2], ctx = c->r[3];
	int r = enter(c, fn);

	if (r < 0)
		return r;
	f = &c->frames[c->depth - 1];
	f->loops = true;
	f->loop_fn = fn;
	f->loop_n = n;
	f->loop_ctx = ctx;
	c->r[0] = 0;
	if (!loop_turn(c))
		leave(c);
	return 0;
}

static int call(struct cpu *c, const struct bpf_insn *i)
{
	switch (i->src_reg) {
	case BPF_PSEUDO_CALL:
		return enter(c, c->pc + i->imm);
	case BPF_PSEUDO_KFUNC_CALL: /* bpf_rdonly_cast(), a move */
		c->r[0] = c->r[1];
		return 0;
	default:
		return i->imm == BPF_FUNC_loop ? call_loop(c) : helper(c, i->imm);
	}
}

/* ---- instructions ---------------------------------------------------------------------------- */

static int load_imm64(struct cpu *c, const struct bpf_insn *i)
{
	struct machine_map *map;
	uint64_t value = (uint64_t)(uint32_t)i[1].imm << 32 | (uint32_t)i->imm;

	switch (i->src_reg) {
	case BPF_PSEUDO_MAP_VALUE:
		map = map_of_fd(c->m, i->imm);
		if (!map || !map->values)
			return reason_fail(c->why, -ENOTSUP, "value of map %d at %zu", i->imm,
					   c->pc);
		value = (uintptr_t)map->values + (uint32_t)i[1].imm;
		break;
	case BPF_PSEUDO_MAP_FD:
		value = i->imm;
		break;
	case BPF_PSEUDO_FUNC:
		value = c->pc + i->imm;
		break;
	case BPF_PSEUDO_BTF_ID:
		value = c->m->ksym;
		break;
	}
	c->r[i->dst_reg] = value;
	c->pc++;
	return 0;
}

static uint64_t swap_bytes(uint64_t x, int bits)
{
	switch (bits) {
	case 16:
		return (uint16_t)x;
	case 32:
		return (uint32_t)x;
	default:
		return x;
	}
}

/* long: one line for each operation */
static int alu(struct cpu *c, const struct bpf_insn *i)
{
	bool wide = BPF_CLASS(i->code) == BPF_ALU64;
	uint64_t a = c->r[i->dst_reg];
	uint64_t b = BPF_SRC(i->code) == BPF_X ? c->r[i->src_reg] : (uint64_t)(int64_t)i->imm;
	unsigned int bits = wide ? 63 : 31;

	if (!wide) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	switch (BPF_OP(i->code)) {
	case BPF_ADD:
		a += b;
		break;
	case BPF_SUB:
		a -= b;
		break;
	case BPF_MUL:
		a *= b;
		break;
	case BPF_DIV:
		a = b ? a / b : 0;
		break;
	case BPF_MOD:
		a = b ? a % b : a;
		break;
	case BPF_OR:
		a |= b;
		break;
	case BPF_AND:
		a &= b;
		break;
	case BPF_XOR:
		a ^= b;
		break;
	case BPF_LSH:
		a <<= b & bits;
		break;
	case BPF_RSH:
		a >>= b & bits;
		break;
	case BPF_ARSH:
		a = wide ? (int64_t)a >> (b & 63) : (int32_t)a >> (b & 31);
		break;
	case BPF_NEG:
		a = -a;
		break;
	case BPF_MOV:
		a = b;
		break;
	case BPF_END:
		a = swap_bytes(a, i->imm);
		wide = true;
		break;
	default:
		return reason_fail(c->why, -ENOTSUP, "alu %#x at %zu", i->code, c->pc);
	}
	c->r[i->dst_reg] = wide ? a : (uint32_t)a;
	return 0;
}

static bool is_taken(uint8_t op, uint64_t a, uint64_t b, int64_t sa, int64_t sb)
{
	switch (op) {
	case BPF_JA:
		return true;
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSET:
		return a & b;
	case BPF_JSGT:
		return sa > sb;
	case BPF_JSGE:
		return sa >= sb;
	case BPF_JSLT:
		return sa < sb;
	default:
		return sa <= sb; /* BPF_JSLE */
	}
}

static void jump(struct cpu *c, const struct bpf_insn *i)
{
	uint64_t a = c->r[i->dst_reg];
	uint64_t b = BPF_SRC(i->code) == BPF_X ? c->r[i->src_reg] : (uint64_t)(int64_t)i->imm;
	uint8_t op = BPF_OP(i->code);
	bool taken = BPF_CLASS(i->code) == BPF_JMP
			     ? is_taken(op, a, b, a, b)
			     : is_taken(op, (uint32_t)a, (uint32_t)b, (int32_t)a, (int32_t)b);

	if (taken)
		c->pc += i->off;
}

static int step(struct cpu *c)
{
	const struct bpf_insn *i = &c->insns[c->pc++];

	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		return load_imm64(c, i);
	case BPF_LDX:
		c->r[i->dst_reg] = load(c, c->r[i->src_reg] + i->off, size_of(i->code));
		return 0;
	case BPF_ST:
		store(c, c->r[i->dst_reg] + i->off, (int64_t)i->imm, size_of(i->code));
		return 0;
	case BPF_STX:
		if (BPF_MODE(i->code) == BPF_ATOMIC)
			return atomic_op(c, i);
		store(c, c->r[i->dst_reg] + i->off, c->r[i->src_reg], size_of(i->code));
		return 0;
	case BPF_ALU:
	case BPF_ALU64:
		return alu(c, i);
	default:
		if (BPF_OP(i->code) == BPF_CALL)
			return call(c, i);
		jump(c, i);
		return 0;
	}
}

static bool is_exit(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_EXIT);
}

int machine_run(struct machine *m, const struct bpf_insn *insns, size_t len, uint64_t ctx,
		struct reason *why)
{
	struct cpu c = {.m = m, .insns = insns, .len = len, .why = why};
	int r;

	m->counts = (struct machine_counts){};
	c.r[1] = ctx;
	c.r[10] = (uintptr_t)m->stack + sizeof(m->stack);
	while (m->counts.insns++ < STEPS_MAX && c.pc < len) {
		if (!is_exit(&insns[c.pc])) {
			r = step(&c);
			if (r < 0)
				return r;
		} else if (c.depth) {
			leave(&c);
		} else {
			return 0;
		}
	}
	return reason_fail(why, -ELOOP, "did not end");
}
