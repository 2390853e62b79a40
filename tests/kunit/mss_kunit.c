// SPDX-License-Identifier: GPL-2.0
/* The MSS clamp: which options of which packets are lowered, and that checksums stay true. */

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/prandom.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "../../module/mss.h"
#include "vgw_kunit.h"

#define HEAD	sizeof(struct tcphdr)
#define OPTS	40

/* 0 and 0xffff are the same in one's complement. */
static u16 folded(__wsum wide)
{
	u16 sum = (__force u16)csum_fold(wide);

	return sum == 0xffff ? 0 : sum;
}

static u16 sum_of(const void *data, unsigned int len)
{
	return folded(csum_partial(data, len, 0));
}

static void header(u8 *tcp, const u8 *opts, unsigned int n)
{
	struct tcphdr *th = (struct tcphdr *)tcp;

	memset(tcp, 0, HEAD);
	th->source = htons(1234);
	th->dest = htons(80);
	th->seq = htonl(0x01020304);
	th->window = htons(64240);
	th->syn = 1;
	th->doff = (HEAD + n) / 4;
	memcpy(tcp + HEAD, opts, n);
	th->check = csum_fold(csum_partial(tcp, HEAD + n, 0));
}

/* ------------------------------------------------------------------------
 * The walk over the options
 */

#define MSS(n)		2, 4, (n) >> 8, (n) & 0xff
#define SACK		4, 2
#define STAMPS		8, 10, 1, 2, 3, 4, 0, 0, 0, 0
#define SCALE		3, 3, 7

struct layout {
	const char *what;
	u8 n;
	u8 opts[OPTS];
	u8 want[OPTS];
	bool same;
};

