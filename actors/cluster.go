package actors

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/cluster"
	"github.com/asynkron/protoactor-go/cluster/identitylookup/disthash"
	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/docuflow/docuflow/domain"
	"github.com/docuflow/docuflow/messages"
)

// Peers says how this node and the others reach each other.
type Peers struct {
	Address string      // host:port to listen at, where the others reach it
	TLS     *tls.Config // for both directions; nil: none, for loopback alone
	// Kubernetes says which nodes get kicks. A binary has that only when it was
	// built with the tag kubernetes.
	Kubernetes bool
}

// workspaceKind is the only kind of virtual actor. Its identity is that of a
// shard.
const workspaceKind = "workspace"

// startCluster listens for the other nodes and joins them.
func (s *System) startCluster(ctx context.Context) (err error) {
	host, port, err := net.SplitHostPort(s.Peers.Address)
	if err != nil {
		return fmt.Errorf("address for the other nodes: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("address for the other nodes: %w", err)
	}
	gates := cluster.NewKind(workspaceKind, actor.PropsFromProducer(func() actor.Actor { return &gate{system: s} }))
	members, err := s.provider(ctx)
	if err != nil {
		return err
	}
	config := cluster.Configure("docuflow", members, disthash.New(), s.remoting(host, number),
		cluster.WithKinds(gates), cluster.WithHeartbeatExpiration(never))
	c := cluster.New(s.actors, config)
	defer func() {
		if reason := recover(); reason != nil { // it panics where others return an error
			err = fmt.Errorf("start the cluster node at %s: %v", s.Peers.Address, reason)
		}
	}()
	s.router = &clusterRouter{system: s, cluster: c, underway: map[domain.Shard]struct{}{}}
	c.StartMember()
	return nil
}

// provider tells the library where to send kicks.
func (s *System) provider(ctx context.Context) (cluster.ClusterProvider, error) {
	rows := &provider{ctx: ctx, system: s}
	if s.Peers.Kubernetes {
		return kubernetesProvider(rows)
	}
	return rows, nil
}

// never keeps the library's gossip from having an opinion on who lives: two
// judges would disagree, and what it blocks stays blocked.
const never = 100 * 365 * 24 * time.Hour

func (s *System) remoting(host string, port int) *remote.Config {
	server, client := insecure.NewCredentials(), insecure.NewCredentials()
	if s.Peers.TLS != nil {
		server, client = credentials.NewTLS(s.Peers.TLS), credentials.NewTLS(s.Peers.TLS)
	}
	config := remote.Configure(host, port,
		remote.WithServerOptions(grpc.Creds(server)), remote.WithDialOptions(grpc.WithTransportCredentials(client)),
		// The usual million is memory that each peer would take at once; they grow.
		remote.WithEndpointWriterQueueSize(1024), remote.WithEndpointManagerQueueSize(1024))
	config.MaxRetryCount = 1 // it sleeps two seconds after each; the next message tries again
	return config
}

// provider tells the library who the members are. It satisfies
// cluster.ClusterProvider.
type provider struct {
	ctx    context.Context
	system *System
}

// StartMember joins, now that the address is known.
func (p *provider) StartMember(c *cluster.Cluster) error {
	kinds := c.GetClusterKinds()
	return p.join(c, func(members []domain.Member) {
		if p.system.draining.Load() {
			return // it routes no more, and must not drop itself
		}
		c.MemberList.UpdateClusterTopology(topology(members, kinds))
	})
}

func (p *provider) join(c *cluster.Cluster, topology func([]domain.Member)) error {
	if p.system.membership == nil {
		return errors.New("nobody keeps the members")
	}
	return p.system.membership.join(p.ctx, c.ActorSystem.Address(), topology)
}

// topology lists the members that can look after workspaces.
func topology(members []domain.Member, kinds []string) (list cluster.Members) {
	for _, member := range members {
		host, port, err := net.SplitHostPort(member.Address)
		if err != nil || member.Draining {
			continue // on its own, or about to leave
		}
		number, err := strconv.ParseInt(port, 10, 32)
		if err != nil {
			continue
		}
		// The library never takes back an id that was gone for a while.
		id := member.ID + "." + strconv.Itoa(member.Returns)
		list = append(list, &cluster.Member{Id: id, Host: host, Port: int32(number), Kinds: kinds})
	}
	return list
}

// StartClient is for programs that run no workspaces: there is none.
func (p *provider) StartClient(*cluster.Cluster) error { return errors.ErrUnsupported }

// Shutdown has nothing to do: System leaves the members itself.
func (p *provider) Shutdown(bool) error { return nil }

// clusterRouter asks the node that looks after a shard. When that does not
// answer, the shard is run here for the moment: the rows keep two nodes from
// harm, and the library may be wrong about who lives for a while.
type clusterRouter struct {
	system  *System
	cluster *cluster.Cluster

	mu       sync.Mutex
	underway map[domain.Shard]struct{}
}

func (r *clusterRouter) kick(shard domain.Shard) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, already := r.underway[shard]; already {
		return // if it comes too late for this kick, the scan kicks again
	}
	r.underway[shard] = struct{}{}
	go r.deliver(shard)
}

