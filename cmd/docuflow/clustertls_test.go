package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docuflow/docuflow/domain"
)

// Beyond loopback a node does not start without certificates, nor with some of
// them, nor at an address that nobody can reach.
func TestClusterSettings(t *testing.T) {
	valid := settings{
		HTTPAddr: "127.0.0.1:1", SMTPAddr: "127.0.0.1:2", AdminAddr: "127.0.0.1:3", Slots: 1, Attempts: 1, ReplayRate: 1,
		LeaseTTL: time.Minute, ScanEvery: time.Second, BackoffBase: time.Second, BackoffCap: time.Second,
		clustering: clustering{ClusterBeat: time.Second, ClusterTTL: 10 * time.Second},
	}
	all := clustering{ClusterCert: "a", ClusterKey: "b", ClusterCA: "c"}
	for _, tt := range []struct {
		addr, complaint string
		files           clustering
		members         string
	}{
		{addr: ""},
		{addr: "127.0.0.1:7070"},
		{addr: "10.0.0.5:7070", files: all},
		{addr: "node-1.cluster:7070", files: all},
		{addr: "10.0.0.5:7070", complaint: "TLS only"},
		{addr: "10.0.0.5:7070", files: clustering{ClusterCert: "a", ClusterKey: "b"}, complaint: "TLS only"},
		{addr: "127.0.0.1:7070", files: clustering{ClusterCert: "a"}, complaint: "TLS only"},
		{addr: "node-1.cluster:7070", complaint: "TLS only"},
		{addr: "0.0.0.0:7070", files: all, complaint: "can reach"},
		{addr: ":7070", files: all, complaint: "can reach"},
		{addr: "10.0.0.5", files: all, complaint: "host:port"},
		{addr: "10.0.0.5:7070", files: all, members: "kubernetes"},
		{addr: "", members: "kubernetes", complaint: "needs DOCUFLOW_CLUSTER_ADDR"},
	} {
		s := valid
		s.Cluster = tt.members
		s.ClusterAddr, s.ClusterCert, s.ClusterKey, s.ClusterCA = tt.addr, tt.files.ClusterCert, tt.files.ClusterKey, tt.files.ClusterCA
		_, err := s.complete()
		if tt.complaint == "" && err != nil || tt.complaint != "" && (err == nil || !strings.Contains(err.Error(), tt.complaint)) {
			t.Errorf("%s with %+v: %v, want %q", tt.addr, tt.files, err, tt.complaint)
		}
	}
}

// Nodes with certificates of one authority work together; whoever has none is
// not let in.
func TestNodesSpeakMutualTLS(t *testing.T) {
	n := newNodes(t)
	certificates := n.certificates()
	a := n.start("a", certificates...)
	b := n.start("b", certificates...)
	var sent int
	for _, name := range []string{"Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir"} {
		sent++
		n.mailTo(a, n.workspace(name), fmt.Sprintf("T-%d", sent))
	}
	a.until("all documents are completed", func() bool { return n.completed() == sent })
	if working := n.count("SELECT count(DISTINCT node) FROM attempts"); working != 2 {
		t.Errorf("%d nodes have worked", working)
	}
	for _, node := range []*program{a, b} {
		if strings.Contains(node.output.String(), "a node does not answer or drains") {
			t.Error("kicks did not reach the other node")
		}
	}
	members, err := n.store.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range members {
		if err := stranger(member); err == nil {
			t.Errorf("node %s talks to strangers", member.Node)
		}
	}
}

// Certificates of another authority come into force while the nodes run: one that knows
// only the new ones works with them, and one with the old ones is a stranger.
func TestCertificatesAreRenewedWhileNodesRun(t *testing.T) {
	n := newNodes(t)
	certificates := n.certificates()
	a, b := n.start("a", certificates...), n.start("b", certificates...)
	old, err := tls.LoadX509KeyPair(filepath.Join(n.dir, "node.pem"), filepath.Join(n.dir, "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(n.dir, "node.key"), []byte("half a key")) // in the middle of a renewal the last ones count
	if err := visitor(n, old); err != nil {
		t.Fatalf("while files do not fit together, the old ones are refused: %v", err)
	}
	n.certificates()
	renewed, err := tls.LoadX509KeyPair(filepath.Join(n.dir, "node.pem"), filepath.Join(n.dir, "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := visitor(n, old); err == nil {
		t.Error("the old certificates are still let in")
	}
	if err := visitor(n, renewed); err != nil {
		t.Errorf("the new certificates are refused: %v", err)
	}
	c := n.start("c", certificates...)
	var sent int
	for _, name := range []string{"Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gum", "Hazel"} {
		tenant := n.workspace(name)
		for _, through := range []*program{a, b, c} {
			sent++
			n.mailTo(through, tenant, fmt.Sprintf("R-%d", sent))
		}
	}
	a.until("all documents are completed", func() bool { return n.completed() == sent })
	if working := n.count("SELECT count(DISTINCT node) FROM attempts"); working != 3 {
		t.Errorf("%d nodes have worked", working)
	}
	for _, node := range []*program{a, b, c} {
		if strings.Contains(node.output.String(), "a node does not answer or drains") {
			t.Error("kicks did not reach the other nodes")
		}
	}
}

// visitor connects to every node with a certificate.
func visitor(n *nodes, certificate tls.Certificate) error {
	n.t.Helper()
	members, err := n.store.Members(n.t.Context())
	if err != nil || len(members) == 0 {
		n.t.Fatal(members, err)
	}
	for _, member := range members {
		if err := visit(member, certificate); err != nil {
			return err
		}
	}
	return nil
}

// stranger connects without a certificate, and trusts anybody.
func stranger(member domain.Member) error {
	return visit(member)
}

// visit connects with the given certificates, trusts anybody, and says
// whether it was let in.
func visit(member domain.Member, certificates ...tls.Certificate) error {
	conn, err := tls.Dial("tcp", member.Address, &tls.Config{InsecureSkipVerify: true, Certificates: certificates, NextProtos: []string{"h2"}})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1)) // TLS 1.3 tells only now
	if err == nil || strings.Contains(err.Error(), "timeout") {
		return nil
	}
	return err
}

// certificates makes an authority and a certificate for all nodes, and
// returns the settings for them.
func (n *nodes) certificates() []string {
	n.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		n.t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nodes"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	node := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"docuflow-node"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		n.t.Fatal(err)
	}
	file := func(name, kind string, content []byte) string {
		path := filepath.Join(n.dir, name)
		write(n.t, path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
		return path
	}
	sign := func(certificate *x509.Certificate) []byte {
		signed, err := x509.CreateCertificate(rand.Reader, certificate, authority, &key.PublicKey, key)
		if err != nil {
			n.t.Fatal(err)
		}
		return signed
	}
	return []string{
		"DOCUFLOW_CLUSTER_CA=" + file("ca.pem", "CERTIFICATE", sign(authority)), "DOCUFLOW_CLUSTER_CERT=" + file("node.pem", "CERTIFICATE", sign(node)),
		"DOCUFLOW_CLUSTER_KEY=" + file("node.key", "PRIVATE KEY", private), "DOCUFLOW_CLUSTER_NAME=docuflow-node",
	}
}