/* Clamped to 1200; where @same is set nothing may change. */
static const struct layout layouts[] = {
	{ "alone", 4, { MSS(1460) }, { MSS(1200) } },
	{ "one more than the clamp", 4, { MSS(1201) }, { MSS(1200) } },
	{ "equal to the clamp", 4, { MSS(1200) }, .same = true },
	{ "less than the clamp", 4, { MSS(1199) }, .same = true },
	{ "none at all", 4, { MSS(0) }, .same = true },
	{ "the largest", 4, { MSS(65535) }, { MSS(1200) } },
	{ "Linux's", 20, { MSS(1460), SACK, STAMPS, 1, SCALE },
	  { MSS(1200), SACK, STAMPS, 1, SCALE } },
	{ "behind one NOP", 8, { 1, MSS(1460), 1, 1, 1 }, { 1, MSS(1200), 1, 1, 1 } },
	{ "behind two NOPs", 8, { 1, 1, MSS(1460), 1, 1 }, { 1, 1, MSS(1200), 1, 1 } },
	{ "behind three NOPs, the last four bytes", 8, { 1, 1, 1, 1, MSS(1460) },
	  { 1, 1, 1, 1, MSS(1200) } },
	{ "odd, behind a scale", 8, { SCALE, MSS(1460), 1 }, { SCALE, MSS(1200), 1 } },
	{ "behind NOPs to the end", 40,
	  { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	    1, 1, 1, 1, 1, 1, 1, 1, MSS(1460) },
	  { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	    1, 1, 1, 1, 1, 1, 1, 1, MSS(1200) } },
	{ "twice", 8, { MSS(1460), MSS(9000) }, { MSS(1200), MSS(1200) } },
	{ "twice, the first is low enough", 8, { MSS(500), MSS(9000) },
	  { MSS(500), MSS(1200) } },
	{ "twice, at an odd and an even offset", 12, { 1, MSS(1460), 1, MSS(1461), 0, 0 },
	  { 1, MSS(1200), 1, MSS(1200), 0, 0 } },
	{ "none", 4, { SACK, 1, 1 }, .same = true },
	{ "no options", 0, .same = true },
	{ "behind the end of the list", 8, { 0, 0, 0, 0, MSS(1460) }, .same = true },
	{ "behind an option of length 0", 8, { 8, 0, 1, 1, MSS(1460) }, .same = true },
	{ "behind an option of length 1", 8, { 8, 1, 1, 1, MSS(1460) }, .same = true },
	{ "behind an option that is too long", 8, { 8, 9, 1, 1, MSS(1460) }, .same = true },
	{ "within another option", 8, { 253, 8, MSS(1460), 0, 0 }, .same = true },
	{ "its length is 0", 4, { 2, 0, 0xff, 0xff }, .same = true },
	{ "its length is 3", 4, { 2, 3, 0xff, 0 }, .same = true },
	{ "its length is 5", 8, { 2, 5, 0xff, 0xff, 0xff, 1, 1, 1 }, .same = true },
	{ "behind one of length 3", 8, { 2, 3, 0xff, MSS(1460), 1 }, { 2, 3, 0xff, MSS(1200), 1 } },
	{ "cut after its kind", 4, { 1, 1, 1, 2 }, .same = true },
	{ "cut after its length", 4, { 1, 1, 2, 4 }, .same = true },
	{ "cut within its value", 4, { 1, 2, 4, 0xff }, .same = true },
	{ "signed by MD5, which leaves options out", 24,
	  { MSS(1460), 19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 1 },
	  { MSS(1200), 19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 1 } },
	{ "signed by TCP-AO", 20,
	  { MSS(1460), 29, 16, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, .same = true },
	{ "signed by TCP-AO before it", 20,
	  { 29, 16, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, MSS(1460) }, .same = true },
};

static void every_layout(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct layout *l = &layouts[i];
		u8 tcp[HEAD + OPTS], before[HEAD + OPTS];
		bool changed;

		header(tcp, l->opts, l->n);
		memcpy(before, tcp, sizeof(tcp));
		changed = vgw_mss_lower(tcp, HEAD + l->n, 1200, true);
		KUNIT_EXPECT_EQ_MSG(test, changed, !l->same, "%s", l->what);
		KUNIT_EXPECT_MEMEQ_MSG(test, tcp + HEAD, l->same ? l->opts : l->want, l->n,
				       "%s", l->what);
		KUNIT_EXPECT_EQ_MSG(test, sum_of(tcp, HEAD + l->n), 0, "%s", l->what);
		((struct tcphdr *)tcp)->check = ((struct tcphdr *)before)->check;
		KUNIT_EXPECT_MEMEQ_MSG(test, tcp, before, HEAD, "%s", l->what);
		if (!l->same)
			continue;
		KUNIT_EXPECT_MEMEQ_MSG(test, tcp, before, HEAD + l->n, "%s", l->what);
	}
}

static void checksum_to_come_is_left_alone(struct kunit *test)
{
	static const u8 opts[] = { MSS(1460) };
	u8 tcp[HEAD + sizeof(opts)];
	__sum16 check;

	header(tcp, opts, sizeof(opts));
	check = ((struct tcphdr *)tcp)->check;
	KUNIT_EXPECT_TRUE(test, vgw_mss_lower(tcp, sizeof(tcp), 1200, false));
	KUNIT_EXPECT_EQ(test, (__force u16)check,
			(__force u16)((struct tcphdr *)tcp)->check);
	KUNIT_EXPECT_EQ(test, tcp[HEAD + 2] << 8 | tcp[HEAD + 3], 1200);
}

static void header_that_is_not_whole_is_left_alone(struct kunit *test)
{
	static const u8 opts[] = { MSS(1460), 1, 1, 1, 1 };
	unsigned int len, doff;
	u8 *tcp;

	/* Of exactly that size each, so that KASAN sees a byte too many. */
	for (len = 0; len < HEAD + sizeof(opts); len++) {
		u8 whole[HEAD + sizeof(opts)];

		header(whole, opts, sizeof(opts));
		tcp = kunit_kzalloc(test, max(len, 1U), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, tcp);
		memcpy(tcp, whole, len);
		KUNIT_EXPECT_FALSE_MSG(test, vgw_mss_lower(tcp, len, 1200, true), "%u", len);
		KUNIT_EXPECT_MEMEQ(test, tcp, whole, len);
	}
	for (doff = 0; doff < 16; doff++) {
		u8 whole[HEAD + sizeof(opts)];

		header(whole, opts, sizeof(opts));
		((struct tcphdr *)whole)->doff = doff;
		KUNIT_EXPECT_EQ_MSG(test, vgw_mss_lower(whole, sizeof(whole), 1200, true),
				    doff == 6 || doff == 7, "%u", doff);
	}
}

