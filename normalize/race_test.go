//go:build race

package normalize_test

// slower is how many times as long the race detector makes everything take, at worst.
const slower = 12

// mostItems is how many items the longest documents of the tests have: all that are
// read, but when everything is slow.
const mostItems = 1_000
