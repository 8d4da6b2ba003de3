/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/* Which end of a connection has opened it. */
#include <stdbool.h>

#include "bpf/flow_rtt.h"
#include "bpf/lib/packet.bpf.h"

/* Whether a kernel gives the port to who asks for none: by default those from 32768 on. */
static __always_inline bool is_ephemeral(__u16 port)
{
	return port >= 32768;
}

static __always_inline __u32 role_of(const struct flow_key *key, __u8 flags, bool from_container)
{
	bool opened_here = from_container;

	if (flags & SONDE_TCP_SYN)
		opened_here = from_container == !(flags & SONDE_TCP_ACK);
	else if (is_ephemeral(key->local_port) == is_ephemeral(key->remote_port))
		return SONDE_ROLE_UNKNOWN;
	else
		opened_here = is_ephemeral(key->local_port);
	return opened_here ? SONDE_ROLE_CLIENT : SONDE_ROLE_SERVER;
}
