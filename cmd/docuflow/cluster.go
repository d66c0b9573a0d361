package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
)

func (c clustering) checkClustering(report func(bad bool, format string, values ...any)) {
	report(c.ClusterBeat < 100*time.Millisecond, "DOCUFLOW_CLUSTER_BEAT: must be at least 100ms")
	report(c.ClusterTTL < 4*c.ClusterBeat, "DOCUFLOW_CLUSTER_TTL: must be at least four times DOCUFLOW_CLUSTER_BEAT")
	if c.ClusterAddr == "" {
		return
	}
	host, _, err := net.SplitHostPort(c.ClusterAddr)
	report(err != nil, "DOCUFLOW_CLUSTER_ADDR: %q is not host:port", c.ClusterAddr)
	ip := net.ParseIP(host)
	report(err == nil && (host == "" || ip != nil && ip.IsUnspecified()), "DOCUFLOW_CLUSTER_ADDR: %q is not an address that other nodes can reach; name one of this machine's", c.ClusterAddr)
	files := 0
	for _, file := range []string{c.ClusterCert, c.ClusterKey, c.ClusterCA} {
		if file != "" {
			files++
		}
	}
	loopback := host == "localhost" || ip != nil && ip.IsLoopback()
	report(files != 3 && (files != 0 || !loopback),
		"DOCUFLOW_CLUSTER_ADDR: nodes speak with each other over TLS only; set DOCUFLOW_CLUSTER_CERT, DOCUFLOW_CLUSTER_KEY and DOCUFLOW_CLUSTER_CA")
}

// peers is nil when this node is on its own.
func (c clustering) peers() (*actors.Peers, error) {
	if c.ClusterAddr == "" {
		return nil, nil
	}
	peers := &actors.Peers{Address: c.ClusterAddr}
	if c.ClusterCert == "" {
		return peers, nil // on loopback, as checkClustering has seen to
	}
	certificate, err := tls.LoadX509KeyPair(c.ClusterCert, c.ClusterKey)
	if err != nil {
		return nil, fmt.Errorf("DOCUFLOW_CLUSTER_CERT and DOCUFLOW_CLUSTER_KEY: %w", err)
	}
	authority, err := os.ReadFile(c.ClusterCA)
	if err != nil {
		return nil, fmt.Errorf("DOCUFLOW_CLUSTER_CA: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("DOCUFLOW_CLUSTER_CA: %s holds no certificate", c.ClusterCA)
	}
	peers.TLS = &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}, ServerName: c.ClusterName,
		RootCAs: authorities, ClientCAs: authorities, ClientAuth: tls.RequireAndVerifyClientCert,
	}
	return peers, nil
}

type clusterCommand struct {
	Status clusterStatus `cmd:"" help:"List the nodes and what waits for them."`
}

type clusterStatus struct {
	DatabaseURL secret `env:"DATABASE_URL" help:"PostgreSQL login of the server. Default: that of a running docuflow dev."`
	DataDir     string `env:"DOCUFLOW_DATA_DIR" default:"${data_dir}" help:"Data directory of docuflow dev."`
}

func (c *clusterStatus) Run(ctx context.Context, term terminal) error {
	url, err := databaseOf(c.DatabaseURL, c.DataDir)
	if err != nil {
		return err
	}
	store, err := postgres.Open(ctx, url, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer store.Close()
	members, err := store.Members(ctx)
	if err != nil {
		return err
	}
	queue, err := store.Queue(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(term.out, describe(members, queue))
	return err
}

// databaseOf is the given login, or that of a running docuflow dev.
func databaseOf(given secret, dataDir string) (string, error) {
	if given != "" {
		return string(given), nil
	}
	running, err := readAccess(dataDir)
	if err != nil {
		return "", errors.New("DATABASE_URL is not set and no docuflow dev runs on this data directory")
	}
	return running.Database, nil
}

func describe(members []domain.Member, queue domain.QueueState) string {
	now := queue.At
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tADDRESS\tSTATE\tSTARTED\tLAST BEAT\tMAILS\tDOCUMENTS")
	for _, m := range members {
		state, address := "works", m.Address
		if m.Draining {
			state = "stops"
		}
		if address == "" {
			address = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%d\n", m.Node, address, state, ago(m.StartedAt, now), ago(m.BeatAt, now), m.Mails, m.Documents)
	}
	table.Flush() // into memory: it cannot fail
	if len(members) == 0 {
		text.WriteString("no node runs\n")
	}
	fmt.Fprintf(&text, "\ndue now: %d mails, %d documents", queue.MailsDue, queue.DocumentsDue)
	if !queue.OldestDue.IsZero() {
		fmt.Fprintf(&text, "; the oldest since %s", ago(queue.OldestDue, now))
	}
	fmt.Fprintf(&text, "\nnot unpacked yet: %d mails; could not be unpacked: %d\n", queue.MailsWaiting, queue.MailsFailed)
	for _, count := range queue.Stages {
		fmt.Fprintf(table, "%s\t%s\t%d\n", count.Stage, strings.ToLower(string(count.Status)), count.Documents)
	}
	table.Flush()
	return text.String()
}

func ago(at, now time.Time) string {
	return max(now.Sub(at), 0).Round(100*time.Millisecond).String() + " ago"
}
