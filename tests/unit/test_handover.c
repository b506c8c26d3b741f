// SPDX-License-Identifier: GPL-2.0
/* From iorace stress to iorace check: what is written is read, and nothing else. */
#include "stress/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define ROOM 65536

struct heard {
	size_t begins, torn, ends;
	struct handover_torn last;
	uint64_t claimed;
};

static void on_begin(const struct handover_begin *begin, void *arg)
{
	struct heard *heard = arg;

	heard->begins++;
	assert_int_equal(begin->file.ino, 131);
	assert_true(begin->is_mixed);
}

static void on_torn(const struct handover_torn *torn, void *arg)
{
	struct heard *heard = arg;

	heard->torn++;
	heard->last = *torn;
}

static void on_end(const struct handover_end *end, void *arg)
{
	struct heard *heard = arg;

	heard->ends++;
	heard->claimed = end->torn;
}

static size_t hear(const void *bytes, size_t len, struct heard *heard)
{
	const struct handover_reader reader = {on_begin, on_torn, on_end, heard};

	*heard = (struct heard){};
	return handover_read(bytes, len, &reader);
}

static struct stress_evidence evidence_of(void)
{
	return (struct stress_evidence){
		.kind = STRESS_TORN_READ,
		.ops_len = 2,
		.runs_len = 1,
		.pairs_len = 1,
		.ops = {{.range = {0, 65536}, .kind = IOR_OP_READ},
			{.range = {0, 65536}, .kind = IOR_OP_WRITE, .async = true}},
		.pairs = {{0, 1}},
	};
}

/* What one run hands over, in `bytes`; it finds the way by the environment. */
static size_t written_by_a_run(char *bytes, size_t torn)
{
	const struct stress_evidence evidence = evidence_of();
	const struct ior_file file = {.ino = 131};
	struct handover handover;
	struct reason why;
	ssize_t len;
	int fd = -1;

	assert_int_equal(handover_create(&fd), 0);
	assert_int_equal(handover_export(fd), 0);
	assert_int_equal(handover_find(&handover, &why), 0);
	assert_int_equal(handover.fd, fd);
	handover_begin(&handover, 77, &file, true);
	for (size_t i = 0; i < torn; i++)
		handover_torn(&handover, &evidence);
	handover_end(&handover);
	assert_int_equal(handover.error, 0);
	len = pread(fd, bytes, ROOM, 0);
	assert_true(len > 0);
	close(fd);
	unsetenv(HANDOVER_ENV);
	return (size_t)len;
}

static void what_is_handed_over_is_read(void **state)
{
	static char bytes[ROOM];
	struct heard heard;
	size_t len = written_by_a_run(bytes, 2);

	(void)state;
	assert_int_equal(hear(bytes, len, &heard), 0);
	assert_int_equal(heard.begins, 1);
	assert_int_equal(heard.torn, 2);
	assert_int_equal(heard.ends, 1);
	assert_int_equal(heard.claimed, 2);
	assert_int_equal(heard.last.id, 2);
	assert_int_equal(heard.last.head.run, 77);
	assert_int_equal(heard.last.evidence.ops_len, 2);
	assert_true(heard.last.evidence.ops[1].async);
	assert_int_equal(heard.last.evidence.pairs[0].b, 1);
}

static void without_check_nobody_asks(void **state)
{
	struct handover handover;
	struct reason why;

	(void)state;
	unsetenv(HANDOVER_ENV);
	assert_int_equal(handover_find(&handover, &why), 0);
	assert_int_equal(handover.fd, -1);
	handover_end(&handover);
	assert_int_equal(handover.error, 0);
}

