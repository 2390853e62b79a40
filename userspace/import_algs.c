// SPDX-License-Identifier: GPL-2.0
/* The algorithms that the provider knows: its words and strongSwan's. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import.h"

#define IN_IKEV1	1	/* strongSwan's IKEv1 protects itself with it */
#define IN_IKEV2	2
#define IN_ESP		4
#define EVERYWHERE	(IN_IKEV1 | IN_IKEV2 | IN_ESP)

/**
 * struct alg - an algorithm
 * @word: the provider's in its settings, and in its XML
 * @ours: strongSwan's
 * @where: what it can be used in
 * @aead: needs no integrity algorithm beside it
 */
struct alg {
	const char *word[4];
	const char *ours;
	unsigned int where;
	bool aead;
};

/* Strongest first; AEAD before what needs two passes. */
static const struct alg encs[] = {
	{ { "AES256-GCM-16", "aes-256-gcm-16" }, "aes256gcm16", IN_IKEV2 | IN_ESP, true },
	{ { "AES128-GCM-16", "aes-128-gcm-16" }, "aes128gcm16", IN_IKEV2 | IN_ESP, true },
	{ { "AES256", "aes-256-cbc" }, "aes256", EVERYWHERE, false },
	{ { "AES128", "aes-128-cbc" }, "aes128", EVERYWHERE, false },
};

static const struct alg integs[] = {
	{ { "SHA2-512", "sha512", "sha2-512", "hmac-sha2-512" }, "sha512", EVERYWHERE, false },
	{ { "SHA2-384", "sha384", "sha2-384", "hmac-sha2-384" }, "sha384", EVERYWHERE, false },
	{ { "SHA2-256", "sha256", "sha2-256", "hmac-sha2-256" }, "sha256", EVERYWHERE, false },
	{ { "SHA1", "hmac-sha1-96" }, "sha1", EVERYWHERE, false },
};

static const struct alg dhs[] = {
	{ { "21", "group21" }, "ecp521", EVERYWHERE, false },
	{ { "20", "group20" }, "ecp384", EVERYWHERE, false },
	{ { "18", "group18" }, "modp8192", EVERYWHERE, false },
	{ { "17", "group17" }, "modp6144", EVERYWHERE, false },
	{ { "16", "group16" }, "modp4096", EVERYWHERE, false },
	{ { "19", "group19" }, "ecp256", EVERYWHERE, false },
	{ { "15", "group15" }, "modp3072", EVERYWHERE, false },
	{ { "14", "group14" }, "modp2048", EVERYWHERE, false },
	{ { "24", "group24" }, "modp2048s256", EVERYWHERE, false },
	{ { "23", "group23" }, "modp2048s224", EVERYWHERE, false },
	{ { "5", "group5" }, "modp1536", IN_ESP, false },
	{ { "22", "group22" }, "modp1024s160", EVERYWHERE, false },
	{ { "2", "group2" }, "modp1024", EVERYWHERE, false },
};

static const struct {
	const char *what;
	const struct alg *alg;
	int n;
} kinds[] = {
	[ALG_ENC] = { "encryption algorithm", encs, ARRAY_SIZE(encs) },
	[ALG_INTEG] = { "integrity algorithm", integs, ARRAY_SIZE(integs) },
	[ALG_DH] = { "DH group", dhs, ARRAY_SIZE(dhs) },
};

/**
 * alg_find - an algorithm by a word of the provider's
 * @kind: of this kind
 * @word: the word
 *
 * Return: its number, -1 for one that is not known.
 */
int alg_find(enum alg_kind kind, const char *word)
{
	size_t w;
	int i;

	for (i = 0; i < kinds[kind].n; i++)
		for (w = 0; w < ARRAY_SIZE(kinds[kind].alg[i].word); w++)
			if (kinds[kind].alg[i].word[w] &&
			    !strcasecmp(kinds[kind].alg[i].word[w], word))
				return i;
	return -1;
}

static unsigned int allowed(const struct import_phase *phase, enum alg_kind kind)
{
	unsigned int said = kind == ALG_ENC ? phase->enc :
			    kind == ALG_INTEG ? phase->integ : phase->dh;

	return said ? said : ~0U;
}

/* The strongest algorithm of a set that can be used here; NULL for none. */
static const struct alg *strongest(enum alg_kind kind, unsigned int set, unsigned int where)
{
	int i;

	for (i = 0; i < kinds[kind].n; i++)
		if ((set & (1U << i)) && (kinds[kind].alg[i].where & where))
			return &kinds[kind].alg[i];
	return NULL;
}

static unsigned int where(const struct import_tunnel *t, int phase)
{
	if (phase == PHASE_ESP)
		return IN_ESP;
	return import_ike_version2(t) ? IN_IKEV2 : IN_IKEV1;
}

static void put(char *buf, size_t size, const struct import_phase *p, int phase,
		unsigned int in)
{
	const struct alg *enc = strongest(ALG_ENC, allowed(p, ALG_ENC), in);
	const struct alg *integ = strongest(ALG_INTEG, allowed(p, ALG_INTEG), in);
	const struct alg *dh = strongest(ALG_DH, allowed(p, ALG_DH), in);
	size_t len = strlen(buf);

	/* With AEAD, IKE takes its PRF from the integrity algorithms, ESP none. */
	if (enc->aead && phase == PHASE_ESP)
		snprintf(buf + len, size - len, "%s-%s", enc->ours, dh->ours);
	else
		snprintf(buf + len, size - len, "%s-%s%s-%s", enc->ours,
			 enc->aead ? "prf" : "", integ->ours, dh->ours);
}

/**
 * alg_proposal - what to propose
 * @buf: the result
 * @size: of @buf
 * @t: the tunnel, after alg_check()
 * @phase: PHASE_*
 * @minimums: what the tunnel says is only the least that is accepted: then the
 *            strongest of all comes first
 */
void alg_proposal(char *buf, size_t size, const struct import_tunnel *t, int phase,
		  bool minimums)
{
	static const struct import_phase all;
	unsigned int in = where(t, phase);
	size_t len;

	buf[0] = '\0';
	if (minimums) {
		put(buf, size, &all, phase, in);
		len = strlen(buf);
		snprintf(buf + len, size - len, ", ");
	}
	put(buf, size, &t->phase[phase], phase, in);
}

/**
 * alg_check - whether there is a proposal that both sides accept
 * @t: the tunnel
 * @p: what is wrong
 */
int alg_check(const struct import_tunnel *t, struct problem *p)
{
	int phase, kind;

	for (phase = 0; phase < PHASES; phase++)
		for (kind = ALG_ENC; kind <= ALG_DH; kind++)
			if (!strongest(kind, allowed(&t->phase[phase], kind), where(t, phase)))
				return problem(p, "phase %d: no %s that the far end allows can be used with %s; allow others, or IKEv2, in the connection's options",
					       phase + 1, kinds[kind].what,
					       import_ike_version2(t) ? "IKEv2" : "IKEv1");
	return 0;
}