func (r *clusterRouter) deliver(shard domain.Shard) {
	answer, err := r.cluster.Request(identity(shard), workspaceKind, &messages.RemoteKick{},
		cluster.WithTimeout(time.Second), cluster.WithRetryCount(3), cluster.WithRetryAction(waitForRetry))
	r.mu.Lock()
	delete(r.underway, shard)
	r.mu.Unlock()
	kicked, _ := answer.(*messages.RemoteKicked)
	if err == nil && !kicked.GetDraining() || r.system.draining.Load() {
		return
	}
	r.system.Log.Debug("a node does not answer or drains, running its workspace here for now", "workspace", shard.Workspace, "error", err)
	root := r.system.actors.Root
	root.Send(r.system.dispatcher, messages.Kick{Shard: shard})
	root.Send(r.system.dispatcher, messages.Retire{Shard: shard})
}

// waitForRetry replaces the library's waits, which are nanoseconds.
func waitForRetry(retries int) int {
	time.Sleep(100 * time.Millisecond)
	return retries + 1
}

// shutdown ends the library's part. Its own grace is for actors that keep
// state; here everything has ended before.
func (r *clusterRouter) shutdown() {
	if err := r.cluster.Config.ClusterProvider.Shutdown(true); err != nil {
		r.system.Log.Warn("leave the cluster", "error", err)
	}
	r.cluster.Remote.Shutdown(false)
	r.system.actors.Shutdown()
}

// gate is the cluster's virtual actor for a shard. It passes kicks on to its
// node and does nothing else: the library stops gates when members come and
// go, and that must not stop work that is running.
type gate struct {
	system *System
	shard  domain.Shard
}

func (g *gate) Receive(ctx actor.Context) {
	root := ctx.ActorSystem().Root
	switch m := ctx.Message().(type) {
	case *cluster.ClusterInit:
		g.shard = shardOf(m.Identity.Identity)
		ctx.SetReceiveTimeout(g.system.IdleAfter)
	case *messages.RemoteKick:
		draining := g.system.draining.Load()
		if !draining {
			root.Send(g.system.dispatcher, messages.Kick{Shard: g.shard})
		}
		ctx.Respond(&messages.RemoteKicked{Draining: draining})
	case *actor.ReceiveTimeout:
		ctx.Stop(ctx.Self())
	case *actor.Stopping: // another node looks after the shard, or nobody has asked for long
		root.Send(g.system.dispatcher, messages.Retire{Shard: g.shard})
	case *actor.Started, *actor.Stopped, *actor.Restarting:
	default:
		logUnknown(g.system.Log, ctx)
	}
}

func shardOf(identity string) domain.Shard {
	workspace, number, _ := strings.Cut(identity, "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		n = -1 // no such shard: nothing is due in it
	}
	return domain.Shard{Workspace: domain.WorkspaceID(workspace), Number: n}
}
