#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Break the in-flight table in one place at a time and see that a test notices.
# Usage: tests/unit/mutants.sh [name...]   (five minutes for all)
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

# Most are caught by the first tests, and to build these takes longer than to run them.
build() {
	optimize=-O1
	case $1 in test_inflight | test_places) optimize=-O0 ;; esac
	also=
	case $1 in test_forgetter) also=user/live/forgetter.c ;; esac
	"$CC" -std=gnu11 -D_GNU_SOURCE $optimize -w -I"$tmp/include" -I"$tmp" -Iinclude -Ibpf -Iuser $also \
		-DINFLIGHT_UNDER_TEST="\"$tmp/inflight.bpf.h\"" \
		"tests/unit/$1.c" -o "$tmp/$1" -lcmocka -lpthread
}

caught_by() {
	for test in test_inflight test_places test_forgetter test_span test_inflight_fuzz \
		"test_inflight_model 1 20000 all forgotten," "test_inflight_model 1 20000 all" \
		"test_inflight_stress 1 12" test_inflight_capacity; do
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
	if [ "$1" != unchanged ] && [ "$(checksum)" = "$before" ]; then
		echo "$1: the mutation no longer applies"
		alive=1
		return
	fi
	by=$(caught_by)
	case $1/$? in
	*/2) echo "$1: does not compile" >&2; exit 2 ;;
	unchanged/0) echo "without a mutation, $by fails" >&2; exit 2 ;;
	unchanged/*) ;;
	*/0) echo "$1: caught by $by" ;;
	*) echo "$1: ALIVE"; alive=1 ;;
	esac
}

TABLE="account.bpf.h inflight.bpf.h line.bpf.h meet.bpf.h places.bpf.h slots.bpf.h units.bpf.h"
S=include/iorace/slot.h

wanted=
mutant unchanged "$TABLE" ''
wanted="$*"

mutant look_before_publish "$TABLE" \
	'/^static __always_inline bool inflight_enter/,/^}/{
	s/if (!inflight_publish_near/inflight_look_slow(self, slot);\n\t&/
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
mutant near_lines_met_again "$TABLE" \
	'/units_look_at(struct/,/^}/s/u->walk.from = near_reach();/;/'
mutant near_spill_of_the_last_unit_only "$TABLE" 's/from |= slot_look_near/from = slot_look_near/'
mutant near_spill_of_wide_ops "$TABLE" '/inflight_look_far(__u32/,/^}/s/^\tunits_of_slot(&u, self, slot);/\t;/'
mutant empty_line_was_passed "$TABLE" \
	'/line_is_empty(struct/,/^}/s/__u64 any = .*/__u64 any = 0;/'

# ops in many chunks, whose home lines mostly have room
PUT='/home_put_step(__u32/,/^}/'
CLEAR='/home_clear_step(__u32/,/^}/'
mutant home_looked_at_first "$TABLE" "$PUT"'{
	s/^\tint way = /\tbool met = line \&\& line_candidates(line, word);\n&/
	s/^\tif (!line_is_ours.*/\tif (met)/}'
mutant home_was_passed_before "$TABLE" "$PUT"'{
	s/^\tint way = /\tbool passed = line \&\& line_was_passed(line);\n&/
	s/(line_was_passed(line) ||/(passed ||/}'
mutant home_has_room_again "$TABLE" \
	'/home_put_farther(struct/,/^}/s/h->others = 1;/h->others |= u.walk.depth != 0;/'
mutant home_was_not_passed "$TABLE" "$PUT"'s/line_was_passed(line) || //'
mutant home_has_nobody_else "$TABLE" "$PUT"'s/line_candidates_slow(line, word)/0/'
mutant home_is_anybodys "$TABLE" "$PUT"'s/!line_is_ours(line, way) &&/way \&\& &/'
mutant full_home_was_alone "$TABLE" '/home_put_farther(struct/,/^}/s/h->others = 1;/;/'
mutant home_put_is_never_full "$TABLE" '/home_put_farther(struct/,/^}/s/h->failed = !found;/;/'
mutant home_clears_words_of_others "$TABLE" "$CLEAR"'{
	s/(h->word & IOR_WORD_OF_OP)/IOR_WORD_IN_USE/
	s/IOR_WORD_OF_OP | IOR_TAG/IOR_WORD_IN_USE | IOR_TAG/}'
mutant home_clears_other_units "$TABLE" "$CLEAR"'{
	s/ | (unit & IOR_TAG_UNIT_MASK)//
	s/ | IOR_TAG_UNIT_MASK//}'
mutant cleared_at_home_only "$TABLE" "$CLEAR"'s/home_clear_farther(h, nth);/;/'
mutant homes_are_in_one_group "$TABLE" "$PUT"'s/ior_home_of(h->inode, unit, /ior_home_of(h->inode, unit \& IOR_TAG_UNIT_MASK, /'
mutant many_chunks_elsewhere_empty "$TABLE" \
	'/inflight_try_publish(__u32/,/^}/s/slot_place_is_the_only_one(slot, noted)/1/'
mutant many_chunks_wide_empty "$TABLE" \
	'/slot_place_is_the_only_one(const/,/^}/s/ && wide_is_empty(slot->inode, others)//'

# what is noted, and when
ASK='/slot_ask_place(struct/,/^}/'
mutant place_not_noted places.bpf.h "$ASK"'s/places_add(.*);/(void)noted_at;/'
mutant place_noted_before_only places.bpf.h '/places_add(__u32/,/^}/s/if (!(noted & bit))/if (noted)/'
mutant place_noted_by_a_store places.bpf.h 's/INFLIGHT_OR(noted_at, bit);/INFLIGHT_STORE(noted_at, noted | bit);/'
mutant other_place_noted places.bpf.h "$ASK"'s/1U << place/1U << (place ^ IOR_PLACE_FINE)/'
mutant packed_place_noted places.bpf.h "$ASK"'s/1U << place/1U << (place \& IOR_PLACE_FINE)/'
mutant place_noted_after_the_look "$TABLE" \
	"$ASK"'s/places_add(.*);/(void)noted_at;/
	/^static __always_inline bool inflight_enter/,/^}/s/INFLIGHT_STORE(&slot->settled, 1);/{ if (!slot->wide) places_note(slot->inode, 1U << slot->place); & }/'
