// Package objects keeps bytes under keys: in a directory on one machine
// (Directory) or in any S3 service (S3). Both give the same guarantees, and one
// contract suite holds both to them:
//
//   - Put returns nil only once the bytes are durable, and nothing is visible
//     under a key before all of it is. When the source fails, nothing is stored.
//   - Keys are written once: putting the same bytes again, even at the same
//     time, is harmless.
//   - Memory does not grow with the size of an object.
//   - A key that breaks the rules of domain.ObjectKey is refused as a permanent
//     error before anything is touched; a missing object is domain.ErrNotFound;
//     everything else that storage does wrong is temporary, of kind
//     domain.KindStorage. A full disk is recognisable:
//     errors.Is(err, syscall.ENOSPC).
//   - Errors of the source pass through Put in the chain, and are not called
//     errors of the storage.
package objects
