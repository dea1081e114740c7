//go:build race

package storage_test

// raced says that the race detector is on, under which everything takes ten times as
// long: tests then do less of the same.
const raced = true
