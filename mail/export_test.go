package mail

// Len is the number of buckets that are kept.
func (b *Buckets) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.young) + len(b.old)
}
