//go:build !kubernetes

package actors

import (
	"errors"

	"github.com/asynkron/protoactor-go/cluster"
)

// kubernetesProvider is not in this binary: its client would double it.
func kubernetesProvider(*provider) (cluster.ClusterProvider, error) {
	return nil, errors.New("this binary was built without Kubernetes; build one with: go build -tags kubernetes ./cmd/docuflow")
}
