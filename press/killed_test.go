package press

import (
	"bufio"
	"context"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// liveUntilKilled is a process with a press that is busy.
func liveUntilKilled(parent, file string) {
	press, err := New(Config{TempDir: parent, CacheDir: testCache()})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() {
		for {
			_, _ = press.Read(context.Background(), someone, file)
		}
	}()
	// The second child of this job is tesseract, which has to die, too.
	for !strings.Contains(strings.Join(jobsIn(parent), " "), "tesseract") {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println("busy")
	select {}
}

// jobsIn lists the command lines of the processes that work in a directory.
func jobsIn(parent string) (commands []string) {
	processes, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, process := range processes {
		dir, err := os.Readlink(process)
		if err != nil || !strings.HasPrefix(dir, parent) {
			continue
		}
		if line, err := os.ReadFile(filepath.Join(filepath.Dir(process), "cmdline")); err == nil && len(line) > 0 {
			commands = append(commands, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return commands
}

func TestNothingOutlivesAKilledParent(t *testing.T) {
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		t.Skip("SKIPPED: no /proc to find processes in")
	}
	newPress(t, nil) // skips without the tools
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	command := exec.Command(own, "live-until-killed", parent, write(t, "in.png", encodedPNG(t, image.NewGray(image.Rect(0, 0, 5000, 5000)))))
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(output).ReadString('\n')
	if line != "busy\n" {
		t.Fatalf("it said %q", line)
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for len(jobsIn(parent)) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("still running: %q", jobsIn(parent))
		}
		time.Sleep(10 * time.Millisecond)
	}
	newPress(t, func(c *Config) { c.TempDir = parent })
	if areas, _ := filepath.Glob(filepath.Join(parent, areaPrefix+"*")); len(areas) != 1 {
		t.Errorf("there are %q, want the new one alone", areas)
	}
}
