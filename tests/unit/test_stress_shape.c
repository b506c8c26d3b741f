// SPDX-License-Identifier: GPL-2.0
#include "stress/shape.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

#include "unit.h"

#define STEPS 2000

static struct stress_geometry settled(enum stress_shape shape)
{
	struct stress_geometry geometry = {
		.shape = shape,
		.align = 4096,
		.workers = {[STRESS_ROLE_WRITER] = 2, [STRESS_ROLE_READER] = 2}};
	struct reason why;

	assert_int_equal(stress_geometry_settle(&geometry, &why), 0);
	return geometry;
}

static bool is_in_order(const struct stress_geometry *g, const struct stress_step *step)
{
	uint64_t len = ior_range_len(step->range);

	if (len == 0 || step->range.start % g->align)
		return false;
	if (step->kind == IOR_OP_SIZE)
		return step->punch ? step->range.end <= g->size : step->range.end == IOR_RANGE_MAX;
	if (step->range.end % g->align || len > stress_geometry_longest(g))
		return false;
	return step->append || g->shape == STRESS_SHAPE_APPEND || step->range.end <= g->size;
}

typedef void (*step_fn)(const struct stress_geometry *g, enum stress_role role,
			const struct stress_step *step, void *arg);

static void each_step(const struct stress_geometry *g, uint64_t seed, step_fn fn, void *arg)
{
	for (enum stress_role role = 0; role < STRESS_ROLE_COUNT_; role++) {
		for (unsigned int i = 0; i < g->workers[role]; i++) {
			struct stress_mover mover;

			stress_mover_init(&mover, g, role, i, seed);
			for (unsigned int n = 0; n < STEPS; n++) {
				struct stress_step step;

				stress_mover_next(&mover, n * 65536ULL, &step);
				fn(g, role, &step, arg);
			}
		}
	}
}

static void check_step(const struct stress_geometry *g, enum stress_role role,
		       const struct stress_step *step, void *arg)
{
	(void)arg;
	assert_true(is_in_order(g, step));
	if (role == STRESS_ROLE_READER)
		assert_int_equal(step->kind, IOR_OP_READ);
	if (role == STRESS_ROLE_CUTTER)
		assert_int_equal(step->kind, IOR_OP_SIZE);
}

static void steps_of_every_shape_are_aligned_and_inside(void **state)
{
	(void)state;
	for (enum stress_shape shape = 0; shape < STRESS_SHAPE_COUNT_; shape++) {
		struct stress_geometry geometry = settled(shape);

		each_step(&geometry, 7, check_step, NULL);
		geometry.block = 8192;
		geometry.size = 0;
		assert_int_equal(stress_geometry_settle(&geometry, NULL), 0);
		each_step(&geometry, 8, check_step, NULL);
	}
}

struct script {
	struct stress_step steps[5 * STEPS];
	size_t len;
};

static void note(const struct stress_geometry *g, enum stress_role role,
		 const struct stress_step *step, void *arg)
{
	struct script *script = arg;

	(void)g;
	(void)role;
	script->steps[script->len++] = *step;
}

static void same_seed_makes_the_same_steps(void **state)
{
	static struct script first, again, other;

	(void)state;
	for (enum stress_shape shape = 0; shape < STRESS_SHAPE_COUNT_; shape++) {
		struct stress_geometry geometry = settled(shape);

		first.len = again.len = other.len = 0;
		each_step(&geometry, 7, note, &first);
		each_step(&geometry, 7, note, &again);
		each_step(&geometry, 8, note, &other);
		assert_memory_equal(first.steps, again.steps, first.len * sizeof(first.steps[0]));
		if (shape == STRESS_SHAPE_NESTED || shape == STRESS_SHAPE_PARTIAL)
			assert_memory_not_equal(first.steps, other.steps,
						first.len * sizeof(first.steps[0]));
	}
}

/* How ranges of writers lie to those of readers. */
struct lies {
	struct stress_step writes[16], reads[16];
	size_t writes_len, reads_len;
};

static void sample(const struct stress_geometry *g, enum stress_role role,
		   const struct stress_step *step, void *arg)
{
	struct lies *lies = arg;

	(void)g;
	if (role == STRESS_ROLE_WRITER && !step->append && lies->writes_len < 16)
		lies->writes[lies->writes_len++] = *step;
	if (role == STRESS_ROLE_READER && lies->reads_len < 16)
		lies->reads[lies->reads_len++] = *step;
}

static unsigned int count_of(const struct lies *lies, enum ior_shape shape, bool overlapping)
{
	unsigned int count = 0;

	for (size_t i = 0; i < lies->writes_len; i++) {
		for (size_t j = 0; j < lies->reads_len; j++) {
			struct ior_range a = lies->writes[i].range, b = lies->reads[j].range;

			if (!ior_range_overlaps(a, b))
				count += !overlapping;
			else
				count += overlapping && ior_range_shape(a, b) == shape;
		}
	}
	return count;
}