/* Read once more, by who first notes where each option begins. */
static bool model(u8 *tcp, unsigned int len, u16 mss)
{
	unsigned int i = 0, n = 0, size = tcp[12] >> 4 << 2, at[OPTS];
	u8 *o = tcp + HEAD;
	bool changed = false;

	if (size < HEAD || size > len)
		return false;
	size -= HEAD;
	while (i < size && o[i]) {
		if (o[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 == size || o[i + 1] < 2 || i + o[i + 1] > size)
			break;
		at[n++] = i;
		i += o[i + 1];
	}
	for (i = 0; i < n; i++)
		if (o[at[i]] == 29)
			return false;
	for (i = 0; i < n; i++) {
		u8 *p = o + at[i];

		if (p[0] == 2 && p[1] == 4 && p[2] * 256 + p[3] > mss) {
			p[2] = mss / 256;
			p[3] = mss % 256;
			changed = true;
		}
	}
	return changed;
}

/* Options as they come, mostly whole, sometimes anything. */
static void random_options(struct rnd_state *rnd, u8 *o, unsigned int n)
{
	static const u8 kinds[] = { 0, 1, 1, 1, 2, 2, 2, 2, 3, 4, 8, 19, 29, 34, 253 };
	static const u8 sizes[] = { 0, 0, 0, 0, 4, 4, 4, 4, 3, 2, 10, 18, 16, 6, 7 };
	unsigned int i = 0, k;

	prandom_bytes_state(rnd, o, n);
	if (prandom_u32_state(rnd) % 8 == 0)
		return;
	while (i < n) {
		k = prandom_u32_state(rnd) % ARRAY_SIZE(kinds);
		/* The end and TCP-AO are rare enough to let others be seen. */
		if ((!kinds[k] || kinds[k] == 29) && prandom_u32_state(rnd) % 4)
			continue;
		o[i] = kinds[k];
		if (kinds[k] > 1 && i + 1 < n && prandom_u32_state(rnd) % 16)
			o[i + 1] = sizes[k];
		i += max_t(unsigned int, sizes[k], 1);
	}
}

static void as_the_model_says(struct kunit *test)
{
	u8 tcp[HEAD + OPTS], before[HEAD + OPTS], want[HEAD + OPTS];
	unsigned int i, n, len, changed = 0, steps = 200000;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, vgw_kunit_seed);
	for (i = 0; i < steps; i++) {
		u16 mss = prandom_u32_state(&rnd) % 4 ? prandom_u32_state(&rnd) % 1500 :
							prandom_u32_state(&rnd);
		bool did;

		prandom_bytes_state(&rnd, tcp, HEAD);
		n = prandom_u32_state(&rnd) % 11 * 4;
		random_options(&rnd, tcp + HEAD, n);
		len = HEAD + n;
		if (prandom_u32_state(&rnd) % 8)
			((struct tcphdr *)tcp)->doff = len / 4;
		memcpy(before, tcp, len);
		memcpy(want, tcp, len);

		did = vgw_mss_lower(tcp, len, mss, true);
		changed += did;
		/* A wrong checksum stays as wrong as it was: the far host has to find out. */
		if (did != model(want, len, mss) || sum_of(tcp, len) != sum_of(before, len))
			break;
		((struct tcphdr *)want)->check = ((struct tcphdr *)tcp)->check;
		if (memcmp(tcp, want, len))
			break;
	}
	KUNIT_EXPECT_EQ(test, i, steps);
	KUNIT_EXPECT_GT(test, changed, steps / 10);
}

