// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "keyless.h"
#include "link.h"
#include "todo.h"
#include "underlay.h"
#include "vgw.h"
#include "xfrm_watch.h"

#include "trace.h"

static struct workqueue_struct *workqueue;

/**
 * vgw_todo - let a process do what the caller cannot
 * @conn: connection
 * @what: VGW_TODO_*
 *
 * Context: any but hard interrupts.
 */
void vgw_todo(struct vgw_conn *conn, unsigned int what)
{
	/*
	 * The work holds the device, so that it may take RTNL and be waited for
	 * by nobody who does. One reference for each time it is queued.
	 */
	set_bit(what, &conn->todo);
	dev_hold(conn->dev);
	if (!queue_work(workqueue, &conn->work))
		dev_put(conn->dev);
}

/*
 * A connection that moved to another netns takes its tunnels along. It cannot be without
 * one of them: their netns may go, which waits for the reference that it holds.
 */
static void follow(struct vgw_conn *conn)
{
	struct net *net = dev_net(conn->dev);
	LIST_HEAD(kill);
	unsigned int i;

	for (i = 0; i < conn->n; i++) {
		struct net_device *dev = conn->tunnels[i]->dev;
		int err;

		if (net_eq(dev_net(dev), net))
			continue;
		vgw_dev_set_immutable(dev, false);
		err = dev_change_net_namespace(dev, net, "vgw%d");
		vgw_dev_set_immutable(dev, true);
		if (err) {
			netdev_warn(conn->dev,
				    "removed: tunnel %s cannot be moved to its netns, error %d; remove altnames that are in use there\n",
				    dev->name, err);
			vgw_link_remove(conn, &kill);
			unregister_netdevice_many(&kill);
			return;
		}
		/* Moving closes a device; the connection may be up again already. */
		if (netif_running(conn->dev))
			dev_open(dev, NULL);
	}
	vgw_keyless_add(conn);
}

static void resync(struct vgw_conn *conn)
{
	trace_vgw_resync(conn);
	vgw_watch_resync(conn);
}

static void work(struct work_struct *w)
{
	struct vgw_conn *conn = container_of(w, struct vgw_conn, work);
	struct net_device *dev = conn->dev;
	unsigned int i;

	rtnl_lock();
	if (conn->dying)
		goto out;
	if (test_and_clear_bit(VGW_TODO_NETNS, &conn->todo))
		follow(conn);
	if (conn->dying)
		goto out;
	if (test_and_clear_bit(VGW_TODO_RESYNC, &conn->todo))
		resync(conn);
	if (test_and_clear_bit(VGW_TODO_PATH, &conn->todo)) {
		if (vgw_watch_lost(conn))
			resync(conn);
		for (i = 0; i < conn->n; i++)
			vgw_underlay_check(conn->tunnels[i]);
	}
	if (test_and_clear_bit(VGW_TODO_MTU, &conn->todo))
		vgw_underlay_set_mtu(conn);
out:
	/* Whoever unlocks after follow() waits for our reference, and for that of our next turn. */
	if (conn->dying && cancel_work(w))
		dev_put(dev);
	dev_put(dev);
	rtnl_unlock();
}

/**
 * vgw_todo_init - prepare a connection's work
 * @conn: connection
 *
 * Context: process, before the device is registered.
 */
void vgw_todo_init(struct vgw_conn *conn)
{
	INIT_WORK(&conn->work, work);
}

/**
 * vgw_todo_prepare - make the queue of all connections
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int vgw_todo_prepare(void)
{
	workqueue = alloc_workqueue("vgw", WQ_UNBOUND, 0);
	return workqueue ? 0 : -ENOMEM;
}

/**
 * vgw_todo_release - undo vgw_todo_prepare(); waits for what is still queued
 *
 * Context: process, once no device is left.
 */
void vgw_todo_release(void)
{
	destroy_workqueue(workqueue);
}
