package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/docuflow/docuflow/actors"
	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/storage/postgres"
)

// kubernetes is the other source of members than the database.
const kubernetes = "kubernetes"

func (c clustering) checkClustering(report func(bad bool, format string, values ...any)) {
	report(c.ClusterBeat < 100*time.Millisecond, "DOCUFLOW_CLUSTER_BEAT: must be at least 100ms")
	report(c.ClusterTTL < 4*c.ClusterBeat, "DOCUFLOW_CLUSTER_TTL: must be at least four times DOCUFLOW_CLUSTER_BEAT")
	report(c.ClusterAddr == "" && c.Cluster == kubernetes, "DOCUFLOW_CLUSTER: kubernetes needs DOCUFLOW_CLUSTER_ADDR, like $(POD_IP):7070")
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
func (c clustering) peers(log *slog.Logger) (*actors.Peers, error) {
	if c.ClusterAddr == "" {
		return nil, nil
	}
	peers := &actors.Peers{Address: c.ClusterAddr, Kubernetes: c.Cluster == kubernetes}
	if c.ClusterCert == "" {
		return peers, nil // on loopback, as checkClustering has seen to
	}
	files := &certificates{cert: c.ClusterCert, key: c.ClusterKey, ca: c.ClusterCA, log: log}
	if _, err := files.load(); err != nil {
		return nil, err
	}
	peers.TLS = files.mutual(c.ClusterName)
	return peers, nil
}

type clusterCommand struct {
	Status  clusterStatus  `cmd:"" help:"List the nodes and what waits for them."`
	Drain   clusterDrain   `cmd:"" help:"Ask a node to take no more work and no mail. It finishes what it has, keeps its pages and stays up."`
	Undrain clusterUndrain `cmd:"" help:"Let a drained node work again."`
}

// databaseFlags is where commands find the nodes.
type databaseFlags struct {
	DatabaseURL secret `env:"DATABASE_URL" help:"PostgreSQL login of the server. Default: that of a running docuflow dev."`
	DataDir     string `env:"DOCUFLOW_DATA_DIR" default:"${data_dir}" help:"Data directory of docuflow dev."`
}

// open connects; the caller closes.
func (d databaseFlags) open(ctx context.Context) (*postgres.Store, error) {
	url, err := databaseOf(d.DatabaseURL, d.DataDir)
	if err != nil {
		return nil, err
	}
	return postgres.Open(ctx, url, slog.New(slog.DiscardHandler))
}

type clusterStatus struct{ databaseFlags }

func (c *clusterStatus) Run(ctx context.Context, term terminal) error {
	store, err := c.open(ctx)
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

type clusterDrain struct {
	databaseFlags
	Node string `arg:"" help:"Name of the node, as docuflow cluster status lists it."`
}

func (c *clusterDrain) Run(ctx context.Context, term terminal) error {
	return ask(ctx, term, c.databaseFlags, c.Node, true, "drains; docuflow cluster status says when it has finished")
}

type clusterUndrain struct {
	databaseFlags
	Node string `arg:"" help:"Name of the node, as docuflow cluster status lists it."`
}

func (c *clusterUndrain) Run(ctx context.Context, term terminal) error {
	return ask(ctx, term, c.databaseFlags, c.Node, false, "works again")
}

// ask tells a node what an operator wants, and says what follows.
func ask(ctx context.Context, term terminal, where databaseFlags, node string, drain bool, follows string) error {
	store, err := where.open(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	err = store.AskToDrain(ctx, node, drain, "command line")
	if errors.Is(err, domain.ErrNotFound) {
		return fmt.Errorf("no node %q runs; docuflow cluster status lists them", node)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(term.out, "%s %s\n", node, follows)
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
		address := m.Address
		if address == "" {
			address = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%d\n", m.Node, address, stateOf(m), ago(m.StartedAt, now), ago(m.BeatAt, now), m.Mails, m.Documents)
	}
	_ = table.Flush() // into memory: it cannot fail
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
	_ = table.Flush()
	return text.String()
}

func stateOf(m domain.Member) string {
	switch {
	case m.Asked && m.Draining && m.Mails+m.Documents == 0:
		return "drained"
	case m.Asked:
		return "drains"
	case m.Draining:
		return "stops"
	}
	return "works"
}

func ago(at, now time.Time) string {
	return max(now.Sub(at), 0).Round(100*time.Millisecond).String() + " ago"
}