/* ------------------------------------------------------------------------
 * Packets
 */

static const u8 usual[] = { MSS(1460), SACK, 1, SCALE, 1, 1 };

/* The last byte that has to be there, and what follows the TCP header. */
#define PAYLOAD	7

/**
 * struct shape - a packet that a test wants
 * @v6: IPv6
 * @extra: bytes of IPv4 options or of an IPv6 header for the destination
 * @linear: bytes in the head, the rest in a page; 0 for all of them
 * @summed: &sk_buff.ip_summed
 * @odd: the option begins at an odd offset
 */
struct shape {
	bool v6;
	unsigned int extra;
	unsigned int linear;
	int summed;
	bool odd;
};

/* Where TCP begins, and the sum that its pseudo header makes. */
static __wsum pseudo(const u8 *ip, bool v6, unsigned int len)
{
	if (v6) {
		const struct ipv6hdr *h = (const void *)ip;

		return ~csum_unfold(csum_ipv6_magic(&h->saddr, &h->daddr, len, IPPROTO_TCP, 0));
	}
	return csum_tcpudp_nofold(((const struct iphdr *)ip)->saddr,
				  ((const struct iphdr *)ip)->daddr, len, IPPROTO_TCP, 0);
}

static unsigned int head_of(const struct shape *s)
{
	return (s->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) + s->extra;
}

static unsigned int fill(u8 *p, const struct shape *s)
{
	unsigned int n = sizeof(usual), len = HEAD + n + PAYLOAD, at = head_of(s);
	struct tcphdr *th = (struct tcphdr *)(p + at);
	u8 opts[sizeof(usual)];

	memcpy(opts, usual, n);
	if (s->odd) {
		memmove(opts + 1, opts, n - 1);
		opts[0] = 1;
	}
	memset(p, 0, at);
	if (s->v6) {
		struct ipv6hdr *h = (struct ipv6hdr *)p;

		h->version = 6;
		h->payload_len = htons(s->extra + len);
		h->nexthdr = s->extra ? NEXTHDR_DEST : IPPROTO_TCP;
		h->saddr.s6_addr32[0] = htonl(0xfd100000);
		h->daddr.s6_addr32[0] = htonl(0xfd200000);
		if (s->extra) {
			p[40] = IPPROTO_TCP;
			p[41] = s->extra / 8 - 1;
			p[42] = 1;
			p[43] = s->extra - 4;
		}
	} else {
		struct iphdr *h = (struct iphdr *)p;

		h->version = 4;
		h->ihl = at / 4;
		h->tot_len = htons(at + len);
		h->protocol = IPPROTO_TCP;
		h->saddr = htonl(0x0a0a0001);
		h->daddr = htonl(0x0a140001);
		memset(h + 1, 1, s->extra);
		h->check = ip_fast_csum(h, h->ihl);
	}
	header(p + at, opts, n);
	memset(p + at + HEAD + n, 0xa5, PAYLOAD);
	th->check = 0;
	if (s->summed == CHECKSUM_PARTIAL)
		th->check = ~csum_fold(pseudo(p, s->v6, len));
	else
		th->check = csum_fold(csum_partial(p + at, len, pseudo(p, s->v6, len)));
	return at + len;
}

static void free_skb(void *skb)
{
	kfree_skb(skb);
}

/* A packet of these bytes; freed with the test. */
static struct sk_buff *packet(struct kunit *test, const struct shape *s, const u8 *p,
			      unsigned int len)
{
	unsigned int linear = s->linear ?: len;
	struct sk_buff *skb = alloc_skb(linear, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_skb, skb), 0);
	skb_put_data(skb, p, min(linear, len));
	if (len > linear) {
		struct page *page = alloc_page(GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, page);
		memcpy(page_address(page), p + linear, len - linear);
		skb_add_rx_frag(skb, 0, page, 0, len - linear, PAGE_SIZE);
	}
	skb_reset_network_header(skb);
	skb->protocol = s->v6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
	skb->ip_summed = s->summed;
	if (s->summed == CHECKSUM_COMPLETE)
		skb->csum = csum_partial(p, len, 0);
	return skb;
}