static void shapes_are_what_they_are_called(void **state)
{
	static const struct {
		enum stress_shape shape;
		enum ior_shape lie;
	} rows[] = {
		{STRESS_SHAPE_IDENTICAL, IOR_SHAPE_IDENTICAL},
		{STRESS_SHAPE_NESTED, IOR_SHAPE_NESTED},
		{STRESS_SHAPE_PARTIAL, IOR_SHAPE_PARTIAL},
		{STRESS_SHAPE_SLIDING, IOR_SHAPE_PARTIAL},
		{STRESS_SHAPE_LOG, IOR_SHAPE_NESTED},
		{STRESS_SHAPE_PAGES, IOR_SHAPE_NESTED},
		{STRESS_SHAPE_TRUNCATE, IOR_SHAPE_IDENTICAL},
		{STRESS_SHAPE_PUNCH, IOR_SHAPE_IDENTICAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stress_geometry geometry = settled(rows[i].shape);
		struct lies lies = {};

		each_step(&geometry, 3, sample, &lies);
		assert_true(count_of(&lies, rows[i].lie, true) > 0);
	}
}

struct owners {
	struct ior_range of[5];
	size_t len;
	unsigned int steps;
};

static void own(const struct stress_geometry *g, enum stress_role role,
		const struct stress_step *step, void *arg)
{
	struct owners *owners = arg;

	(void)g;
	(void)role;
	if (owners->steps++ % STEPS == 0)
		owners->of[owners->len++] = step->range;
	assert_memory_equal(&owners->of[owners->len - 1], &step->range, sizeof(step->range));
}

static void disjoint_workers_have_no_byte_in_common(void **state)
{
	struct stress_geometry geometry = settled(STRESS_SHAPE_DISJOINT);
	struct owners owners = {};

	(void)state;
	each_step(&geometry, 3, own, &owners);
	assert_int_equal(owners.len, 4);
	for (size_t i = 0; i < owners.len; i++) {
		for (size_t j = 0; j < i; j++)
			assert_false(ior_range_overlaps(owners.of[i], owners.of[j]));
	}
}

static void disjoint_ops_in_flight_of_one_worker_have_no_byte_in_common(void **state)
{
	struct stress_geometry geometry = settled(STRESS_SHAPE_DISJOINT);
	struct stress_step steps[2];

	(void)state;
	geometry.lanes = 2;
	geometry.size = 0;
	assert_int_equal(stress_geometry_settle(&geometry, NULL), 0);
	for (unsigned int lane = 0; lane < 2; lane++) {
		struct stress_mover mover;

		stress_mover_init(&mover, &geometry, STRESS_ROLE_READER,
				  geometry.workers[STRESS_ROLE_READER] - 1, 1);
		mover.lane = lane;
		stress_mover_next(&mover, 0, &steps[lane]);
		assert_true(steps[lane].range.end <= geometry.size);
	}
	assert_false(ior_range_overlaps(steps[0].range, steps[1].range));
}

static void appending_begins_anew_when_the_file_is_long(void **state)
{
	struct stress_geometry geometry = settled(STRESS_SHAPE_APPEND);
	struct stress_mover mover;
	struct stress_step step;

	(void)state;
	stress_mover_init(&mover, &geometry, STRESS_ROLE_WRITER, 0, 1);
	stress_mover_next(&mover, 0, &step);
	assert_true(step.append);
	stress_mover_next(&mover, geometry.size, &step);
	assert_int_equal(step.kind, IOR_OP_SIZE);
	assert_int_equal(step.range.start, 0);
}

static void geometry_that_makes_no_sense_is_refused_by_name(void **state)
{
	static const struct {
		struct stress_geometry geometry;
		const char *says;
	} rows[] = {
		{{.block = 1000, .align = 4096, .workers = {1, 1}}, "--block"},
		{{.shape = STRESS_SHAPE_NESTED, .block = 4096, .align = 4096, .workers = {1, 1}},
		 "--block"},
		{{.block = 1ULL << 40, .align = 4096, .workers = {1, 1}}, "--block"},
		{{.align = 4096, .workers = {0, 1}}, "--writers"},
		{{.size = 4096, .align = 4096, .workers = {1, 1}}, "--size"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stress_geometry geometry = rows[i].geometry;
		struct reason why = {};

		assert_int_equal(stress_geometry_settle(&geometry, &why), -EINVAL);
		assert_non_null(strstr(why.text, rows[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_of_every_shape_are_aligned_and_inside),
		cmocka_unit_test(same_seed_makes_the_same_steps),
		cmocka_unit_test(shapes_are_what_they_are_called),
		cmocka_unit_test(disjoint_workers_have_no_byte_in_common),
		cmocka_unit_test(disjoint_ops_in_flight_of_one_worker_have_no_byte_in_common),
		cmocka_unit_test(appending_begins_anew_when_the_file_is_long),
		cmocka_unit_test(geometry_that_makes_no_sense_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
