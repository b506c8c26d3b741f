#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Break the in-flight table in one place at a time and see that a test notices.
# Usage: tests/unit/mutants.sh [name...]   (two to three minutes for all)
set -u
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
CC=${CC:-gcc}
alive=0

# The program ran and found nothing: the mutant lives.
passes() {
	timeout 300 "$@" >"$tmp/out" 2>&1
}

# Most are caught by the first test, and to build that takes longer than to run it.
build() {
	optimize=-O1
	[ "$1" != test_inflight ] || optimize=-O0
	"$CC" -std=gnu11 $optimize -w -I"$tmp/include" -I"$tmp" -Iinclude -Ibpf \
		-DINFLIGHT_UNDER_TEST="\"$tmp/inflight.bpf.h\"" \
		"tests/unit/$1.c" -o "$tmp/$1" -lcmocka -lpthread
}

caught_by() {
	for test in test_inflight test_span "test_inflight_model 1 20000 all" \
		"test_inflight_stress 1 12"; do
		name=${test%% *}
		build "$name" || return 2
		# shellcheck disable=SC2086 # the test's arguments are words
		passes "$tmp/"$test || { echo "$name"; return 0; }
	done
	return 1
}

checksum() {
	cat "$tmp"/*.bpf.h "$tmp"/include/iorace/*.h | sha256sum
}

# mutant NAME FILES SED-SCRIPT
mutant() {
	case " $wanted " in
	"  " | *" $1 "*) ;;
	*) return ;;
	esac
	mkdir -p "$tmp/include/iorace"
	for file in $TABLE; do
		cp "bpf/$file" "$tmp/$file"
	done
	cp include/iorace/*.h "$tmp/include/iorace/"
	before=$(checksum)
	for file in $2; do
		sed -i "$3" "$tmp/$file"
	done
	if [ "$1" = unchanged ]; then
		by=$(caught_by) || return
		echo "without a mutation, $by fails"
		exit 2
	fi
	if [ "$(checksum)" = "$before" ]; then
		echo "$1: the mutation no longer applies"
		alive=1
	elif by=$(caught_by); then
		echo "$1: caught by $by"
	else
		echo "$1: ALIVE"
		alive=1
	fi
}

TABLE="account.bpf.h bits.bpf.h inflight.bpf.h line.bpf.h meet.bpf.h slots.bpf.h spread.bpf.h"
S=include/iorace/slot.h

wanted=
mutant unchanged "$TABLE" ''
wanted="$*"

mutant look_before_publish "$TABLE" \
	'/^static __always_inline bool inflight_enter/,/^}/{
	s/near = inflight_publish_near/inflight_look_slow(self, slot);\n\t&/
	s/^\t\tinflight_look_slow(self, slot);$/\t\t;/}'
mutant passed_not_raised "$TABLE" '/^static __always_inline int walk_put/,/^}/s/INFLIGHT_ADD.*//'
mutant passed_not_lowered "$TABLE" '/^static .*unpass_step/,/^}/s/INFLIGHT_ADD.*//'
mutant passed_raised_late "$TABLE" \
	'/^static __always_inline int walk_put/,/^}/{s/INFLIGHT_ADD.*//
	s/w->depth = depth;/w->depth = depth; for (__u32 d = 0; d < depth; d++) INFLIGHT_ADD(\&line_at(w->wide, walk_line(w, d))->header, 1ULL);/}'
mutant walk_meets_lines_twice "$TABLE" \
	'/walk_reach(const/,/^}/s/return mask.*/(void)mask; return IOR_PROBE_LINES_MAX;/'
mutant look_stops_at_home "$TABLE" 's/return !line_was_passed(line);/return 1;/'
mutant near_passed_not_raised "$TABLE" '/near_put(struct/,/^}/s/INFLIGHT_ADD.*//'
mutant near_passed_raised_late "$TABLE" \
	'/near_put(struct/,/^}/{s/INFLIGHT_ADD.*//
	s/return ior_where(at, way, depth);/{ for (__u32 d = 0; d < depth; d++) INFLIGHT_ADD(\&line_at(false, near_line(home, d))->header, 1ULL); & }/}'
mutant near_passed_not_lowered "$TABLE" \
	'/^static __noinline void inflight_retire_near/,/^}/s/near_unpass.*//'
mutant near_full_leaves_counts "$TABLE" '/near_put(struct/,/^}/s/near_unpass(home, reach);//'
mutant near_depth_forgotten "$TABLE" 's/return ior_where(at, way, depth);/return ior_where(at, way, 0);/'
mutant near_look_stops_at_home "$TABLE" \
	'/near_look(struct/,/^}/s/if (!line_was_passed(line))/if (1)/'
mutant near_look_is_the_end "$TABLE" '/near_look(struct/,/^}/s/return reach;/return 0;/'
mutant near_alone_stops_at_home "$TABLE" \
	'/near_is_alone(struct/,/^}/s/if (!line_was_passed(line))/if (1)/'
