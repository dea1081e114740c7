// Command sangam is the feed aggregator: the daemon that visits outlets and serves
// one merged feed, and the commands by which an operator looks after it.
//
// This package knows every constructor and wires them together. What it decides
// itself is what a person sees: commands, flags, exit statuses.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"sangam/config"
	"sangam/storage"
)

// Exit statuses; the ones above 2 are those of sysexits.h.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitTemporary = 75 // EX_TEMPFAIL: try again later, the store is in use
	exitConfig    = 78 // EX_CONFIG: config.yaml has mistakes
)

func main() {
	log.SetOutput(io.Discard) // net/http quotes there what strangers' servers say unasked
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once, for people who will not wait.
	context.AfterFunc(ctx, stop)
	status := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(status)
}

// streams are the three files of a process.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run is the program: arguments in, exit status out.
func run(ctx context.Context, args []string, std streams) int {
	root := commands(std)
	root.SetArgs(args)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, errSaid) {
		return status(err)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = errInterrupted
	}
	fmt.Fprintf(std.err, "sangam: %v\n", err)
	if hint := hint(err); hint != "" {
		fmt.Fprintln(std.err, hint)
	}
	return status(err)
}

// errSaid marks a failure whose reason has been printed already.
var errSaid = errors.New("already said")

// errInterrupted is why a command ends that gets SIGINT or SIGTERM before it is done.
var errInterrupted = errors.New("interrupted")

// said marks err as printed; it still decides the exit status.
func said(err error) error { return fmt.Errorf("%w: %w", errSaid, err) }

// usageError is a mistake in the arguments.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func status(err error) int {
	var problems config.Problems
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &problems), errors.As(err, new(badConfig)):
		return exitConfig
	case errors.Is(err, storage.ErrLocked):
		return exitTemporary
	case errors.As(err, new(usageError)):
		return exitUsage
	}
	return exitFailure
}

// hint says what to do about an error, where that is not plain from its text.
func hint(err error) string {
	var damaged *storage.Damaged
	switch {
	case errors.As(err, new(usageError)):
		return `Run "sangam help" for the commands.`
	case errors.Is(err, storage.ErrLocked):
		return "Another sangam has this store open. Stop it, or give this one a config with its own \"data\" directory."
	case errors.As(err, &damaged) && damaged.Backup != "":
		return fmt.Sprintf("The file stays as it is. \"sangam restore %s\" puts the backup in its place and keeps the damaged file aside.", damaged.Backup)
	case errors.As(err, &damaged):
		return "The file stays as it is, and there is no backup next to it or in backup.dir. Move it away to begin anew."
	case errors.As(err, new(*storage.Newer)):
		return "The file has not been touched. Run the version that wrote it, or a newer one."
	}
	return ""
}