mutant spread_noted_after_the_look "$TABLE" \
	"$ASK"'s/places_add(/if (!(place \& IOR_PLACE_SPREAD)) &/
	/places_settle(const/,/^}/s/own = slot_noted_as(slot)/own = slot_noted_as(slot) \& 0xf5U/
	/^static __always_inline bool inflight_enter/,/^}/s/INFLIGHT_STORE(&slot->settled, 1);/{ if (!slot->wide) places_note(slot->inode, 1U << slot->place); & }/'
mutant small_ops_stay_packed places.bpf.h "$ASK"'s/(noted >> 1 | noted >> 3)/(noted >> 1)/'
mutant large_ops_stay_packed places.bpf.h "$ASK"'s/(noted >> 1 | noted >> 3)/(noted >> 3)/'
mutant places_asked_before_the_publish "$TABLE" \
	"$ASK"'s/slot->place = place;/& slot->fs = noted | 1U << place;/
	/ wide_publish(__u32/,/^}/s/wide_aim(&u, slot);/& slot->fs = places_load(slot->inode);/
	/void inflight_flip/,/^}/s/INFLIGHT_STORE(&.*/& slot->fs = places_load(slot->inode);/
	/inflight_look_first(__u32/,/^}/s/noted = places_settle(slot);/noted = slot->fs;/'
mutant alone_elsewhere_asked_before_the_publish "$TABLE" \
	"$ASK"'s/slot->place = place;/& slot->fs = noted | 1U << place;/
	/inflight_is_alone_elsewhere(__u32/,/^}/s/noted = places_settle(slot)/noted = slot->fs/'
mutant lift_keeps_its_place "$TABLE" \
	'/narrow_publish(__u32/,/^}/s/^\tslot_ask_place/\tif (slot->state != IOR_SLOT_DONE)\n&/'

# what is forgotten, and when
F=include/iorace/forget.h
SETTLE='/places_settle(const/,/^}/'
mutant nothing_is_settled places.bpf.h "$SETTLE"'s/if ((noted .*/if (1)/'
mutant settled_whoever_forgets places.bpf.h "$SETTLE"'s/if ((noted .*/if (noted \& own)/'
mutant settled_without_a_word places.bpf.h 's/INFLIGHT_OR(noted_at, own | keep);/INFLIGHT_OR(noted_at, own);/'
mutant kept_but_not_noted places.bpf.h 's/INFLIGHT_OR(noted_at, own | keep);/INFLIGHT_OR(noted_at, keep);/'
mutant asked_before_it_settled places.bpf.h "$SETTLE"'s/return INFLIGHT_LOAD(noted_at);/return noted | own;/'
mutant only_place_whoever_forgets "$TABLE" 's/(IOR_PLACES_ALL | IOR_PLACES_CLOSING)/IOR_PLACES_ALL/'
mutant forgets_without_a_mark $F \
	's/INFLIGHT_OR(&f->noted\[i\], IOR_PLACES_CLOSING);/;/
	s/while (noted & IOR_PLACES_CLOSING)/for (noted = INFLIGHT_LOAD(\&f->noted[i]); f->used[i] \& IOR_PLACES_CLOSING;)/'
mutant forgets_what_is_to_be_kept $F 's/used |= noted >> IOR_PLACES_KEEP_SHIFT;/;/'
mutant forgets_by_a_store $F \
	's/__u32 seen = INFLIGHT_CMPXCHG(.*/__u32 seen = noted; __sync_lock_test_and_set(\&f->noted[i],/'
mutant forgets_once $F 's/^\t\t\tnoted = seen;/\t\t\tbreak;/'
mutant forgets_where_somebody_is $F 's/if (!INFLIGHT_LOAD(&slot->key))/if (1)/'
mutant forgets_wide_ops $F 's/? IOR_PLACES_WIDE/? 0/'
mutant takes_wide_ops_for_narrow $F 's/INFLIGHT_LOAD(&slot->wide) ?/0 ?/'
mutant forgets_the_last_place $F 's/ \&\& !f->idle_too)/ \&\& 0)/'
mutant never_forgets_the_last_place $F 's/ \&\& !f->idle_too)/)/'

# where one looks
ELSEWHERE='/inflight_is_alone_elsewhere(__u32/,/^}/s/^\tnoted = places_settle.*/&'
mutant only_place_not_asked "$TABLE" '/bool place_is_the_only_one/,/^}/s/return !others.*/(void)others; return true;/'
mutant only_place_but_for_wide_ops "$TABLE" \
	'/bool place_is_the_only_one/,/^}/s/ \&\& wide_is_empty(inode, others)//'
mutant alone_but_for_wide_ops "$TABLE" 's/if (!wide_is_empty(slot->inode, noted))/if (0)/'
mutant packed_look_there_only "$TABLE" \
	"$ELSEWHERE"' if (!(slot->place \& IOR_PLACE_SPREAD)) noted \&= ~PLACES_ALL_SPREAD;/'
mutant spread_look_there_only "$TABLE" \
	"$ELSEWHERE"' if (slot->place \& IOR_PLACE_SPREAD) noted \&= PLACES_ALL_SPREAD | IOR_PLACES_WIDE;/'
mutant small_look_at_small_only "$TABLE" \
	"$ELSEWHERE"' if (slot->place \& IOR_PLACE_FINE) noted \&= 0xc | IOR_PLACES_WIDE;/'
mutant large_look_at_large_only "$TABLE" \
	"$ELSEWHERE"' if (!(slot->place \& IOR_PLACE_FINE)) noted \&= 0x3 | IOR_PLACES_WIDE;/'
mutant alone_in_the_first_granule "$TABLE" \
	'/slot_is_alone_at(__u32/,/^}/s/if (!slot || !near_unit_is_in(.*))/if (!slot || nth)/'
mutant near_look_in_the_first_granule "$TABLE" \
	'/slot_look_near(__u32/,/^}/s/if (!slot || !near_unit_is_in(.*))/if (!slot || nth)/'
mutant near_look_in_three_granules "$TABLE" '/inflight_look_first(__u32/,/^}/s/nth < NEAR_UNITS/nth < 3/'
mutant alone_in_three_granules "$TABLE" \
	'/inflight_is_alone_elsewhere(__u32/,/^}/s/nth < NEAR_UNITS/nth < 3/'
mutant empty_but_for_the_fourth_granule "$TABLE" \
	'/int near_units_are_empty/,/^}/s/i < NEAR_UNITS/i < 3/'
mutant empty_but_for_the_rest_of_the_chunk "$TABLE" \
	'/int near_units_are_empty/,/^}/s/i < NEAR_UNITS \&\& i < count/i < 1/'
mutant empty_whoever_is_there "$TABLE" \
	'/int near_units_are_empty/,/^}/s/if (!line || .*/if (!line)/'
mutant empty_in_steps_of_the_walk "$TABLE" 's/^\thome.stride = 1;//'
mutant nobody_falls_back $S 's/#define IOR_TURN_BACK 3/#define IOR_TURN_BACK 0/'
mutant turns_not_counted $S '/ior_packed_line(__u64/,/^}/s/turns += .*//'
mutant full_line_not_noted places.bpf.h '/slot_line_was_full(const/,/^}/s/places_note(.*);/;/'
mutant full_line_noted_of_chunks places.bpf.h \
	'/slot_line_was_full(const/,/^}/s/if (ior_range_fine(.*))/if (1)/'
mutant full_line_not_noted_of_who_waits "$TABLE" \
	's/if (h.passed)$/if (0)/'
mutant full_line_not_noted_of_who_moves "$TABLE" \
	's/if (ior_where_depth(slot->where))$/if (0)/'
mutant alone_by_the_chunk "$TABLE" \
	'/slot_is_alone_at(__u32/,/^}/s/ior_unit_of(slot->op.range.start, place)/ior_chunk_of(slot->op.range.start)/'
mutant near_look_by_the_chunk "$TABLE" \
	'/slot_look_near(__u32/,/^}/s/ior_unit_of(slot->op.range.start, place)/ior_chunk_of(slot->op.range.start)/'
NEAR_LOOK='/inflight_look_first(__u32/,/^}/s/^\t__u32 noted = .*/&'
UNITS_LOOK='/inflight_look_first(__u32/,/^}/s/^\t\treturn noted;/\t\treturn noted \&'
mutant near_look_skips_page "$TABLE" "$NEAR_LOOK"' if (slot_is_in_one_chunk(slot)) noted \&= PLACES_ALL_SPREAD | IOR_PLACES_WIDE;/'
mutant near_look_skips_spread "$TABLE" "$NEAR_LOOK"' if (slot_is_in_one_chunk(slot)) noted \&= ~PLACES_ALL_SPREAD;/'
mutant near_look_skips_small "$TABLE" "$NEAR_LOOK"' if (slot_is_in_one_chunk(slot)) noted \&= 0x3 | IOR_PLACES_WIDE;/'
mutant near_look_skips_large "$TABLE" "$NEAR_LOOK"' if (slot_is_in_one_chunk(slot)) noted \&= 0xc | IOR_PLACES_WIDE;/'
mutant units_look_skips_page "$TABLE" "$UNITS_LOOK"' (PLACES_ALL_SPREAD | IOR_PLACES_WIDE);/'
mutant units_look_skips_spread "$TABLE" "$UNITS_LOOK"' ~PLACES_ALL_SPREAD;/'
mutant units_look_skips_small "$TABLE" "$UNITS_LOOK"' (0x3 | IOR_PLACES_WIDE);/'
mutant units_look_skips_large "$TABLE" "$UNITS_LOOK"' (0xc | IOR_PLACES_WIDE);/'
mutant places_seen_to_the_end_only "$TABLE" 's/if (!from || !(place & IOR_PLACE_SPREAD))/if (1)/'
mutant page_seen_to_the_end_only "$TABLE" 's/if (!from || !(place & IOR_PLACE_SPREAD))/if (!(place \& IOR_PLACE_SPREAD))/'
mutant look_asks_the_op "$TABLE" \
	'/inflight_look_first(__u32/,/^}/s/noted = places_settle(slot);/& if (!slot->wide) noted \&= 1U << slot->place | IOR_PLACES_WIDE;/'
mutant wide_look_asks_the_op "$TABLE" \
	'/inflight_look_first(__u32/,/^}/s/noted = places_settle(slot);/& if (slot->wide) noted \&= 1U << slot->place | IOR_PLACES_WIDE;/'
mutant look_in_as_many_granules_as_chunks "$TABLE" \
	'/units_look_at(struct/,/^}/s/ior_range_units(slot->op.range, place)/ior_range_chunks(slot->op.range)/'
mutant look_from_the_chunk_on "$TABLE" \
	'/units_aim(struct/,/^}/s/ior_unit_of(slot->op.range.start, u->place)/ior_chunk_of(slot->op.range.start)/'
mutant looking_not_reset "$TABLE" 's/looking_at(u->walk.self, IOR_UNIT_ANY);/;/'
mutant looking_without_its_place "$TABLE" 's/ior_unit_pack(units_aim(u, nth), u->place)/ior_unit_pack(units_aim(u, nth), 0)/'
mutant looking_at_chunks_only meet.bpf.h \
	'/peer_is_where_we_look(__u32/,/^}/s/ior_unit_of(start, place)/ior_chunk_of(start)/'

# where one stands
mutant only_small_ops_spread "$TABLE" \
	's/: inflight_try_publish(self, IOR_PLACE_SPREAD)/: slot_is_in_one_chunk(slot_at(self)) \&\& inflight_try_publish(self, IOR_PLACE_SPREAD)/'
mutant homes_are_in_the_page "$TABLE" 's/\.place = slot->place,/.place = slot->place \& IOR_PLACE_FINE,/'
mutant unit_is_always_empty "$TABLE" '/units_are_empty_at(const/,/^}/s/ || line_is_empty(line)/ || 1/'
mutant unit_is_always_alone "$TABLE" '/units_are_alone_at(const/,/^}/s/ || slot_is_alone_at(.*/ || 1;/'
mutant unit_is_asked_in_its_own_place "$TABLE" \
	'/units_are_empty_at(const/,/^}/s/u->place/slot->place/'
mutant first_unit_is_asked_for_all "$TABLE" '/units_are_empty_at(const/,/^}/s/ + nth//'
mutant first_group_stays_in_its_page $S 's/(group + 1) \* IOR_GROUP_STRIDE/group * IOR_GROUP_STRIDE/'
mutant searched_in_the_page_only "$TABLE" 's/u->place = slot->place;/u->place = slot->place \& IOR_PLACE_FINE;/'
mutant searched_by_chunks_only "$TABLE" 's/u->place = slot->place;/u->place = slot->place \& IOR_PLACE_SPREAD;/'
mutant unpassed_in_the_page "$TABLE" \
	'/slot_home(const/,/^}/s/^\t\t\t   slot->place);/\t\t\t   slot->place \& IOR_PLACE_FINE);/'
mutant unpassed_by_the_chunk "$TABLE" \
	'/slot_home(const/,/^}/s/ior_unit_of(slot->op.range.start, slot->place)/ior_chunk_of(slot->op.range.start)/'
mutant near_published_by_the_chunk "$TABLE" \
	'/inflight_publish_near(__u32/,/^}/s/ior_unit_of(slot->op.range.start, place)/ior_chunk_of(slot->op.range.start)/'
mutant words_do_not_say_where $S 's/home.tag |= in_group | place << .*/home.tag |= in_group | (place \& IOR_PLACE_FINE) << IOR_TAG_PLACE_SHIFT;/'
mutant words_do_not_say_how_fine $S 's/home.tag |= in_group | place << .*/home.tag |= in_group | (place \& IOR_PLACE_SPREAD) << IOR_TAG_PLACE_SHIFT;/'
mutant every_op_is_small $S '/ior_range_fine(struct/,/^}/s/return .*/(void)granules_between; return IOR_PLACE_FINE;/'
mutant every_op_is_large $S '/ior_range_fine(struct/,/^}/s/return .*/(void)granules_between; return 0;/'
mutant ops_of_two_granules_are_small $S '/ior_range_fine(struct/,/^}/s/>> IOR_GRANULE_SHIFT/>> (IOR_GRANULE_SHIFT + 1)/'
mutant small_if_it_ends_at_a_border $S '/ior_range_fine(struct/,/^}/s/(r.end - 1)/r.end/'
mutant sectors_of_the_granule $S \
	's/return ior_word_in_one_chunk((struct ior_range){first, last + 1}/{ __u64 at = unit << shift; first -= at; last -= at; } &/'
mutant sectors_from_the_chunk_on $S \
	's/^\tif (r.start > first)$/\tfirst = first >> IOR_CHUNK_SHIFT << IOR_CHUNK_SHIFT;\n&/'
mutant sectors_of_the_whole_granule $S 's/^\tif (r.start > first)$/\tif (0)/'
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
	/^static __always_inline void inflight_flip/,/^}/s/units_of_slot(\&u, self, slot);/slot->moving = 1; inflight_look_slow(self, slot); slot->moving = 0; &/'
