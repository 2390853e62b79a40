"""Every attribute that a request may carry, at the edges of what the YNL specification allows.

    Documentation/netlink/specs/vgw.yaml --> min - 1, min, max, max + 1, too short, too long
"""

import struct

import pytest
from lab import rawnl
from lab.spec import SIZES, attributes_of, checks_of

NUM = rawnl.numbers()
ERANGE = 34
REFUSED = {22, ERANGE}


def cases(attribute):
    """(payload, inside the bounds) at every edge."""
    checks = checks_of(attribute)
    size = SIZES.get(attribute["type"])
    if size:
        low, high = checks.get("min", 0), checks.get("max", (1 << 8 * size) - 1)
        for value, fits in ((low - 1, False), (low, True), (high, True), (high + 1, False)):
            if 0 <= value < 1 << 8 * size:
                yield value.to_bytes(size, "little"), fits
        yield b"\1" * (size - 1), False
        yield b"", False
    elif "max-len" in checks:
        extra = b"\0" if attribute["type"] == "string" else b""
        yield b"a" * checks["max-len"] + extra, True
        yield b"a" * (checks["max-len"] + 1) + extra, False


@pytest.mark.parametrize("which", ("vgw", "tunnel"))
def test_values_beyond_the_specification_are_refused_and_those_at_its_edge_are_not(topo, which):
    gw = topo.gw
    route = rawnl.Netlink(gw, rawnl.NETLINK_ROUTE)
    flags = rawnl.REQUEST | rawnl.ACK
    tested = 0
    # What the kernel alone says has no bounds to test.
    for attribute, number in ((a, n) for a, n in attributes_of(which) if "checks" in a):
        for payload, fits in cases(attribute):
            field = rawnl.attr(number, payload)
            if which == "tunnel":
                body = rawnl.new_connection("vgw0", 7, 8, extra=field)
            else:
                two = (rawnl.nest(NUM["VGW_A_TUNNELS_TUNNEL"],
                                  rawnl.u32(NUM["VGW_A_TUNNEL_IF_ID"], n)) for n in (7, 8))
                data = rawnl.nest(NUM["VGW_A_TUNNELS"], *two) + field
                body = struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0)
                body += rawnl.attr(rawnl.IFLA_IFNAME, b"vgw0\0")
                body += rawnl.nest(rawnl.IFLA_LINKINFO, rawnl.attr(rawnl.IFLA_INFO_KIND, b"vgw"),
                                   rawnl.attr(rawnl.IFLA_INFO_DATA | rawnl.NESTED, data))
            answer = route.ask(rawnl.RTM_NEWLINK, flags | rawnl.CREATE | rawnl.EXCL, body)
            said = (attribute["name"], payload, answer)
            tested += 1
            if fits:
                # It may be refused for what it means, never for its range.
                assert answer != ERANGE, said
            else:
                assert answer in REFUSED, said
            if answer == 0:
                assert route.ask(rawnl.RTM_DELLINK, flags, rawnl.named("vgw0")) == 0
    route.close()
    print(f"\n{which}: {tested} values")
    assert tested > 20