/* Closed on the way, or another file by now: it must not be written into. */
static void descriptor_of_another_file_is_refused(void **state)
{
	struct handover handover;
	struct reason why;
	int fd = -1;

	(void)state;
	assert_int_equal(handover_create(&fd), 0);
	assert_int_equal(handover_export(fd), 0);
	close(fd);
	assert_int_equal(handover_find(&handover, &why), -EBADF);
	assert_int_equal(dup2(STDOUT_FILENO, fd), fd);
	assert_int_equal(handover_find(&handover, &why), -EBADF);
	assert_int_equal(handover.fd, -1);
	close(fd);
	setenv(HANDOVER_ENV, "nonsense", 1);
	assert_int_equal(handover_find(&handover, &why), -EBADF);
	unsetenv(HANDOVER_ENV);
}

static void cut_off_record_is_counted(void **state)
{
	static char bytes[ROOM];
	struct heard heard;
	size_t len = written_by_a_run(bytes, 1);

	(void)state;
	for (size_t cut = 1; cut < len; cut++) {
		size_t broken = hear(bytes, cut, &heard);

		/* Between two records nothing is missing that could be known to be. */
		if (cut != sizeof(struct handover_begin) &&
		    cut != sizeof(struct handover_begin) + sizeof(struct handover_torn))
			assert_int_equal(broken, 1);
		assert_int_equal(heard.ends, 0);
	}
}

static void record_that_does_not_hold_together_is_counted_and_not_told(void **state)
{
	static char bytes[ROOM];
	struct handover_torn *torn =
		(struct handover_torn *)(bytes + sizeof(struct handover_begin));
	const struct {
		void *at;
		unsigned char byte;
	} breaks[] = {
		{&torn->head.type, 9},
		{&torn->evidence.kind, STRESS_KIND_COUNT_},
		{&torn->evidence.how, STRESS_HOW_COUNT_},
		{&torn->evidence.pairs_cut, 2},
		{&torn->evidence.ops_len, 0},
		{&torn->evidence.ops_len, EVIDENCE_OPS_MAX + 1},
		{&torn->evidence.ops_len, 1},
		{&torn->evidence.runs_len, 1},
		{&torn->evidence.pairs_len, STRESS_PAIRS_MAX + 1},
		{&torn->evidence.pairs[0].a, 2},
		{(char *)&torn->evidence.pairs[0].a + 3, 0x80},
		{&torn->evidence.ops[0].kind, IOR_OP_COUNT_},
		{&torn->evidence.ops[0].mode, IOR_MODE_COUNT_},
		{&torn->evidence.ops[1].async, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		size_t len = written_by_a_run(bytes, 1);
		struct heard heard;

		*(unsigned char *)breaks[i].at = breaks[i].byte;
		if (hear(bytes, len, &heard) != 1 || heard.torn != 0)
			fail_msg("break %zu is not noticed", i);
		assert_int_equal(heard.ends, 1);
	}
}

static void random_bytes_are_one_broken_record(void **state)
{
	static char bytes[4096];
	struct heard heard;

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)rand();
	assert_int_equal(hear(bytes, sizeof(bytes), &heard), 1);
	assert_int_equal(heard.begins + heard.torn + heard.ends, 0);
}

static void too_many_results_are_counted_not_written(void **state)
{
	const struct stress_evidence evidence = evidence_of();
	struct handover handover = HANDOVER_NONE;
	off_t len;
	int fd = -1;

	(void)state;
	assert_int_equal(handover_create(&fd), 0);
	handover.fd = fd;
	for (size_t i = 0; i < HANDOVER_TORN_MAX + 5; i++)
		handover_torn(&handover, &evidence);
	len = lseek(fd, 0, SEEK_END);
	assert_int_equal(len, HANDOVER_TORN_MAX * sizeof(struct handover_torn));
	assert_int_equal(handover.torn, HANDOVER_TORN_MAX + 5);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_handed_over_is_read),
		cmocka_unit_test(without_check_nobody_asks),
		cmocka_unit_test(descriptor_of_another_file_is_refused),
		cmocka_unit_test(cut_off_record_is_counted),
		cmocka_unit_test(record_that_does_not_hold_together_is_counted_and_not_told),
		cmocka_unit_test(random_bytes_are_one_broken_record),
		cmocka_unit_test(too_many_results_are_counted_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