mutant generation_ignored "$TABLE" 's/return (seq >> 1) % 65535 + 1;/return 1 + 0 * seq;/'
mutant owner_not_checked "$TABLE" 's/if (!race_owner_is_still(r))/if (0)/'
mutant successor_believed "$TABLE" 's/if ((peer_settled || r->outcome < 0).*/if (0)/'
mutant entry_without_stage "$TABLE" 's/ << 1 | stage;/ << 1;/'
mutant entry_without_other_seq "$TABLE" 's/(other_seq >> 1) & RACE_OTHER_SEQ_MASK/0 * other_seq/'
mutant every_chunk_counts "$TABLE" \
	'/^static __always_inline bool inflight_is_first_common/,/^}/s/if (slot->wide .*/if (1)/'
mutant small_word_is_of_a_chunk "$TABLE" \
	'/^static __always_inline bool inflight_is_first_common/,/^}/s/if (slot->wide .*/if (slot->wide)/'
mutant look_forgets_its_chunk "$TABLE" '/peer_is_where_we_look(__u32/,/^}/s/if (slot->looking == .*/if (1)/'
mutant narrow_ignores_wide "$TABLE" 's/if (!slot->wide \&\& wide_is_empty(slot->inode, noted))/if (!slot->wide)/'
mutant first_wide_noted_late "$TABLE" \
	'/ wide_publish(__u32/,/^}/{/places_note/d}
	s/inflight_loop(.*sweep_line, &u);/{ & places_note(slot->inode, IOR_PLACES_WIDE); }/'
