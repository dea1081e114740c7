//go:build race

package config

// race is set under the race detector, which makes everything take ten times as long:
// what is only large is a tenth as large then.
const race = true