mutant near_alone_sees_nobody "$TABLE" 's/others |= line_candidates(line, word);/(void)word;/'
mutant near_lines_met_again "$TABLE" 's/c.walk.from = from;/c.walk.from = 0;/'
mutant spread_not_noted "$TABLE" \
	'/inflight_try_publish(__u32/,/^}/s/inode_spread(slot->inode);/;/'
mutant spread_noted_after_the_look "$TABLE" \
	'/inflight_try_publish(__u32/,/^}/{s/inode_spread(slot->inode);/slot->fs = 77;/
	s/slot_ask_spread(slot, slot->inode);/& slot->spread |= slot->fs == 77;/}
	/^static __always_inline bool inflight_enter/,/^}/s/INFLIGHT_STORE(&slot->settled, 1);/{ if (slot->spread) inode_spread(slot->inode); & slot->fs = 0; }/'
mutant spread_bit_not_set "$TABLE" '/inode_spread(__u64/,/^}/s/bit_set(.*);/;/'
mutant any_spread_not_noted "$TABLE" '/inode_spread(__u64/,/^}/s/INFLIGHT_STORE.*;/;/'
mutant packed_look_there_only "$TABLE" 's/if (!ior_word_spread(word))/if (0)/'
mutant spread_look_there_only "$TABLE" \
	's/(!INFLIGHT_LOAD(any_spread()) || inflight_is_alone_elsewhere(self, place->word))/true/'
mutant empty_line_was_passed "$TABLE" \
	'/line_is_empty(struct/,/^}/s/__u64 any = .*/__u64 any = 0;/'
mutant near_look_skips_page "$TABLE" 's/^\tslot_look_near(self, false);//'
mutant near_look_skips_spread "$TABLE" \
	's/return inode_is_spread(slot->inode) ? slot_look_near(self, true) : 0;/return 0;/'
mutant chunks_look_skips_page "$TABLE" \
	'/chunks_look(struct/,/^}/s/if (!c->walk.from)/if (0)/'
mutant chunks_look_skips_spread "$TABLE" \
	'/chunks_look(struct/,/^}/s/if (inode_is_spread(c->inode))/if (0)/'
mutant chunks_look_asks_the_op "$TABLE" \
	'/chunks_look(struct/,/^}/s/if (inode_is_spread(c->inode))/if (slot_at(c->walk.self)->spread)/'
mutant wide_look_asks_the_op "$TABLE" \
	'/chunks_look(struct/,/^}/s/if (inode_is_spread(c->inode))/if (slot_at(c->walk.self)->wide ? slot_at(c->walk.self)->spread : inode_is_spread(c->inode))/'
mutant only_small_ops_spread "$TABLE" \
	's/else if (!slot->wide)$/else if (slot_is_in_one_chunk(slot))/'
mutant wide_ops_spread "$TABLE" 's/else if (!slot->wide)$/else/'
mutant first_group_stays_in_its_page $S 's/(group + 1) \* IOR_GROUP_STRIDE/group * IOR_GROUP_STRIDE/'
mutant searched_in_the_page_only "$TABLE" 's/c->spread = slot->spread;/c->spread = 0;/'
mutant unpassed_in_the_page "$TABLE" \
	's/slot_home_in_one_chunk(slot, slot->spread)/slot_home_in_one_chunk(slot, false)/'
mutant words_do_not_say_where $S \
	's/home.tag |= in_group | (all & IOR_TAG_SPREAD);/home.tag |= in_group;/'
mutant only_candidate_is_the_first "$TABLE" 's/word += ((mask >> i) & 1) \* (i + 1);/word = 1;/'
mutant first_of_many_is_the_only_one "$TABLE" \
	'/line_only_candidate(__u32/,/^}/{s/if (mask & (mask - 1))/if (0)/
	s/word += \(((mask >> i) & 1)\) \* (i + 1);/if (!word \&\& \1) word = i + 1;/}'
mutant lift_keeps_its_words "$TABLE" \
	'/^static __always_inline void inflight_lift/,/^}/s/inflight_retire_slow(self, slot);/;/'
mutant lift_keeps_its_size "$TABLE" \
	'/^static __always_inline void inflight_lift/,/^}/s/INFLIGHT_STORE.*//'
mutant note_twice account.bpf.h 's/ || ior_span_lists(span, name))/)/'
mutant note_without_a_name account.bpf.h 's/span->names\[i\] = name;/;/'
mutant names_of_a_slot_alike include/iorace/span.h 's/((__u64)slot << 32) + seq;/slot + 1 + 0 * seq;/'
mutant names_all_alike include/iorace/span.h \
	's/same |= span->names\[i\] == name;/same |= span->names[i] \&\& span->names[i] >> 40 == name >> 40;/'
mutant conflict_leaves_its_note account.bpf.h 's/, counts ? -1 : 1);/, counts ? 0 : 1);/'
mutant second_note_of_a_conflict account.bpf.h \
	's/counts == span_lists(at->at, ior_span_name(self, mine->seq))/!counts/'
mutant seq_ignored "$TABLE" \
	'/inflight_peer_is_still(const/,/^}/s/if (INFLIGHT_LOAD.*/if (0)/'
mutant word_not_rechecked "$TABLE" \
	'/inflight_peer_is_still(const/,/^}/s/return INFLIGHT_LOAD(way).*/(void)way; return SIGHT_THERE;/'
