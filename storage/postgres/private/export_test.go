package private

// Abandon lets go of the data directory as a killed program does, while the
// server still runs: what happens where the kernel does not end it.
func (s *Server) Abandon() { s.lock.Close() }
