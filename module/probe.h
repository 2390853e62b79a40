/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_PROBE_H
#define VGW_PROBE_H

/*
 * The keepalive's content: what an echo request carries and which echo reply
 * answers it. Pure: knows no skb, lock or timer.
 */

#include <linux/types.h>

/* Echo payload: 8 bytes that name us, 8 bytes of nonce. */
#define VGW_PROBE_LEN		16

/* Outstanding keepalives that are remembered: more than VGW_FO_MAX_ASKED. */
#define VGW_PROBE_RING		64

/**
 * struct vgw_probe - a keepalive that was sent
 * @nonce: what its reply must carry
 * @sent: when it was sent, monotonic ns
 * @seq: echo sequence number
 * @open: no reply was taken yet
 */
struct vgw_probe {
	u64 nonce;
	u64 sent;
	u16 seq;
	bool open;
};

/**
 * struct vgw_probes - the keepalives of one tunnel
 * @id: echo identifier, random per tunnel
 * @seq: sequence number of the last one
 * @ring: the last VGW_PROBE_RING of them, by sequence number
 */
struct vgw_probes {
	u16 id;
	u16 seq;
	struct vgw_probe ring[VGW_PROBE_RING];
};

/**
 * enum vgw_probe_match - what an echo reply is to us
 * @VGW_PROBE_FOREIGN: not the reply to a keepalive; somebody's ping
 * @VGW_PROBE_BAD: wrong, stale or repeated
 * @VGW_PROBE_ANSWER: answers an outstanding keepalive
 */
enum vgw_probe_match {
	VGW_PROBE_FOREIGN,
	VGW_PROBE_BAD,
	VGW_PROBE_ANSWER,
};

u16 vgw_probe_encode(struct vgw_probes *p, u64 nonce, u64 now,
		     u8 payload[VGW_PROBE_LEN]);
enum vgw_probe_match vgw_probe_match(struct vgw_probes *p, u16 id, u16 seq,
				     const u8 *payload, size_t len,
				     u64 now, u64 *rtt);

#endif /* VGW_PROBE_H */
