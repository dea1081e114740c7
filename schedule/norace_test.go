//go:build !race

package schedule_test

// hours of the simulated day.
const hours = 24
