package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go/jetstream"

	"sangam/storage"
)

var noPosition storage.Position

const (
	// snapshotsKept is how many are kept: the newest, and the one that somebody may be reading.
	snapshotsKept = 2
	// snapshotTime bounds how long sending or fetching one may take.
	snapshotTime = 2 * time.Hour
)

// What is said of a snapshot.
const (
	seqKey   = "sangam-seq"
	logKey   = "sangam-log"
	rulesKey = "sangam-rules"
	nodeKey  = "sangam-node"
	sizeKey  = "sangam-size"
)

// errNoSnapshot says that there is none that this node could start from.
var errNoSnapshot = errors.New("there is no snapshot to start from yet; one is made soon after the first node has joined")

// SnapshotInfo is a snapshot in the object store.
type SnapshotInfo struct {
	Seq   uint64    `json:"seq"` // up to which the log is in it
	At    time.Time `json:"at"`
	Node  string    `json:"node"`  // who made it
	Bytes uint64    `json:"bytes"` // as kept, packed
	Rules string    `json:"rules"`
	log   string
	name  string
}

// listSnapshots lists the snapshots of this log, the newest first.
func (n *Node) listSnapshots(ctx context.Context, eng *engine) ([]SnapshotInfo, error) {
	infos, err := eng.snapshots.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the snapshots: %w", err)
	}
	var list []SnapshotInfo
	for _, o := range infos {
		seq, err := strconv.ParseUint(o.Metadata[seqKey], 10, 64)
		if err != nil || o.Metadata[logKey] != eng.identity {
			continue
		}
		list = append(list, SnapshotInfo{
			Seq: seq, At: o.ModTime.UTC(), Node: o.Metadata[nodeKey], Bytes: o.Size, Rules: o.Metadata[rulesKey], log: o.Metadata[logKey], name: o.Name,
		})
	}
	slices.SortFunc(list, func(a, b SnapshotInfo) int { return b.At.Compare(a.At) })
	return list, nil
}

// takeSnapshot backs the store up into the object store, and drops the oldest ones there.
func (n *Node) takeSnapshot(ctx context.Context, eng *engine) error {
	ctx, cancel := context.WithTimeout(ctx, snapshotTime)
	defer cancel()
	file := filepath.Join(n.Dir, "snapshot.out")
	defer os.Remove(file)
	if err := n.Store.Backup(ctx, file, nil); err != nil {
		return err
	}
	pos, err := storage.PositionOf(file)
	if err != nil {
		return err
	}
	if pos.Log != eng.identity {
		return fmt.Errorf("the store follows %s", pos)
	}
	rules := n.Rules
	if charter, err := underTerms(pos); err != nil {
		return err
	} else if charter != nil {
		rules = charter.Rules
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	packed, w := io.Pipe()
	defer packed.Close()
	go func() { // ends when all is read, or when packed is closed
		z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err == nil {
			_, err = io.Copy(z, f)
			err = errors.Join(err, z.Close())
		}
		_ = w.CloseWithError(err)
	}()
	_, err = eng.snapshots.Put(ctx, jetstream.ObjectMeta{
		Name: fmt.Sprintf("%020d-%s", pos.Seq, n.id),
		Metadata: map[string]string{
			seqKey: strconv.FormatUint(pos.Seq, 10), logKey: pos.Log, rulesKey: rules, nodeKey: n.Node, sizeKey: strconv.FormatInt(info.Size(), 10),
		},
	}, packed)
	if err != nil {
		return fmt.Errorf("send the snapshot: %w", err)
	}
	n.Log.Info("cluster: a snapshot was made", "entry", pos.Seq, "bytes", info.Size())
	return n.dropSnapshots(ctx, eng)
}

func (n *Node) dropSnapshots(ctx context.Context, eng *engine) error {
	list, err := n.listSnapshots(ctx, eng)
	if err != nil || len(list) <= snapshotsKept {
		return err
	}
	for _, old := range list[snapshotsKept:] {
		err = errors.Join(err, eng.snapshots.Delete(ctx, old.name))
	}
	return err
}

// restore puts the newest snapshot in the place of the store, if one was taken between two entries.
func (n *Node) restore(ctx context.Context, eng *engine, from, to uint64, why string) (storage.Position, error) {
	list, err := n.listSnapshots(ctx, eng)
	if err != nil {
		return noPosition, err
	}
	fits := func(s SnapshotInfo) bool { return from <= s.Seq && s.Seq <= to }
	i := slices.IndexFunc(list, func(s SnapshotInfo) bool { return fits(s) && s.Rules == n.Rules })
	if i < 0 && slices.ContainsFunc(list, fits) {
		return noPosition, fmt.Errorf("the snapshots were made by other rules than those of this program and configuration (%s): %w", n.Rules, errNoSnapshot)
	}
	if i < 0 {
		return noPosition, errNoSnapshot
	}
	n.set(func(s *Standing) { s.Phase, s.Problem = CatchingUp, "fetching a snapshot" })
	n.Log.Info("cluster: the store becomes a snapshot", "because", why, "entry", list[i].Seq, "from", list[i].Node, "bytes", list[i].Bytes)
	ctx, cancel := context.WithTimeout(ctx, snapshotTime)
	defer cancel()
	file := filepath.Join(n.Dir, "snapshot.in")
	defer os.Remove(file)
	if err := fetchSnapshot(ctx, eng, list[i].name, file); err != nil {
		return noPosition, fmt.Errorf("fetch the snapshot: %w", err)
	}
	aside, err := n.Store.Restore(ctx, file, nil)
	if err != nil {
		return noPosition, err
	}
	if aside != "" {
		if err := os.Remove(aside); err != nil { // it was a copy of what the cluster holds, or empty
			n.Log.Warn("cluster: the old store could not be removed", "err", err)
		}
	}
	n.stuck.Store(false)
	return n.Store.Position(ctx)
}

func fetchSnapshot(ctx context.Context, eng *engine, name, file string) (err error) {
	object, err := eng.snapshots.Get(ctx, name)
	if err != nil {
		return err
	}
	defer object.Close()
	z, err := zstd.NewReader(object, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, z)
	return errors.Join(err, object.Error(), f.Close())
}