mutant everybody_settled "$TABLE" 's/peer_settled = INFLIGHT_LOAD.*/peer_settled = true;/'
mutant nobody_enters_the_set "$TABLE" \
	's/peer_settled = INFLIGHT_LOAD.*/peer_settled = true; (void)race_find_step; r->outcome = 1; return 1;/'
mutant set_seems_empty "$TABLE" 's/else if (!race_set_is_empty(r))/else if (0)/'
mutant settled_before_look "$TABLE" \
	'/^static __always_inline bool inflight_enter/,/^}/s/^\t\tinflight_look_slow(self, slot);/{ INFLIGHT_STORE(\&slot->settled, 1); inflight_look_slow(self, slot); }/'
mutant settled_not_reset_by_fill "$TABLE" 's/INFLIGHT_STORE(&slot->settled, 0);\n\tinflight_b//; /^static __always_inline void inflight_fill_end/,/^}/s/INFLIGHT_STORE(&slot->settled, 0);//'
mutant settled_not_reset_by_move "$TABLE" \
	'/^static __always_inline void inflight_flip/,/^}/s/INFLIGHT_STORE(&slot->settled, 0);//'
mutant move_does_not_look "$TABLE" \
	'/^static __always_inline void inflight_move/,/^}/s/inflight_look_slow.*//'
mutant move_looks_first "$TABLE" \
	'/^static __always_inline void inflight_move/,/^}/s/^\tinflight_look_slow.*//
	/^static __always_inline void inflight_flip/,/^}/s/chunks_of_slot(&c, self, slot);/slot->moving = 1; inflight_look_slow(self, slot); slot->moving = 0; &/'
mutant generation_ignored "$TABLE" 's/return (seq >> 1) % 65535 + 1;/return 1 + 0 * seq;/'
mutant owner_not_checked "$TABLE" 's/if (!race_owner_is_still(r))/if (0)/'
mutant successor_believed "$TABLE" 's/if ((peer_settled || r->outcome < 0).*/if (0)/'
mutant entry_without_stage "$TABLE" 's/ << 1 | stage;/ << 1;/'
mutant entry_without_other_seq "$TABLE" 's/(other_seq >> 1) & RACE_OTHER_SEQ_MASK/0 * other_seq/'
mutant every_chunk_counts "$TABLE" \
	'/^static __always_inline bool inflight_is_first_common/,/^}/s/if (slot->wide)/if (1)/'
mutant look_forgets_its_chunk "$TABLE" '/peer_is_where_we_look(__u32/,/^}/s/if (slot->looking == .*/if (1)/'
mutant narrow_ignores_wide "$TABLE" 's/if (!slot->wide \&\& wide_is_empty(c.inode))/if (!slot->wide)/'
mutant first_wide_noted_late "$TABLE" \
	'/^static __always_inline bool wide_publish/,/^}/{/any_wide()/d}
	s/inflight_loop(.*sweep_line, &c);/{ & INFLIGHT_STORE(any_wide(), 1); }/'
mutant wide_ignores_narrow "$TABLE" 's/if (!slot_sweeps(slot) \&\& (!near || from))/if (!slot->wide \&\& (!near || from))/'
mutant sweep_forgotten "$TABLE" 's/^\tif (slot_sweeps(slot))$/\tif (0)/'
mutant untracked_leaves_words "$TABLE" 's/chunks_run(&c, STEP_CLEAR, c.failed_at);/;/'
mutant untracked_leaves_counts "$TABLE" '/^static __always_inline bool walk_publish/,/^}/s/walk_run(w, STEP_UNPASS);//'
mutant retire_twice "$TABLE" '/^static __always_inline void inflight_retire(/,/^}/s/if (slot->state != .*/if (0)/'
mutant release_twice "$TABLE" '/^static __always_inline void inflight_release(/,/^}/s/if (key)/if (1)/'
mutant find_looks_at_home_only "$TABLE" 's/if (!ior_away_count(away))/if (1)/'
mutant away_not_lowered "$TABLE" '/^static __always_inline void slot_came_home/,/^}/s/INFLIGHT_ADD(&home->away, -1U);/;/'
mutant away_not_noted "$TABLE" 's/else if (!(INFLIGHT_LOAD(&home->away) .*/else if (0)/'
mutant away_forgotten_early "$TABLE" 's/if (ior_away_count(away) != 1 || /if (!ior_away_count(away) || /'
mutant away_far_not_noted $S 's/1U << (16 + (step < IOR_AWAY_STEPS ? step : IOR_AWAY_STEPS))/step < IOR_AWAY_STEPS ? 1U << (16 + step) : 0/'
mutant last_sector_short $S 's/last = (last_byte - base) >> IOR_SECTOR_SHIFT;/last = (last_byte - 1 - base) >> IOR_SECTOR_SHIFT;/'
mutant sectors_exclusive $S 's/(__u64)ior_word_last(mine) - ior_word_first(w)/& - 1/'
mutant tags_of_one_op_alike $S 's/home.tag |= in_group/home.tag = 5/'

exit $alive
