//go:build !kubernetes

package main

import (
	"bytes"
	"strings"
	"testing"
)

// The usual binary has no Kubernetes client, and says how to get one that has.
func TestUsualBinaryRefusesKubernetes(t *testing.T) {
	n := newNodes(t)
	for name, value := range map[string]string{
		"DATABASE_URL": n.login, "DOCUFLOW_CLUSTER": "kubernetes", "DOCUFLOW_CLUSTER_ADDR": freeAddr(t), "DOCUFLOW_DATA_DIR": t.TempDir(),
		"DOCUFLOW_COOKIE_KEY": "a cookie key for tests, of 32 and more", "DOCUFLOW_HTTP_ADDR": freeAddr(t), "DOCUFLOW_SMTP_ADDR": freeAddr(t), "DOCUFLOW_ADMIN_ADDR": freeAddr(t),
	} {
		t.Setenv(name, value)
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{"serve"}, &out, &out)
	if err == nil || !strings.Contains(err.Error(), "go build -tags kubernetes") {
		t.Fatalf("%v", err)
	}
}