mutant wide_ignores_narrow "$TABLE" '/inflight_look_first(__u32/,/^}/s/if (slot_sweeps(slot))/if (slot->wide)/'
mutant sweep_forgotten "$TABLE" '/void inflight_look_far/,/^}/s/^\tif (slot_sweeps(slot))$/\tif (0)/'
mutant untracked_leaves_words "$TABLE" 's/inflight_loop(h->failed_at, home_clear_step, h);/;/'
mutant untracked_leaves_counts "$TABLE" '/^static __always_inline bool walk_publish/,/^}/s/walk_run(w, STEP_UNPASS);//'
mutant retire_twice "$TABLE" '/^static __always_inline void inflight_retire(/,/^}/s/if (slot->state != .*/if (0)/'
mutant release_twice "$TABLE" '/^static __always_inline void inflight_release(/,/^}/s/if (key)/if (1)/'
mutant find_looks_at_home_only "$TABLE" 's/if (!ior_away_count(away))/if (1)/'
mutant home_claimed_by_one_who_is_away "$TABLE" \
	'/inflight_claim_home(__u64/,/^}/s/ || ior_away_count(INFLIGHT_LOAD(&home->away))//'
mutant home_claimed_where_somebody_is "$TABLE" \
	'/inflight_claim_home(__u64/,/^}/{s/INFLIGHT_LOAD(&home->key) || //;s/ior_opaque(INFLIGHT_CMPXCHG(&home->key, 0ULL, key))/(home->key = key, 0)/}'
