"""Certificates instead of pre-shared keys: nobody has a secret of anybody else's.

See test_import.py for the picture, and test_libreswan.py for its. An authority signs the gateway's
certificate and those of the far ends, as the provider's private authority does.
"""

import json

from lab.frr import TOPOLOGIES
from lab.ike import Charon, connection
from lab.libreswan import Pluto
from lab.pki import Authority
from lab.topo import FAR_IF_ID, V4
from lab.vgw import Vgw
from lab.xfrm import Key
from test_import import Cloud


def certified(far, trusts, ca, name, local, remote, **options):
    """strongSwan at a far end: presents what ca issues it as name, believes what trusts signed."""
    key, cert = ca.issue(name)
    conn = connection(
        local, remote, Key(if_id=FAR_IF_ID), **options,
        local={"auth": "pubkey", "certs": "far.pem"},
        remote={"auth": "pubkey", "id": '"CN=gw"', "cacerts": "ca.pem"},
    )  # fmt: skip
    return Charon(far, {name.replace("far", "tunnel"): conn}, creds={
        "x509/far.pem": cert, "private/far.key": key, "x509ca/ca.pem": trusts.cert})  # fmt: skip


class CertifiedCloud(Cloud):
    """far2's certificate may be another authority's."""

    def __init__(self, topo, impostor=False):
        self.ca = Authority("ca")
        self.signs = {1: self.ca, 2: Authority("other") if impostor else self.ca}
        super().__init__(topo)

    def daemon(self, n):
        far = self.topo.fars[n]
        self.topo.charons[far.name] = certified(
            far, self.ca, self.signs[n], f"far{n}", self.topo.underlay(n, 4)[1], self.ours,
            proposals=self.proposals[2],
            child={"esp_proposals": "aes256gcm16-ecp521", "local_ts": "0.0.0.0/0",
                   "remote_ts": "0.0.0.0/0"},
        )  # fmt: skip

    def take(self, edit=None):
        return super().take(edit or without_keys)

    def enrol(self):
        """What import says that it needs."""
        key, cert = self.ca.issue("gw")
        self.charon.put({"x509/aws.pem": cert, "private/aws.pem": key,
                         "x509ca/aws-ca.pem": self.ca.cert})  # fmt: skip


def without_keys(text):
    """As the provider describes a connection that has certificates."""
    said = json.loads(text)
    (conn,) = said["VpnConnections"]
    for tunnel in conn["Options"]["TunnelOptions"]:
        del tunnel["PreSharedKey"]
    for n, tunnel in enumerate(conn["VgwTelemetry"]):
        tunnel["CertificateArn"] = f"arn:aws:acm:eu-central-1:123456789012:certificate/{n}"
    xml = conn["CustomerGatewayConfiguration"]
    while "<pre_shared_key>" in xml:
        before, _, rest = xml.partition("<pre_shared_key>")
        xml = before + rest.partition("</pre_shared_key>")[2]
    conn["CustomerGatewayConfiguration"] = xml
    return json.dumps(said)


def test_an_imported_connection_with_certificates_comes_up_once_it_has_them(topo_seen_from_afar):
    cloud = CertifiedCloud(topo_seen_from_afar)
    said = cloud.take()
    assert "needs its certificate: x509/aws.pem, private/aws.pem and x509ca/aws-ca.pem" in said
    assert not (cloud.dir / "aws.secrets.conf").exists()
    before = cloud.state()
    refused = cloud.ctl("up", cloud.file, check=False)
    assert refused.returncode == 2 and "strongSwan: swanctl" in refused.stderr, refused.stderr
    assert cloud.state() == before
    cloud.enrol()
    cloud.comes_back()
    cloud.ctl("down", cloud.file)
    assert cloud.state() == before


def test_a_far_end_that_another_authority_vouches_for_gets_no_sa(topo_seen_from_afar):
    cloud = CertifiedCloud(topo_seen_from_afar, impostor=True)
    cloud.take()
    cloud.enrol()
    cloud.up()
    cloud.vgw.wait_active(1, timeout=60)
    cloud.traffic()
    with open(cloud.charon.log, encoding="utf-8") as log:
        assert 'no issuer certificate found for "CN=far2"' in log.read()
    assert cloud.vgw.state(2) == "no-sa" and cloud.vgw.tunnel(2)["sas"] == []


def test_libreswan_presents_a_certificate_and_believes_the_authority_s_far_ends_only(topo):
    ca, other = Authority("ca"), Authority("other")
    vgw = Vgw(topo, sas=False, tunnels={1: "preference 200"})
    for (n, far), signs in zip(topo.fars.items(), (ca, other)):
        topo.charons[far.name] = certified(far, ca, signs, f"far{n}", V4[n][1], V4[n][0])
    pluto = topo.charons["gw"] = Pluto(
        topo.gw, TOPOLOGIES / "libreswan/ipsec-cert.conf", {}, pki=(ca, "gw")
    )
    vgw.wait_active(1, timeout=60)
    topo.echo()
    result = topo.stream(pps=100, count=50).wait()
    assert result.lost == 0 and result.by.keys() == {"far1"}, result
    assert pluto.said("authenticated peer certificate 'CN=far1'")
    assert pluto.said("IPsec certificate CN=far2 invalid: SEC_ERROR_UNKNOWN_ISSUER")
    assert vgw.state(2) == "no-sa" and vgw.tunnel(2)["sas"] == []
