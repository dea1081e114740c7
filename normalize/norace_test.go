//go:build !race

package normalize_test

const (
	slower    = 1
	mostItems = 10_000
)
