// SPDX-License-Identifier: GPL-2.0
#include <linux/string.h>

#include "probe.h"

static const u8 magic[8] = { 'v', 'g', 'w', ' ', 'e', 'c', 'h', 'o' };

/**
 * vgw_probe_encode - the payload of the next keepalive
 * @p: the tunnel's keepalives
 * @nonce: random, not to be guessed by whoever sits behind the far end
 * @now: monotonic time, ns
 * @payload: where to write it
 *
 * Return: the echo sequence number, host order. The identifier is @p->id.
 */
u16 vgw_probe_encode(struct vgw_probes *p, u64 nonce, u64 now,
		     u8 payload[VGW_PROBE_LEN])
{
	u16 seq = ++p->seq;

	p->ring[seq % VGW_PROBE_RING] = (struct vgw_probe){
		.nonce = nonce, .sent = now, .seq = seq, .open = true,
	};
	memcpy(payload, magic, sizeof(magic));
	memcpy(payload + sizeof(magic), &nonce, sizeof(nonce));
	return seq;
}

/**
 * vgw_probe_match - judge an echo reply from the peer to the inside address
 * @p: keepalives of the tunnel whose SA carried the reply
 * @id: its identifier, host order
 * @seq: its sequence number, host order
 * @payload: what follows the echo header
 * @len: length of @payload
 * @now: monotonic time, ns
 * @rtt: set to the round trip time, ns, on VGW_PROBE_ANSWER
 *
 * A reply counts once. The ring bounds how old one may be: the answer to any
 * keepalive that is still judged finds its place.
 *
 * Return: what the reply is to us.
 */
enum vgw_probe_match vgw_probe_match(struct vgw_probes *p, u16 id, u16 seq,
				     const u8 *payload, size_t len,
				     u64 now, u64 *rtt)
{
	struct vgw_probe *sent = &p->ring[seq % VGW_PROBE_RING];

	if (id != p->id || len < VGW_PROBE_LEN ||
	    memcmp(payload, magic, sizeof(magic)))
		return VGW_PROBE_FOREIGN;
	if (!sent->open || sent->seq != seq ||
	    memcmp(payload + sizeof(magic), &sent->nonce, sizeof(sent->nonce)))
		return VGW_PROBE_BAD;
	sent->open = false;
	*rtt = now - sent->sent;
	return VGW_PROBE_ANSWER;
}
