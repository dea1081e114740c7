//go:build !race

package normalize_test

const slower = 1
