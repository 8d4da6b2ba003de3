/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/* When a connection is over. */
#include <stdbool.h>

#include "bpf/flow_rtt.h"
#include "bpf/lib/packet.bpf.h"
#include "bpf/lib/probes.bpf.h"

/*
 * Whether the connection is over with this packet: both ends have the other's FIN. Until then there may be
 * something to be sent again. `others_end`: behind the last number that the other end has sent.
 */
static __always_inline bool ends(struct flow_state *state, const struct packet *packet, __u32 others_end,
				 bool from_container)
{
	__u32 mine = from_container ? SONDE_END_SENT : SONDE_END_RECEIVED, known = read_once(state->finished);
	__u32 others = mine ^ (SONDE_END_SENT | SONDE_END_RECEIVED), news = 0;

	if (packet->tcp_flags & SONDE_TCP_FIN)
		news |= mine;
	if (packet->tcp_flags & SONDE_TCP_ACK && known & others && packet->acknowledgement == others_end)
		news |= others * SONDE_END_ACKNOWLEDGED;
	return news && (__sync_fetch_and_or(&state->finished, news) | news) == SONDE_END_ALL;
}
