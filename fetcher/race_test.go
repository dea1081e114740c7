//go:build race

package fetcher_test

// race is whether the race detector runs, under which pools forget at random.
const race = true