/* As the module does it. */
static bool clamp_it(struct sk_buff *skb, u16 mss)
{
	unsigned int off = vgw_mss_syn(skb);

	return off && vgw_mss_clamp(skb, off, mss);
}

static void shape_is_clamped(struct kunit *test, const struct shape *s)
{
	unsigned int at = head_of(s), len, odd = s->odd;
	u8 before[256], after[256];
	struct sk_buff *skb, *clone;
	struct tcphdr *th;

	len = fill(before, s);
	skb = packet(test, s, before, len);
	clone = skb_clone(skb, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, clone);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_skb, clone), 0);

	KUNIT_EXPECT_FALSE(test, clamp_it(skb, 1460));
	KUNIT_EXPECT_TRUE(test, clamp_it(skb, 1200));
	KUNIT_EXPECT_FALSE(test, clamp_it(skb, 1200));
	KUNIT_EXPECT_EQ(test, skb->len, len);
	KUNIT_ASSERT_EQ(test, skb_copy_bits(skb, 0, after, len), 0);
	KUNIT_EXPECT_EQ(test, after[at + HEAD + odd + 2] << 8 | after[at + HEAD + odd + 3], 1200);
	if (s->summed == CHECKSUM_COMPLETE)
		KUNIT_EXPECT_EQ(test, folded(skb->csum), folded(csum_partial(after, len, 0)));
	th = (struct tcphdr *)(after + at);
	if (s->summed == CHECKSUM_PARTIAL) {
		KUNIT_EXPECT_EQ(test, (__force u16)th->check,
				(__force u16)((struct tcphdr *)(before + at))->check);
	} else {
		KUNIT_EXPECT_EQ(test, 0,
				csum_fold(csum_partial(th, len - at,
						       pseudo(after, s->v6, len - at))));
	}

	/* Nothing else; and whoever holds a clone sees what was sent. */
	th->check = ((struct tcphdr *)(before + at))->check;
	memcpy(after + at + HEAD + odd, before + at + HEAD + odd, 4);
	KUNIT_EXPECT_MEMEQ(test, after, before, len);
	KUNIT_ASSERT_EQ(test, skb_copy_bits(clone, 0, after, len), 0);
	KUNIT_EXPECT_MEMEQ(test, after, before, len);
}

static void every_shape_of_packet(struct kunit *test)
{
	static const int summed[] = { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, CHECKSUM_COMPLETE,
				      CHECKSUM_PARTIAL };
	unsigned int v6, extra, sum, odd, linear;

	for (v6 = 0; v6 < 2; v6++)
		for (extra = 0; extra <= 16; extra += 8)
			for (sum = 0; sum < ARRAY_SIZE(summed); sum++)
				for (odd = 0; odd < 2; odd++)
					for (linear = 0; linear < 90; linear += 11) {
						struct shape s = {
							.v6 = v6, .extra = extra, .odd = odd,
							.summed = summed[sum], .linear = linear,
						};

						shape_is_clamped(test, &s);
					}
}

/* The bytes stay what they are. */
static void untouched(struct kunit *test, const struct shape *s, const u8 *p,
		      unsigned int len, const char *what, unsigned int n)
{
	struct sk_buff *skb = packet(test, s, p, len);
	u8 after[256];

	KUNIT_EXPECT_FALSE_MSG(test, clamp_it(skb, 1200), "%s %u", what, n);
	KUNIT_EXPECT_EQ_MSG(test, skb->len, len, "%s %u", what, n);
	KUNIT_ASSERT_EQ(test, skb_copy_bits(skb, 0, after, len), 0);
	KUNIT_EXPECT_MEMEQ_MSG(test, after, p, len, "%s %u", what, n);
}

