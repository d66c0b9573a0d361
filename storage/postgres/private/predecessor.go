package private

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const predecessorPatience = 10 * time.Second

// stopPredecessor ends a server that a killed program left behind on dataDir
// and clears its pid file away. The caller holds the directory's lock, so no
// living program uses that server.
//
// PostgreSQL judges a stale pid file by the process id alone, and a reused id
// would make it refuse to start. Here the processes themselves are looked at.
func stopPredecessor(ctx context.Context, dataDir string, log *slog.Logger) error {
	pidFile := filepath.Join(dataDir, "postmaster.pid")
	content, err := os.ReadFile(pidFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pid file of the previous PostgreSQL: %w", err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	postmaster, _ := strconv.Atoi(strings.TrimSpace(line)) // 0 when damaged: then nobody has it

	if err := awaitEnd(ctx, dataDir, postmaster, log); err != nil {
		return fmt.Errorf("the previous PostgreSQL on %s still runs (process %d): %w", dataDir, postmaster, err)
	}
	if err := os.Remove(pidFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("pid file of the previous PostgreSQL: %w", err)
	}
	return nil
}

// awaitEnd asks the postmaster to stop and waits until it and all its sessions
// are gone; those that do not go in time are told more firmly.
func awaitEnd(ctx context.Context, dataDir string, postmaster int, log *slog.Logger) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	patience := time.After(predecessorPatience)
	asked := false
	for {
		running, err := serverProcesses(dataDir, postmaster)
		if err != nil || len(running) == 0 {
			return err
		}
		if !asked && slices.Contains(running, postmaster) {
			log.Info("stopping the PostgreSQL that a killed program left behind", slog.Int("pid", postmaster))
			syscall.Kill(postmaster, fastShutdown) //nolint:errcheck // gone already is fine
			asked = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience:
			for _, pid := range running {
				syscall.Kill(pid, immediateShutdown) //nolint:errcheck // as above
			}
		case <-tick.C:
		}
	}
}
