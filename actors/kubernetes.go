//go:build kubernetes

package actors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/asynkron/protoactor-go/cluster"
	"github.com/asynkron/protoactor-go/cluster/clusterproviders/k8s"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/docuflow/docuflow/domain"
)

// pods takes the members from Kubernetes: the pods with the library's labels
// that are ready. They decide only where kicks go. Who lives is said by the
// rows alone: every pod beats, and one whose row is gone ends itself. It
// satisfies cluster.ClusterProvider.
type pods struct {
	*k8s.Provider
	rows *provider
	api  *rest.Config
}

// kubernetesProvider finds the API by what Kubernetes gives to every pod.
func kubernetesProvider(rows *provider) (cluster.ClusterProvider, error) {
	api, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("find the Kubernetes API: %w", err)
	}
	library, err := k8s.NewWithConfig(api)
	if err != nil {
		return nil, fmt.Errorf("make a client for Kubernetes: %w", err)
	}
	return &pods{Provider: library, rows: rows, api: api}, nil
}

// StartMember joins the rows first: a pod that cannot beat must get no kicks.
func (p *pods) StartMember(c *cluster.Cluster) error {
	if err := p.forgetPredecessor(p.rows.ctx); err != nil {
		return err
	}
	if err := p.rows.join(c, func([]domain.Member) {}); err != nil {
		return err
	}
	return p.Provider.StartMember(c)
}

// forgetPredecessor removes the labels that an earlier process of this pod has
// left. The library would keep its member id, which the other nodes never
// take back.
func (p *pods) forgetPredecessor(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, err := kubernetes.NewForConfig(p.api)
	if err != nil {
		return fmt.Errorf("make a client for Kubernetes: %w", err)
	}
	namespace, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if err != nil {
		return fmt.Errorf("find this pod's namespace: %w", err)
	}
	name, err := os.Hostname() // as the library finds its pod
	if err != nil {
		return errors.New("this pod has no host name")
	}
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:null,%q:null,%q:null}}}`, k8s.LabelMemberID, k8s.LabelPort, k8s.LabelCluster)
	_, err = client.CoreV1().Pods(string(namespace)).Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("prepare the labels of pod %s: %w", name, err)
	}
	return nil
}
