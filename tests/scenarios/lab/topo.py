"""The standard topology.

                              underlay 1: 192.0.2.1/30 -- .2, 2001:db8:1::1/64 -- ::2
                             u1 .--------------------------------. u0
    +-------+     +--------+---'                                  '---+--------+  srv:
    |  cli  |-----|   gw   |                                          |  far1  |  10.20.0.1
    +-------+ lan +--------+---.                                  .---+--------+  fd20::1
    10.10.0.1     10.10.0.254   \\                                /    +--------+
    fd10::1       fd10::fe     u2 '------------------------------' u0 |  far2  |  the same
                              underlay 2: 198.51.100.1/30 -- .2,      +--------+
                                          2001:db8:2::1/64 -- ::2

`gw` is our side: vgw0 goes there, with key if_id 101/102 (or mark 0x11/0x12). `far1` and `far2` are
stock far ends: `ipsec0`, an xfrm interface of if_id 42 or a vti of mark 0x42, with the inside
addresses 169.254.N.2/30 and fd00:N::2/126 (ours: 169.254.N.1, fd00:N::1).

Each far end holds the address of `srv` itself, so a reply goes back by the tunnel on which its
request came: a stream cli -> srv -> cli survives a failover without any routing protocol, and the
reply's signature tells which far end answered. `host=True` makes srv a namespace of its own behind
both, whose replies take the tunnel of srv_via(N); one-way streams towards cli start on whichever
far end a scenario names.
"""

from .capture import Capture
from .ike import Charon, connection
from .netns import Netns, dummy, in_operation, link, wait_for
from .traffic import Echo, Stream
from .xfrm import End, Key, Pair, vti, xfrmi

V4 = {1: ("192.0.2.1", "192.0.2.2"), 2: ("198.51.100.1", "198.51.100.2")}
V6 = {1: ("2001:db8:1::1", "2001:db8:1::2"), 2: ("2001:db8:2::1", "2001:db8:2::2")}
CLI = {4: "10.10.0.1", 6: "fd10::1"}
SRV = {4: "10.20.0.1", 6: "fd20::1"}
OUR_IF_ID = {1: 101, 2: 102}
OUR_MARK = {1: 0x11, 2: 0x12}
FAR_IF_ID, FAR_MARK = 42, 0x42


def inside(tunnel, family=4):
    """Our and the far inside address of a tunnel, without prefix length."""
    if family == 4:
        return f"169.254.{tunnel}.1", f"169.254.{tunnel}.2"
    return f"fd00:{tunnel}::1", f"fd00:{tunnel}::2"


def inside_nets(tunnel, side):
    """The inside addresses with prefix length: side 0 is ours, 1 the far one."""
    return [f"{inside(tunnel, 4)[side]}/30", f"{inside(tunnel, 6)[side]}/126"]


