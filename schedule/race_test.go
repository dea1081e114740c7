//go:build race

package schedule_test

// hours of the simulated day: the race detector makes an hour cost as much as six.
const hours = 5
