package press

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func nobodyOrSelf() int {
	if os.Getuid() == 0 {
		return nobody
	}
	return 0
}

// What a child gave up is gone for the programs that it starts too.
func TestConfinement(t *testing.T) {
	if raced {
		t.Skip("SKIPPED: no memory limits under the race detector")
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(own, "try-network").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, want := range []string{"listen: listen tcp 127.0.0.1:0: socket: permission denied", "Max core file size        0 ", "Max open files            128 ", "Max cpu time              60 ", "Max data size             1073741824 "} {
		if !strings.Contains(string(output), want) {
			t.Errorf("no %q in\n%s", want, output)
		}
	}
	if os.Getuid() == 0 && !strings.Contains(string(output), "uid: 65534") {
		t.Errorf("still root:\n%s", output)
	}
}