static void other_packets_are_left_alone(struct kunit *test)
{
	unsigned int v6, n, len, at;
	u8 p[256];

	for (v6 = 0; v6 < 2; v6++) {
		struct shape s = { .v6 = v6, .extra = 8 };
		unsigned int protocol = v6 ? 40 : 9;

		at = head_of(&s);
		for (n = 0; n < 256; n++) {
			len = fill(p, &s);
			p[protocol] = n;
			if (n == IPPROTO_TCP || (v6 && n <= NEXTHDR_DEST && ipv6_ext_hdr(n)))
				continue;
			untouched(test, &s, p, len, "protocol", n);
		}
		for (n = 0; n < 256; n++) {
			len = fill(p, &s);
			p[at + 13] = n;
			if (!(n & TCPHDR_SYN))
				untouched(test, &s, p, len, "flags", n);
		}
	}
}

static void fragments(struct kunit *test)
{
	static const u8 frag6[8] = { IPPROTO_TCP, 0, 0, 0, 0, 0, 0, 9 };
	struct shape v4 = {}, v6 = { .v6 = true, .extra = 8 };
	struct sk_buff *skb;
	unsigned int n, len;
	u8 p[256];

	/* The first one has the header, a later one only what may look like it. */
	for (n = 0; n <= IP_OFFSET; n += 3) {
		len = fill(p, &v4);
		((struct iphdr *)p)->frag_off = htons(IP_MF | n);
		if (n)
			untouched(test, &v4, p, len, "IPv4, offset", n);
		len = fill(p, &v6);
		p[6] = NEXTHDR_FRAGMENT;
		memcpy(p + 40, frag6, sizeof(frag6));
		p[42] = n >> 5;
		p[43] = n << 3 | 1;
		if (n)
			untouched(test, &v6, p, len, "IPv6, offset", n);
	}
	len = fill(p, &v4);
	((struct iphdr *)p)->frag_off = htons(IP_MF);
	skb = packet(test, &v4, p, len);
	KUNIT_EXPECT_TRUE(test, clamp_it(skb, 1200));
	len = fill(p, &v6);
	p[6] = NEXTHDR_FRAGMENT;
	memcpy(p + 40, frag6, sizeof(frag6));
	p[43] = 1;
	skb = packet(test, &v6, p, len);
	KUNIT_EXPECT_TRUE(test, clamp_it(skb, 1200));
}

static void what_is_cut_passes(struct kunit *test)
{
	unsigned int v6, n, len, end;
	u8 p[256];

	for (v6 = 0; v6 < 2; v6++) {
		struct shape s = { .v6 = v6, .extra = 8 };

		len = fill(p, &s);
		end = len - PAYLOAD;
		/* In the buffer, in a page, and by what the IP header says. */
		for (n = 0; n < end; n++) {
			s.linear = 0;
			untouched(test, &s, p, n, "cut at", n);
			s.linear = 13;
			untouched(test, &s, p, n, "cut in a page at", n);
		}
		s.linear = 0;
		for (n = 0; n < end; n++) {
			fill(p, &s);
			if (v6)
				((struct ipv6hdr *)p)->payload_len =
					htons(n - min_t(unsigned int, n, sizeof(struct ipv6hdr)));
			else
				((struct iphdr *)p)->tot_len = htons(n);
			untouched(test, &s, p, len, "its IP header says", n);
		}
		fill(p, &s);
		p[0] = v6 ? 0x60 : 0x44;
		if (!v6)
			untouched(test, &s, p, len, "IP header too short", 4);
	}
}

static struct kunit_case mss_cases[] = {
	KUNIT_CASE(every_layout),
	KUNIT_CASE(checksum_to_come_is_left_alone),
	KUNIT_CASE(header_that_is_not_whole_is_left_alone),
	KUNIT_CASE(as_the_model_says),
	KUNIT_CASE(every_shape_of_packet),
	KUNIT_CASE(other_packets_are_left_alone),
	KUNIT_CASE(fragments),
	KUNIT_CASE(what_is_cut_passes),
	{}
};

struct kunit_suite vgw_mss_suite = {
	.name = "vgw_mss",
	.test_cases = mss_cases,
};
