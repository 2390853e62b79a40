// SPDX-License-Identifier: GPL-2.0
/* The keepalive's content: which echo reply answers which request. */

#include <linux/string.h>

#include "probe.h"
#include "vgw_kunit.h"

#define T0	1000ULL

static struct vgw_probes *probes(struct kunit *test, u16 seq)
{
	struct vgw_probes *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->id = 0x1234;
	p->seq = seq;
	return p;
}

static void reply_answers_once(struct kunit *test)
{
	struct vgw_probes *p = probes(test, 0);
	u8 payload[VGW_PROBE_LEN];
	u64 rtt = 0;
	u16 seq;

	seq = vgw_probe_encode(p, 0x1122334455667788ULL, T0, payload);
	KUNIT_EXPECT_EQ(test, seq, 1);
	KUNIT_EXPECT_EQ(test, vgw_probe_match(p, p->id, seq, payload,
					      sizeof(payload), T0 + 5, &rtt),
			VGW_PROBE_ANSWER);
	KUNIT_EXPECT_EQ(test, rtt, 5);
	rtt = 77;
	KUNIT_EXPECT_EQ(test, vgw_probe_match(p, p->id, seq, payload,
					      sizeof(payload), T0 + 6, &rtt),
			VGW_PROBE_BAD);
	KUNIT_EXPECT_EQ(test, rtt, 77);
}

static void reply_may_be_longer(struct kunit *test)
{
	struct vgw_probes *p = probes(test, 0);
	u8 payload[VGW_PROBE_LEN + 8] = {};
	u64 rtt;
	u16 seq;

	seq = vgw_probe_encode(p, 1, T0, payload);
	KUNIT_EXPECT_EQ(test, vgw_probe_match(p, p->id, seq, payload,
					      sizeof(payload), T0, &rtt),
			VGW_PROBE_ANSWER);
}

static void foreign_echo_is_not_ours(struct kunit *test)
{
	struct vgw_probes *p = probes(test, 0);
	u8 payload[VGW_PROBE_LEN], other[VGW_PROBE_LEN];
	unsigned int i;
	u64 rtt;
	u16 seq;

	seq = vgw_probe_encode(p, 42, T0, payload);
	KUNIT_EXPECT_EQ_MSG(test, vgw_probe_match(p, p->id + 1, seq, payload,
						  sizeof(payload), T0, &rtt),
			    VGW_PROBE_FOREIGN, "another's identifier");
	for (i = 0; i < VGW_PROBE_LEN; i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    vgw_probe_match(p, p->id, seq, payload, i,
						    T0, &rtt),
				    VGW_PROBE_FOREIGN, "%u bytes", i);
	for (i = 0; i < 8; i++) {
		memcpy(other, payload, sizeof(other));
		other[i] ^= 1;
		KUNIT_EXPECT_EQ_MSG(test,
				    vgw_probe_match(p, p->id, seq, other,
						    sizeof(other), T0, &rtt),
				    VGW_PROBE_FOREIGN, "magic byte %u", i);
	}
	KUNIT_EXPECT_EQ_MSG(test, vgw_probe_match(p, p->id, seq, payload,
						  sizeof(payload), T0, &rtt),
			    VGW_PROBE_ANSWER, "none of these used it up");
}

static void wrong_nonce_is_bad(struct kunit *test)
{
	struct vgw_probes *p = probes(test, 0);
	u8 payload[VGW_PROBE_LEN], other[VGW_PROBE_LEN];
	unsigned int bit;
	u64 rtt;
	u16 seq;

	seq = vgw_probe_encode(p, 0xdeadbeefcafef00dULL, T0, payload);
	for (bit = 0; bit < 64; bit++) {
		memcpy(other, payload, sizeof(other));
		other[8 + bit / 8] ^= 1 << (bit % 8);
		KUNIT_EXPECT_EQ_MSG(test,
				    vgw_probe_match(p, p->id, seq, other,
						    sizeof(other), T0, &rtt),
				    VGW_PROBE_BAD, "bit %u", bit);
	}
	KUNIT_EXPECT_EQ(test, vgw_probe_match(p, p->id, seq, payload,
					      sizeof(payload), T0, &rtt),
			VGW_PROBE_ANSWER);
}

