// SPDX-License-Identifier: GPL-2.0
/*
 * A QEMU TCG plugin: between two marks that the guest sets, every translation
 * block that it executes, in order. What runs is not disturbed: the guest
 * executes not one instruction more, and its clock (icount) counts none of ours.
 *
 *   -plugin trace.so,out=PATH
 *
 * PATH.N.trace of the Nth trace is a u32 for each block executed, an index into
 * PATH.N.blocks, which has a struct block for each. A mark is "nop dword [rax +
 * 0x76677700 + M]": M of 1 begins a trace, 0 ends it.
 *
 * Debian ships QEMU without qemu-plugin.h: what is used of it (API version 3)
 * is declared here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;

typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
} qemu_plugin_u64;

enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_COND_NEVER, QEMU_PLUGIN_COND_ALWAYS, QEMU_PLUGIN_COND_EQ };

int qemu_plugin_version = 3;
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
void qemu_plugin_u64_set(qemu_plugin_u64 entry, unsigned int vcpu, uint64_t value);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*cb)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cond_cb(struct qemu_plugin_tb *tb,
					       void (*cb)(unsigned int, void *), int flags,
					       int cond, qemu_plugin_u64 entry, uint64_t imm,
					       void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int, void *), int flags,
					    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t len);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

/* How a block ends, as far as the call graph needs it. */
enum { OTHER, CALL, RET, IRET };

/* What PATH.N.blocks holds; profile_report reads it. */
struct block {
	uint64_t addr;		/* of its first instruction */
	uint64_t next;		/* behind its last one: where a call returns to */
	uint32_t insns;
	uint16_t atomics;	/* locked read-modify-writes */
	uint16_t end;
};

static char path[4096];
static qemu_plugin_u64 tracing;
static FILE *trace;
static struct block **blocks;
static uint32_t used, room;
static unsigned int number;

static FILE *create(const char *suffix)
{
	char name[sizeof(path) + 32];
	FILE *file;

	snprintf(name, sizeof(name), "%s.%u.%s", path, number, suffix);
	file = fopen(name, "wb");
	if (!file) {
		perror(name);
		exit(1);
	}
	return file;
}

/* The opcode behind legacy prefixes and REX. *locked: one of them is LOCK. */
static const uint8_t *opcode(const uint8_t *p, bool *locked)
{
	static const uint8_t prefixes[] = "\x66\x67\x2e\x36\x3e\x26\x64\x65\xf2\xf3\xf0";

	for (*locked = false; memchr(prefixes, *p, sizeof(prefixes) - 1); p++)
		*locked |= *p == 0xf0;
	return (*p & 0xf0) == 0x40 ? p + 1 : p;
}

static void mark(unsigned int vcpu, void *data)
{
	uint32_t i;
	FILE *out;

	if ((uintptr_t)data && !trace) {
		number++;
		trace = create("trace");
		qemu_plugin_u64_set(tracing, vcpu, 1);
	} else if (!(uintptr_t)data && trace) {
		qemu_plugin_u64_set(tracing, vcpu, 0);
		out = create("blocks");
		for (i = 0; i < used; i++)
			fwrite(blocks[i], sizeof(**blocks), 1, out);
		/* The guest's next words are that the files are there. */
		if (fclose(out) || fclose(trace)) {
			perror(path);
			exit(1);
		}
		trace = NULL;
	}
}

static void executed(unsigned int vcpu, void *data)
{
	uint32_t index = (uintptr_t)data;

	fwrite(&index, sizeof(index), 1, trace);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct block *b = calloc(1, sizeof(*b));

	if (used == room) {
		room = room ? 2 * room : 65536;
		blocks = realloc(blocks, room * sizeof(*blocks));
	}
	if (!b || !blocks)
		abort();
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint8_t code[16] = {};
		const uint8_t *op;
		bool locked;

		qemu_plugin_insn_data(insn, code, sizeof(code) - 1);
		op = opcode(code, &locked);
		/* xchg with memory locks by itself. */
		b->atomics += locked || ((*op & 0xfe) == 0x86 && op[1] < 0xc0);
		if (!i)
			b->addr = qemu_plugin_insn_vaddr(insn);
		b->next = qemu_plugin_insn_vaddr(insn) + qemu_plugin_insn_size(insn);
		if (*op == 0xe8 || (*op == 0xff && (op[1] & 0x38) == 0x10))
			b->end = CALL;
		else if (*op == 0xc3 || *op == 0xc2)
			b->end = RET;
		else if (*op == 0xcf)
			b->end = IRET;
		else
			b->end = OTHER;
		if (!memcmp(code, "\x0f\x1f\x80", 3) && !memcmp(code + 4, "\x77\x67\x76", 3))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, QEMU_PLUGIN_CB_NO_REGS,
							       (void *)(uintptr_t)code[3]);
	}
	b->insns = n;
	blocks[used] = b;
	qemu_plugin_register_vcpu_tb_exec_cond_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS,
						  QEMU_PLUGIN_COND_EQ, tracing, 1,
						  (void *)(uintptr_t)used++);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4) || strlen(argv[0]) >= sizeof(path)) {
		fprintf(stderr, "trace: needs out=PATH\n");
		return 1;
	}
	strcpy(path, argv[0] + 4);
	tracing.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
