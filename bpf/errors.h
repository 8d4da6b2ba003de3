/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

/* Why an event was not counted: the index into the map `errors` of every object. */
enum sonde_error {
	SONDE_ERROR_MAP_FULL,  /* no room for another cgroup or namespace */
	SONDE_ERROR_MAP_BUSY,  /* the map's lock was held by what this program interrupted, or no memory */
	SONDE_ERROR_RING_FULL, /* the ring buffer's reader is behind */
	SONDE_ERROR_REQUEUED_FULL, /* no room to note that a block request was sent back: it counts twice */
	SONDE_ERROR_WAIT_EVICTED,  /* more tasks than are remembered: one's wait for a CPU is not counted */
	SONDE_ERROR_PAIRS_FULL     /* no room for another pair of addresses: a drop is in no pair */
};
#define SONDE_ERROR_COUNT 6