static void wrong_sequence_is_bad(struct kunit *test)
{
	struct vgw_probes *p = probes(test, 0);
	u8 payload[VGW_PROBE_LEN];
	unsigned int s;
	u64 rtt;
	u16 seq;

	seq = vgw_probe_encode(p, 9, T0, payload);
	for (s = 0; s <= U16_MAX; s++) {
		if (s == seq)
			continue;
		if (vgw_probe_match(p, p->id, s, payload, sizeof(payload), T0,
				    &rtt) != VGW_PROBE_BAD)
			break;
	}
	KUNIT_EXPECT_EQ(test, s, U16_MAX + 1);
}

static void nothing_sent_nothing_answers(struct kunit *test)
{
	struct vgw_probes *p = probes(test, 0), *sent = probes(test, U16_MAX);
	u8 payload[VGW_PROBE_LEN];
	u64 rtt;

	/* Zeroes all over, as in a fresh ring: sequence 0, nonce 0. */
	KUNIT_EXPECT_EQ(test, vgw_probe_encode(sent, 0, 0, payload), 0);
	KUNIT_EXPECT_EQ(test, vgw_probe_match(p, p->id, 0, payload,
					      sizeof(payload), T0, &rtt),
			VGW_PROBE_BAD);
}

static void all_in_the_ring_can_answer(struct kunit *test)
{
	struct vgw_probes *p = probes(test, 100);
	u8 (*payload)[VGW_PROBE_LEN];
	u16 seq[VGW_PROBE_RING];
	u64 rtt;
	int i;

	payload = kunit_kcalloc(test, VGW_PROBE_RING, sizeof(*payload), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, payload);
	for (i = 0; i < VGW_PROBE_RING; i++)
		seq[i] = vgw_probe_encode(p, i * 3, T0 + i, payload[i]);
	for (i = VGW_PROBE_RING - 1; i >= 0; i--) {
		KUNIT_EXPECT_EQ(test, vgw_probe_match(p, p->id, seq[i], payload[i],
						      VGW_PROBE_LEN, T0 + 1000, &rtt),
				VGW_PROBE_ANSWER);
		KUNIT_EXPECT_EQ(test, rtt, 1000 - i);
	}
}

static void overwritten_one_is_stale(struct kunit *test)
{
	struct vgw_probes *p = probes(test, 7);
	u8 old[VGW_PROBE_LEN], payload[VGW_PROBE_LEN];
	u64 rtt;
	u16 seq;
	int i;

	seq = vgw_probe_encode(p, 555, T0, old);
	for (i = 0; i < VGW_PROBE_RING; i++)
		/* The same nonce even: the sequence number tells them apart. */
		vgw_probe_encode(p, 555, T0 + 1 + i, payload);
	KUNIT_EXPECT_EQ(test, vgw_probe_match(p, p->id, seq, old, sizeof(old),
					      T0 + 100, &rtt), VGW_PROBE_BAD);
	KUNIT_EXPECT_EQ(test, vgw_probe_match(p, p->id, p->seq, payload,
					      sizeof(payload), T0 + 100, &rtt),
			VGW_PROBE_ANSWER);
}

static void sequence_wraps(struct kunit *test)
{
	struct vgw_probes *p = probes(test, U16_MAX - VGW_PROBE_RING / 2);
	u8 payload[VGW_PROBE_LEN];
	u64 rtt;
	u16 seq;
	int i;

	for (i = 0; i < 2 * 65536; i++) {
		seq = vgw_probe_encode(p, i, T0 + i, payload);
		if (vgw_probe_match(p, p->id, seq, payload, sizeof(payload),
				    T0 + i + 3, &rtt) != VGW_PROBE_ANSWER ||
		    rtt != 3)
			break;
	}
	KUNIT_EXPECT_EQ(test, i, 2 * 65536);
}

static struct kunit_case probe_cases[] = {
	KUNIT_CASE(reply_answers_once),
	KUNIT_CASE(reply_may_be_longer),
	KUNIT_CASE(foreign_echo_is_not_ours),
	KUNIT_CASE(wrong_nonce_is_bad),
	KUNIT_CASE(wrong_sequence_is_bad),
	KUNIT_CASE(nothing_sent_nothing_answers),
	KUNIT_CASE(all_in_the_ring_can_answer),
	KUNIT_CASE(overwritten_one_is_stale),
	KUNIT_CASE(sequence_wraps),
	{}
};

struct kunit_suite vgw_probe_suite = {
	.name = "vgw_probe",
	.test_cases = probe_cases,
};
