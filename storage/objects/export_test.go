package objects

// DropAbandoned is what opening does, with another idea of how old is too old.
var DropAbandoned = (*S3).dropAbandoned
