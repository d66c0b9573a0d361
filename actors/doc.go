// Package actors says who does the work, and when. It executes, supervises
// and routes; correctness never rests on it, but on the rows: a claim with an
// epoch and a lease, fenced commits, and a scan that finds everything that is due.
//
// The supervision tree is dispatcher > workspace > mail | document > stage.
// Losing any message, any actor or the whole process costs time and nothing
// else: the lease runs out, the scan finds the row, and the stage runs again.
// Stages therefore run at least once.
//
// Receive never blocks on the database or a service: questions run beside the
// actor and come back as messages. The one exception is the stage actor, whose
// only work is to run one stage.
package actors
