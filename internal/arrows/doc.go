// Package arrows holds no code, only the test that keeps the program's packages
// pointing one way: which of them may import which, and which alone knows a
// given library.
package arrows
