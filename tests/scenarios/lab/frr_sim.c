// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into FRR's daemons in the simulator, where CPU work takes no time.
 *
 * Their event loop cuts a wait to whole milliseconds and then polls, without
 * waiting, until the timer is due: over a thousand times where the clock
 * hardly moves. Here it waits the millisecond that was cut.
 *
 * It also looks for changes of operational state every 10 ms, to tell mgmtd,
 * which is not there: an idle hour would have 360,000 turns a daemon.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

struct event;
struct event_loop;

/* lib/xref.h and lib/frrevent.h, FRR 10: who asks for a timer. */
struct xref_eventsched {
	void *data;
	int type, line;
	const char *file, *func, *callback, *dest;
};

void _event_add_timer_msec(const struct xref_eventsched *xref, struct event_loop *loop,
			   void (*func)(struct event *), void *arg, long msec,
			   struct event **event);

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	static __thread int idle;
	static typeof(&ppoll) real;
	struct timespec more;
	int ready;

	if (!real)
		real = REAL(ppoll);
	if (!timeout)
		return real(fds, n, timeout, mask);
	more = *timeout;
	/* Nothing to wait for is what it says of other work, too, but not twice on end. */
	if (idle || more.tv_sec || more.tv_nsec)
		more.tv_nsec += 1000000;
	if (more.tv_nsec >= 1000000000) {
		more.tv_nsec -= 1000000000;
		more.tv_sec++;
	}
	ready = real(fds, n, &more, mask);
	idle = !ready && !timeout->tv_sec && !timeout->tv_nsec;
	return ready;
}

void _event_add_timer_msec(const struct xref_eventsched *xref, struct event_loop *loop,
			   void (*func)(struct event *), void *arg, long msec,
			   struct event **event)
{
	static typeof(&_event_add_timer_msec) real;

	if (!real)
		real = REAL(_event_add_timer_msec);
	if (!strncmp(xref->callback, "timer_walk_", strlen("timer_walk_")))
		msec = 3600 * 1000;
	real(xref, loop, func, arg, msec, event);
}
