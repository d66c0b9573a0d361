package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
)

// certificates are this node's files for talking to the others. They are read
// for every new connection, of which there is about one for each other node: what
// was renewed is in force without a restart. While the files do not fit together,
// the last ones that did are used.
type certificates struct {
	cert, key, ca string
	log           *slog.Logger

	mu   sync.Mutex
	last *credentials
}

// credentials are what one reading found.
type credentials struct {
	own         tls.Certificate
	authorities *x509.CertPool
}

func (c *certificates) load() (*credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	read, err := c.read()
	if err != nil && c.last == nil {
		return nil, err
	}
	if err != nil {
		c.log.Warn("keep the last certificates that fitted together", "error", err)
		return c.last, nil
	}
	c.last = read
	return read, nil
}

func (c *certificates) read() (*credentials, error) {
	own, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("DOCUFLOW_CLUSTER_CERT and DOCUFLOW_CLUSTER_KEY: %w", err)
	}
	authority, err := os.ReadFile(c.ca)
	if err != nil {
		return nil, fmt.Errorf("DOCUFLOW_CLUSTER_CA: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("DOCUFLOW_CLUSTER_CA: %s holds no certificate", c.ca)
	}
	return &credentials{own: own, authorities: authorities}, nil
}

// mutual is for both directions. name is what every node's certificate is for;
// empty: the host that is called.
func (c *certificates) mutual(name string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: name,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.serving() },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			now, err := c.load()
			if err != nil {
				return nil, err
			}
			return &now.own, nil
		},
		// The usual check knows only the authorities of the start; VerifyConnection does the same with those of now.
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection:   c.verifyServer,
	}
}

func (c *certificates) serving() (*tls.Config, error) {
	now, err := c.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{now.own}, NextProtos: []string{"h2"},
		ClientCAs: now.authorities, ClientAuth: tls.RequireAndVerifyClientCert,
	}, nil
}

// verifyServer checks the node that was called.
func (c *certificates) verifyServer(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 || state.ServerName == "" {
		return errors.New("the node has no certificate or no name")
	}
	now, err := c.load()
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{Roots: now.authorities, DNSName: state.ServerName, Intermediates: x509.NewCertPool()}
	for _, certificate := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(certificate)
	}
	_, err = state.PeerCertificates[0].Verify(options)
	return err
}
