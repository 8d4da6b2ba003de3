/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/* Round trips of TCP at the underlay, and where one connection ends and the next begins. */
#include <stdbool.h>

#include "bpf/flow_mapping.h"
#include "bpf/lib/packet.bpf.h"
#include "bpf/lib/probes.bpf.h"

/* A sample above this is none: the entry's memory went to another flow meanwhile. */
#define SONDE_LONGEST_SAMPLE_NS 120000000000ULL

/*
 * Whether a packet's SYN is of another connection than the one that its entry, which has been there, is of. A
 * SYN-ACK that is the first of its direction answers the SYN that the entry was made with.
 */
static __always_inline bool is_of_another(struct mapping_direction *direction, const struct packet *packet)
{
	__u64 end = read_once(direction->traffic.end);

	if (!(packet->tcp_flags & SONDE_TCP_SYN))
		return false;
	if (!end)
		return !(packet->tcp_flags & SONDE_TCP_ACK);
	return direction->traffic.first_sequence != packet->sequence;
}

/* Times new data; what was there before must not be timed (Karn). `segments`: that the buffer stands for. */
static __always_inline void take_data(struct mapping_direction *direction, const struct packet *packet,
				      __u32 segments)
{
	bool syn = packet->tcp_flags & SONDE_TCP_SYN;
	__u32 end = packet->sequence + packet->payload + syn + !!(packet->tcp_flags & SONDE_TCP_FIN);
	__u64 known = raise_end(&direction->traffic, end);

	if (syn)
		write_once(direction->traffic.first_sequence, packet->sequence);
	if (known && before(packet->sequence, known)) {
		__sync_fetch_and_add(&direction->traffic.retransmitted, segments);
		disarm(&direction->probe, packet->sequence, read_once(direction->traffic.end));
	} else if (!known && !syn) {
		/* Never seen from its start: this may be something sent again. */
		recover(&direction->probe, SONDE_KNOWN | end);
	} else if (!syn && packet->payload && !read_once(direction->probe.word) &&
		   !read_once(direction->probe.recovery)) {
		arm(&direction->probe, end, false, bpf_ktime_get_ns());
	}
}

/* What a SYN-ACK tells of the direction that it answers, whose SYN may not have been seen. */
static __always_inline void take_answer(struct mapping_direction *answered, const struct packet *packet)
{
	if ((packet->tcp_flags & (SONDE_TCP_SYN | SONDE_TCP_ACK)) != (SONDE_TCP_SYN | SONDE_TCP_ACK) ||
	    read_once(answered->traffic.end))
		return;
	write_once(answered->traffic.first_sequence, packet->acknowledgement - 1);
	raise_end(&answered->traffic, packet->acknowledgement);
}

/* The time that a probe took whose ACK this packet is, in ns; 0: it is not. */
static __always_inline __u64 take_sample(struct mapping_direction *probed, __u32 acknowledgement)
{
	__u64 word = take_probe(&probed->probe, &probed->traffic, acknowledgement);
	__u64 armed, ns;

	if (!word)
		return 0;
	armed = armed_at(&probed->probe, word);
	if (!armed)
		return 0;
	ns = bpf_ktime_get_ns() - (armed & ~(SONDE_ARMED | SONDE_OF_HANDSHAKE));
	return ns <= SONDE_LONGEST_SAMPLE_NS ? ns : 0;
}

/* Takes in a TCP segment, or `segments` in one buffer. Returns the time that it ends, in ns; or 0. */
static __always_inline __u64 take_segment(struct mapping_state *state, const struct packet *packet,
					  __u32 segments, bool sent)
{
	struct mapping_direction *direction = sent ? &state->sent : &state->received;
	struct mapping_direction *other = sent ? &state->received : &state->sent;
	__u64 sample = 0;

	if (is_out_of_window(read_once(direction->traffic.end), packet->sequence))
		return 0;
	if (packet->tcp_flags & SONDE_TCP_RST) {
		__sync_fetch_and_or(&state->finished, SONDE_FINISHED_RESET);
		return 0;
	}
	if (packet->tcp_flags & SONDE_TCP_ACK) {
		take_answer(other, packet);
		sample = take_sample(other, packet->acknowledgement);
	}
	if (packet->payload || packet->tcp_flags & (SONDE_TCP_SYN | SONDE_TCP_FIN))
		take_data(direction, packet, segments);
	if (packet->tcp_flags & SONDE_TCP_FIN)
		__sync_fetch_and_or(&state->finished, sent ? SONDE_FINISHED_LOCAL : SONDE_FINISHED_REMOTE);
	if (sample)
		add_to_times(sent ? &state->local_rtt : &state->rtt, sample);
	return sample;
}
