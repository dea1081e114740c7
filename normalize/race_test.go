//go:build race

package normalize_test

// slower is how many times as long the race detector makes everything take, at worst.
const slower = 12
