package press

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// pdfiumMemoryPages bounds what pdfium may allocate, in WebAssembly pages of
// 64 KiB: 512 MiB, which can be doubled for a moment when it grows.
const pdfiumMemoryPages = 8 << 10

// openPdfium starts pdfium inside this process, as WebAssembly without any
// file system: documents are handed to it as bytes. Compiling it takes more
// than ten seconds; the machine code is kept in cacheDir, and with it the
// start takes a fraction of a second. With an empty cacheDir nothing is kept.
// The instance is for one goroutine at a time.
func openPdfium(cacheDir string) (pdfium.Pdfium, io.Closer, error) {
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(pdfiumMemoryPages)
	if cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
		if err != nil {
			return nil, nil, fmt.Errorf("open the compilation cache %s: %w", cacheDir, err)
		}
		config = config.WithCompilationCache(cache)
	}
	pool, err := webassembly.Init(webassembly.Config{
		Context:       context.Background(),
		MinIdle:       1,
		MaxIdle:       1,
		MaxTotal:      1,
		FSConfig:      wazero.NewFSConfig(), // nil would mount the host's root
		RuntimeConfig: config,
		Stdout:        io.Discard,
		Stderr:        io.Discard,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("start pdfium: %w", err)
	}
	instance, err := pool.GetInstance(time.Minute)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start pdfium: %w", err), pool.Close())
	}
	return instance, pool, nil
}
