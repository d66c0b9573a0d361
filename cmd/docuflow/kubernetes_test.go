//go:build kubernetes

package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// kubernetesAPI speaks as much of Kubernetes' API as the nodes use: it gets
// and patches pods, and streams their changes.
type kubernetesAPI struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	pods    map[string]*pod
	changed chan struct{} // closed and replaced at every change
	version int
}

// pod is what the nodes read of v1.Pod.
type pod struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	Metadata   struct {
		Name            string            `json:"name"`
		Namespace       string            `json:"namespace"`
		UID             string            `json:"uid"`
		ResourceVersion string            `json:"resourceVersion"`
		Labels          map[string]string `json:"labels"`
	} `json:"metadata"`
	Status struct {
		Phase             string              `json:"phase"`
		PodIP             string              `json:"podIP"`
		PodIPs            []map[string]string `json:"podIPs"`
		ContainerStatuses []containerStatus   `json:"containerStatuses"`
	} `json:"status"`
	version int
}

type containerStatus struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
}

const (
	podNamespace = "documents"
	podToken     = "service-account-token"
	podsPath     = "/api/v1/namespaces/" + podNamespace + "/pods"
)

func newKubernetesAPI(t *testing.T, names ...string) *kubernetesAPI {
	t.Helper()
	k := &kubernetesAPI{t: t, pods: map[string]*pod{}, changed: make(chan struct{})}
	for _, name := range names {
		p := &pod{Kind: "Pod", APIVersion: "v1"}
		p.Metadata.Name, p.Metadata.Namespace, p.Metadata.UID = name, podNamespace, "uid-"+name
		p.Metadata.Labels = map[string]string{"app": "docuflow"}
		p.Status.Phase, p.Status.PodIP, p.Status.PodIPs = "Running", "127.0.0.1", []map[string]string{{"ip": "127.0.0.1"}}
		p.Status.ContainerStatuses = []containerStatus{{"docuflow", true}}
		k.pods[name] = p
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+podsPath+"/{name}", k.get)
	mux.HandleFunc("PATCH "+podsPath+"/{name}", k.patch)
	mux.HandleFunc("GET "+podsPath, k.watch)
	k.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+podToken {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { k.CloseClientConnections(); k.Close() })
	return k
}

// change alters a pod and tells who watches.
func (k *kubernetesAPI) change(name string, f func(*pod)) (after pod, found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, found := k.pods[name]
	if !found {
		return pod{}, false
	}
	f(p)
	k.version++
	p.version, p.Metadata.ResourceVersion = k.version, fmt.Sprint(k.version)
	close(k.changed)
	k.changed = make(chan struct{})
	return p.copy(), true
}

func (p *pod) copy() pod {
	c := *p
	c.Metadata.Labels = map[string]string{}
	for key, value := range p.Metadata.Labels {
		c.Metadata.Labels[key] = value
	}
	c.Status.ContainerStatuses = append([]containerStatus(nil), p.Status.ContainerStatuses...)
	return c
}

func (k *kubernetesAPI) labels(name string) map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pods[name].copy().Metadata.Labels
}

func (k *kubernetesAPI) get(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	p, found := k.pods[r.PathValue("name")]
	var answer pod
	if found {
		answer = p.copy()
	}
	k.mu.Unlock()
	k.answer(w, answer, found)
}

func (k *kubernetesAPI) answer(w http.ResponseWriter, p pod, found bool) {
	w.Header().Set("Content-Type", "application/json")
	if !found {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		return
	}
	json.NewEncoder(w).Encode(p)
}

// patch knows the two kinds that are used: RFC 7386 and RFC 6902, of labels.
func (k *kubernetesAPI) patch(w http.ResponseWriter, r *http.Request) {
	var alter func(map[string]string) map[string]string
	switch r.Header.Get("Content-Type") {
	case "application/merge-patch+json":
		var patch struct {
			Metadata struct{ Labels map[string]*string }
		}
		if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		alter = func(labels map[string]string) map[string]string {
			for key, value := range patch.Metadata.Labels {
				if value == nil {
					delete(labels, key)
				} else {
					labels[key] = *value
				}
			}
			return labels
		}
	case "application/json-patch+json":
		var patch []struct {
			Op, Path string
			Value    map[string]string
		}
		if err := json.NewDecoder(r.Body).Decode(&patch); err != nil || len(patch) != 1 || patch[0].Op != "replace" || patch[0].Path != "/metadata/labels" {
			http.Error(w, "not understood", http.StatusUnprocessableEntity)
			return
		}
		alter = func(map[string]string) map[string]string { return patch[0].Value }
	default:
		http.Error(w, "media type", http.StatusUnsupportedMediaType)
		return
	}
	p, found := k.change(r.PathValue("name"), func(p *pod) { p.Metadata.Labels = alter(p.Metadata.Labels) })
	k.answer(w, p, found)
}

