//go:build !race

package config

const race = false