mutant last_step_of_its_own_bit_not_looked_at "$TABLE" \
	'/slot_find_far(__u64/,/^}/s/step < IOR_AWAY_STEPS; step++/step < IOR_AWAY_STEPS - 1; step++/'
mutant steps_in_the_group_of_home $S \
	'/ior_slot_away(__u64/,/^}/s/return .*/return (home \& ~in_group) | ((home + step) \& in_group);/'
mutant steps_meet_again $S '/ior_slot_away(__u64/,/^}/s/return .*/return (__u32)hash;/'
mutant home_of_neighbouring_bits $S 's/(product ^ product >> 40) >> 8/product >> 40/'
mutant away_not_lowered "$TABLE" '/^static __always_inline void slot_came_home/,/^}/s/INFLIGHT_ADD(&home->away, -1U);/;/'
mutant away_not_noted "$TABLE" 's/else if (!(INFLIGHT_LOAD(&home->away) .*/else if (0)/'
mutant away_forgotten_early "$TABLE" 's/if (ior_away_count(away) != 1 || /if (!ior_away_count(away) || /'
mutant away_far_not_noted $S 's/1U << (16 + (step < IOR_AWAY_STEPS ? step : IOR_AWAY_STEPS))/step < IOR_AWAY_STEPS ? 1U << (16 + step) : 0/'
mutant last_sector_short $S 's/((r.end - 1) >> IOR_SECTOR_SHIFT)/((r.end - 1 - IOR_SECTOR_SHIFT) >> IOR_SECTOR_SHIFT)/'
mutant sectors_exclusive $S 's/(__u64)ior_word_last(mine) - ior_word_first(w)/& - 1/'
mutant tags_of_one_op_alike $S 's/home.tag |= in_group/home.tag = 5/'

exit $alive
