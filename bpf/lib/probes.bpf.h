/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/*
 * One outstanding probe per direction of a flow: a segment whose ACK is waited for. Several CPUs may be at
 * the same probe; none of their orders makes a wrong sample, some lose one.
 */
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "bpf/flow_rtt.h"

#define SONDE_KNOWN (1ULL << 32)
#define SONDE_ARMED 1ULL
#define SONDE_OF_HANDSHAKE 2ULL

/* Whether sequence number a comes before b; they wrap around. */
static __always_inline bool before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

/* No window of TCP's reaches farther: what lies beyond belongs to another connection, or to nobody's. */
#define SONDE_MAX_WINDOW (1U << 30)

/* Whether a number is out of any window around `end` (flow_direction.end), where that is known. */
static __always_inline bool is_out_of_window(__u64 end, __u32 number)
{
	return end && number - (__u32)end + SONDE_MAX_WINDOW > 2 * SONDE_MAX_WINDOW;
}

#define read_once(x) (*(const volatile typeof(x) *)&(x))
#define write_once(x, value) (*(volatile typeof(x) *)&(x) = (value))

/*
 * Raises the highest sequence number that a direction has sent. Returns what it was before
 * (flow_direction.end). It must never fall: a segment sent again would pass for a new one.
 */
static __always_inline __u64 raise_end(struct flow_direction *direction, __u32 end)
{
	__u64 old = read_once(direction->end), found;

	for (int tries = 0; tries < 4; ++tries) {
		if (old && !before(old, end))
			return old;
		found = __sync_val_compare_and_swap(&direction->end, old, SONDE_KNOWN | end);
		if (found == old)
			return old;
		old = found;
	}
	return SONDE_KNOWN | end; /* others are ahead: as if it were sent again, so no probe */
}

/*
 * Starts waiting for the ACK of `target`, unless another is waited for. Where another CPU finds meanwhile
 * that data was sent again, this is taken back.
 */
static __always_inline void arm(struct flow_probe *probe, __u32 target, bool handshake, __u64 now)
{
	__u64 armed = (now & ~(SONDE_ARMED | SONDE_OF_HANDSHAKE)) | SONDE_ARMED;
	__u64 word;

	if (handshake)
		armed |= SONDE_OF_HANDSHAKE;
	word = (__u64)target << 32 | (__u32)armed;
	if (__sync_val_compare_and_swap(&probe->word, 0, word) != 0)
		return;
	write_once(probe->armed_ns, armed);
	if (read_once(probe->recovery))
		__sync_val_compare_and_swap(&probe->word, word, 0);
}

/* Starts a recovery up to `end` (flow_direction.end), or goes on with one up to there; it never gets shorter.
 */
static __always_inline void recover(struct flow_probe *probe, __u64 end)
{
	__u64 old = read_once(probe->recovery), found;

	for (int tries = 0; tries < 4; ++tries) {
		if (old && !before(old, end))
			return;
		found = __sync_val_compare_and_swap(&probe->recovery, old, end);
		if (found == old)
			return;
		old = found;
	}
}

/*
 * Something from `sequence` on was sent again (Karn): an ACK may be for either, and one of later data waits
 * for the hole. No probe until all that was sent so far is acknowledged.
 */
static __always_inline void disarm(struct flow_probe *probe, __u32 sequence, __u64 end)
{
	__u64 word;

	recover(probe, end);
	word = read_once(probe->word);
	if (word && before(sequence, word >> 32))
		__sync_val_compare_and_swap(&probe->word, word, 0);
}

/*
 * Takes the probe if `acknowledgement` reaches it, and ends a recovery that it reaches. Returns the probe's
 * word, or 0. ACKs of what was never sent are none.
 */
static __always_inline __u64 take_probe(struct flow_probe *probe, const struct flow_direction *sender,
					__u32 acknowledgement)
{
	__u64 word = read_once(probe->word);
	__u64 recovery = read_once(probe->recovery);

	if ((!word && !recovery) || before(read_once(sender->end), acknowledgement))
		return 0;
	/* Unless another CPU has made it longer meanwhile. */
	if (recovery && !before(acknowledgement, recovery))
		__sync_val_compare_and_swap(&probe->recovery, recovery, 0);
	if (!word || before(acknowledgement, word >> 32))
		return 0;
	return __sync_val_compare_and_swap(&probe->word, word, 0) == word ? word : 0;
}

/* When a probe that was taken had been armed, with its two lowest bits; 0 if another CPU was at it meanwhile.
 */
static __always_inline __u64 armed_at(const struct flow_probe *probe, __u64 word)
{
	__u64 armed = read_once(probe->armed_ns);

	return (__u32)armed == (__u32)word ? armed : 0;
}

/* Takes in one time. `count` is raised last, so what has a count has the rest. */
static __always_inline void add_to_times(struct flow_times *times, __u64 ns)
{
	if (times->count == 0) {
		times->smoothed_8 = ns * 8;
		times->minimum = ns;
	} else {
		times->smoothed_8 += ns - times->smoothed_8 / 8;
		if (ns < times->minimum)
			times->minimum = ns;
	}
	times->last = ns;
	times->count++;
}

static __always_inline __u32 rtt_bucket(__u64 ns)
{
	__u32 log = 0, bucket;

	if (ns <= 1000)
		return 0;
	if (ns >> 32)
		log = 32;
	if (ns >> (log + 16))
		log += 16;
	if (ns >> (log + 8))
		log += 8;
	if (ns >> (log + 4))
		log += 4;
	if (ns >> (log + 2))
		log += 2;
	if (ns >> (log + 1))
		log += 1;
	/* 2^log <= ns < 2^(log+1), and 1000 is a little less than 2^10. */
	bucket = log - 9;
	if (bucket >= SONDE_RTT_BUCKETS - 1)
		return SONDE_RTT_BUCKETS - 1;
	return ns <= 1000ULL << bucket ? bucket : bucket + 1;
}

static __always_inline void add_to_histogram(struct latency_histogram *histogram, __u64 ns)
{
	__u32 bucket = rtt_bucket(ns);

	__sync_fetch_and_add(&histogram->sum_ns, ns);
	if (bucket < SONDE_RTT_BUCKETS)
		__sync_fetch_and_add(&histogram->buckets[bucket], 1);
}
