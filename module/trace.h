/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vgw

#if !defined(VGW_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VGW_TRACE_H

#include <linux/tracepoint.h>

#include "vgw.h"

/* A tunnel changed its state. Ages in nanoseconds; states and reasons as in uapi. */
TRACE_EVENT(vgw_state,
	TP_PROTO(const struct vgw_tunnel *t, enum vgw_state old,
		 const struct vgw_fo_tunnel *fo),
	TP_ARGS(t, old, fo),
	TP_STRUCT__entry(
		__array(char, conn, IFNAMSIZ)
		__array(char, tunnel, IFNAMSIZ)
		__field(u32, old)
		__field(u32, new)
		__field(u32, reason)
		__field(u64, proof)
	),
	TP_fast_assign(
		strscpy(__entry->conn, t->conn->dev->name, IFNAMSIZ);
		strscpy(__entry->tunnel, t->dev->name, IFNAMSIZ);
		__entry->old = old;
		__entry->new = fo->state;
		__entry->reason = fo->reason;
		__entry->proof = fo->proof;
	),
	TP_printk("%s tunnel %s state %u -> %u reason %u last proof at %llu ns",
		  __entry->conn, __entry->tunnel, __entry->old, __entry->new,
		  __entry->reason, __entry->proof)
);

/* The connection changed its active tunnel; indices, -1 for none. */
TRACE_EVENT(vgw_switch,
	TP_PROTO(const struct vgw_conn *conn, int old, enum vgw_reason reason,
		 u64 proof_age),
	TP_ARGS(conn, old, reason, proof_age),
	TP_STRUCT__entry(
		__array(char, conn, IFNAMSIZ)
		__field(int, old)
		__field(int, new)
		__field(u32, reason)
		__field(u64, proof_age)
	),
	TP_fast_assign(
		strscpy(__entry->conn, conn->dev->name, IFNAMSIZ);
		__entry->old = old;
		__entry->new = conn->fo.active;
		__entry->reason = reason;
		__entry->proof_age = proof_age;
	),
	TP_printk("%s active %d -> %d reason %u last proof of life %llu ns ago",
		  __entry->conn, __entry->old, __entry->new, __entry->reason,
		  __entry->proof_age)
);

/* A keepalive was sent (rtt 0) or a reply to one judged. */
TRACE_EVENT(vgw_keepalive,
	TP_PROTO(const struct vgw_tunnel *t, u16 seq, int err, u64 rtt),
	TP_ARGS(t, seq, err, rtt),
	TP_STRUCT__entry(
		__array(char, tunnel, IFNAMSIZ)
		__field(u16, seq)
		__field(int, err)
		__field(u64, rtt)
	),
	TP_fast_assign(
		strscpy(__entry->tunnel, t->dev->name, IFNAMSIZ);
		__entry->seq = seq;
		__entry->err = err;
		__entry->rtt = rtt;
	),
	TP_printk("%s seq %u error %d rtt %llu ns",
		  __entry->tunnel, __entry->seq, __entry->err, __entry->rtt)
);

/* XFRM's lists are read anew for a connection: all that the netns has. */
TRACE_EVENT(vgw_resync,
	TP_PROTO(const struct vgw_conn *conn),
	TP_ARGS(conn),
	TP_STRUCT__entry(
		__array(char, conn, IFNAMSIZ)
	),
	TP_fast_assign(
		strscpy(__entry->conn, conn->dev->name, IFNAMSIZ);
	),
	TP_printk("%s", __entry->conn)
);

#endif /* VGW_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