// watch streams the pods that have a label, and those that lose it.
func (k *kubernetesAPI) watch(w http.ResponseWriter, r *http.Request) {
	key, value, _ := strings.Cut(r.URL.Query().Get("labelSelector"), "=")
	w.Header().Set("Content-Type", "application/json")
	seen := map[string]int{}
	for {
		k.mu.Lock()
		changed := k.changed
		var events []any
		for name, p := range k.pods {
			version, known := seen[name]
			selected := p.Metadata.Labels[key] == value
			event := ""
			switch {
			case selected && !known:
				event = "ADDED"
			case !selected && known:
				event = "DELETED"
			case selected && p.version != version:
				event = "MODIFIED"
			default:
				continue
			}
			if seen[name] = p.version; !selected {
				delete(seen, name)
			}
			events = append(events, map[string]any{"type": event, "object": p.copy()})
		}
		k.mu.Unlock()
		for _, event := range events {
			json.NewEncoder(w).Encode(event)
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}

// pod starts a node that sees what a process in a pod sees: the pod's name as
// host name, the API's address in its environment, and the service account's files.
func (n *nodes) pod(k *kubernetesAPI, name string) *program {
	n.t.Helper()
	account := filepath.Join(n.dir, "account")
	if err := os.MkdirAll(account, 0o700); err != nil {
		n.t.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate().Raw})
	for file, content := range map[string][]byte{"namespace": []byte(podNamespace), "token": []byte(podToken), "ca.crt": authority} {
		write(n.t, filepath.Join(account, file), content)
	}
	host, port, err := net.SplitHostPort(k.Listener.Addr().String())
	if err != nil {
		n.t.Fatal(err)
	}
	n.within = []string{"unshare", "--mount", "--uts", "sh", "-ec", `hostname "$1"
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
cp "$2"/* /run/secrets/kubernetes.io/serviceaccount
exec "$3" serve`, "sh", name, account}
	defer func() { n.within = nil }()
	return n.start(name, "DOCUFLOW_CLUSTER=kubernetes", "KUBERNETES_SERVICE_HOST="+host, "KUBERNETES_SERVICE_PORT="+port)
}

// Pods find each other through Kubernetes; a pod whose node is given up by the
// others ends itself by its row, and a new process of the same pod is let in again.
func TestKubernetes(t *testing.T) {
	if err := exec.CommandContext(t.Context(), "unshare", "--mount", "--uts", "true").Run(); err != nil {
		missing(t, "the right to make namespaces: "+err.Error())
	}
	n := newNodes(t)
	k := newKubernetesAPI(t, "a", "b")
	k.change("a", func(p *pod) { p.Metadata.Labels["cluster.proto.actor/member-id"] = "of an earlier process" })
	var tenants []access
	for _, name := range []string{"Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gum", "Hazel"} {
		tenants = append(tenants, n.workspace(name))
	}
	a, b := n.pod(k, "a"), n.pod(k, "b")
	registered := func(name string) string {
		labels := k.labels(name)
		if labels["cluster.proto.actor/cluster"] != "docuflow" || labels["cluster.proto.actor/kind-workspace"] != "true" || labels["app"] != "docuflow" {
			return ""
		}
		return labels["cluster.proto.actor/member-id"]
	}
	a.until("both pods are registered", func() bool { return registered("a") != "" && registered("b") != "" })
	if registered("a") == "of an earlier process" {
		t.Error("the member id of an earlier process was kept")
	}
	sent := 0
	mailAll := func() {
		t.Helper()
		for _, tenant := range tenants {
			sent++
			n.mailTo(a, tenant, fmt.Sprintf("K-%d", sent))
		}
		a.until("all documents are completed", func() bool { return n.completed() == sent })
	}
	routed := func() int { return strings.Count(a.output.String(), "a node does not answer or drains") }
	byB := func() int { return n.count("SELECT count(*) FROM attempts WHERE node = 'b'") }
	a.until("kicks reach the other pod", func() bool {
		worked, lost := byB(), routed()
		mailAll()
		return byB() > worked && routed() == lost
	})

	first := registered("b")
	n.exec("DELETE FROM cluster_members WHERE node = 'b'") // as the others do after a long silence
	b.until("the node ends itself", func() bool {
		select {
		case <-b.ended:
			return true
		default:
			return false
		}
	})
	if code := b.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	mailAll()
	b = n.pod(k, "b")
	b.until("the pod is registered anew", func() bool { id := registered("b"); return id != "" && id != first })
	a.until("kicks reach the other pod again", func() bool {
		worked, lost := byB(), routed()
		mailAll()
		return byB() > worked && routed() == lost
	})
	if members := n.members(); len(members) != 2 {
		t.Errorf("members: %q", members)
	}
}