class Topo:
    def __init__(self, host=False, capture=True, bulk=False):
        self.closers, self.captures, self.charons, self.pairs = [], [], {}, {}
        # Queues of veth and of decapsulated packets, for machines that run slowly.
        with open("/proc/sys/net/core/netdev_max_backlog", "w", encoding="ascii") as file:
            file.write("100000")
        self.gw = Netns("gw", forward=True)
        self.cli = Netns("cli")
        self.fars = {1: Netns("far1", forward=True), 2: Netns("far2", forward=True)}
        self.hosts = [self.cli, self.gw, *self.fars.values()]
        link(
            self.gw, "lan", ["10.10.0.254/24", "fd10::fe/64"],
            self.cli, "lan", ["10.10.0.1/24", "fd10::1/64"],
        )  # fmt: skip
        self.cli.later("route add default via 10.10.0.254", "route add default via fd10::fe")
        for n, far in self.fars.items():
            link(
                self.gw, f"u{n}", [f"{V4[n][0]}/30", f"{V6[n][0]}/64"],
                far, "u0", [f"{V4[n][1]}/30", f"{V6[n][1]}/64"],
            )  # fmt: skip
        self.srv = None
        if host:
            self._srv_host()
        else:
            for far in self.fars.values():
                dummy(far, "srv", [f"{SRV[4]}/32", f"{SRV[6]}/128"])
        for each in self.hosts:
            each.flush()
        wait_for("links in operation", lambda: all(map(in_operation, self.hosts)))
        if capture:
            self.captures += [Capture(self.gw, f"u{n}", bulk=bulk) for n in self.fars]

    def _srv_host(self):
        self.srv = Netns("srv")
        self.hosts.append(self.srv)
        dummy(self.srv, "srv", [f"{SRV[4]}/32", f"{SRV[6]}/128"])
        for n, far in self.fars.items():
            link(
                self.srv, f"f{n}", [f"10.2{n}.0.2/30", f"fd2{n}::2/64"],
                far, "srv", [f"10.2{n}.0.1/30", f"fd2{n}::1/64"],
            )  # fmt: skip
            far.later(f"route add {SRV[4]} via 10.2{n}.0.2", f"route add {SRV[6]} via fd2{n}::2")
        self.srv_via(1)

    def srv_via(self, n):
        """With host=True: replies of srv go by far end n."""
        self.srv.ip(
            f"route replace default via 10.2{n}.0.1", f"route replace default via fd2{n}::1"
        )

    def underlay(self, n, family=4):
        """Our and the far underlay address of tunnel n."""
        return (V4 if family == 4 else V6)[n]

    # --- keys and SAs ---

    def our_key(self, n, kind="if_id"):
        return Key(if_id=OUR_IF_ID[n]) if kind == "if_id" else Key(mark=OUR_MARK[n])

    def far_key(self, kind="if_id"):
        return Key(if_id=FAR_IF_ID) if kind == "if_id" else Key(mark=FAR_MARK)

    def pair(
        self, n, ours="if_id", theirs="if_id", family=4, nat=False, alg="gcm", up=True, extra=""
    ):
        """Manual SAs and policies of tunnel n, also kept as self.pairs[n]."""
        here, there = self.underlay(n, family)
        pair = Pair(
            End(self.gw, here, self.our_key(n, ours), reqid=n),
            End(self.fars[n], there, self.far_key(theirs)),
            nat, alg, extra,
        )  # fmt: skip
        self.closers.append(pair.close)
        self.pairs[n] = pair
        if up:
            pair.up()
        return pair

    def far_device(self, n, kind="if_id", family=4, mtu=1400):
        """The stock device of far end n, `ipsec0`, and its route back to us."""
        far, families = self.fars[n], (4, 6)
        if kind == "if_id":
            xfrmi(far, "ipsec0", FAR_IF_ID, "u0", inside_nets(n, 1), mtu)
        else:
            here, there = self.underlay(n, family)
            # A vti carries one inner family: that of its outer one.
            families = (family,)
            addrs = [a for a in inside_nets(n, 1) if (":" in a) == (family == 6)]
            vti(far, "ipsec0", FAR_MARK, there, here, addrs, mtu)
        routes = {4: "route add 10.10.0.0/16 dev ipsec0", 6: "route add fd10::/16 dev ipsec0"}
        far.ip(*(routes[f] for f in families))

    # --- IKE ---

    def far_ike(self, theirs="if_id", family=4, tunnels=(1, 2), **options):
        """A daemon at each far end, with the connection tunnelN; options go to ike.connection."""
        # The first SA of an emulated machine loads and tests ciphers for longer than IKE waits.
        first = "src 127.0.0.1 dst 127.0.0.1 proto esp spi 1"
        key = "aead 'rfc4106(gcm(aes))' 0x" + 20 * "00" + " 128"
        self.gw.run(f"ip xfrm state add {first} mode tunnel {key}")
        self.gw.run(f"ip xfrm state delete {first}")
        for n in tunnels:
            here, there = self.underlay(n, family)
            self.charons[f"far{n}"] = Charon(
                self.fars[n],
                {f"tunnel{n}": connection(there, here, self.far_key(theirs), **options)},
            )

    def ike(self, ours="if_id", theirs="if_id", family=4, tunnels=(1, 2), start=True, **options):
        """A daemon at gw with connections tunnel1 and tunnel2, and one at each far end.

        options go to ike.connection: version, nat, child, ... Returns the daemon of gw.
        """
        self.far_ike(theirs, family, tunnels, **options)
        ends = {n: self.underlay(n, family) for n in tunnels}
        self.charons["gw"] = Charon(
            self.gw,
            {
                f"tunnel{n}": connection(here, there, self.our_key(n, ours), **options)
                for n, (here, there) in ends.items()
            },
        )
        if start:
            for n in tunnels:
                self.charons["gw"].initiate(f"tunnel{n}")
                self.charons[f"far{n}"].wait_installed(f"tunnel{n}")
        return self.charons["gw"]

    # --- traffic ---

    def echo(self, family=4, port=7000, dev=None):
        """Echo services at srv, wherever srv is; returns {name: Echo}."""
        at = {"srv": self.srv} if self.srv else {far.name: far for far in self.fars.values()}
        return {name: Echo(host, SRV[family], port, name, dev) for name, host in at.items()}

    def stream(self, family=4, pps=1000, count=0, port=7000, size=200):
        """cli -> srv -> cli. Start echo() first."""
        return Stream(self.cli, CLI[family], SRV[family], port, pps, count, size)

    # --- the end ---

    # --- weather on the paths ---

    def weather(self, n, *what):
        """netem at both ends of tunnel n's path; without arguments it is fine again."""
        self.gw.netem(f"u{n}", *what)
        self.fars[n].netem("u0", *what)

    def silence(self, n, way="both", weather=()):
        """Everything on tunnel n's path is lost: "both" ways, or what goes "out" or comes "in"."""
        if way != "in":
            self.gw.netem(f"u{n}", *weather, "loss 100%")
        if way != "out":
            self.fars[n].netem("u0", *weather, "loss 100%")

    def check(self, also_expected=""):
        """Invariant 1 on all captures."""
        for capture in self.captures:
            capture.assert_nothing_in_clear(also_expected)

    def close(self):
        """Everything goes, whatever of it refuses: the next scenario needs the names."""
        steps = [charon.stop for charon in self.charons.values()]
        steps += [capture.stop for capture in self.captures]
        steps += [*self.closers, *(host.close for host in self.hosts)]
        refused = []
        for step in steps:
            try:
                step()
            except Exception as err:
                refused.append(err)
        if refused:
            raise refused[0]
