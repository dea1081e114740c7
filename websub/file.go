package websub

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// load reads the subscriptions of a file.
func load(path string) (map[name]*subscription, error) {
	subs := map[name]*subscription{}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return subs, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading the hub's subscriptions: %w", err)
	}
	var list []*subscription
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("reading the hub's subscriptions in %s (it may be deleted; subscribers renew by themselves): %w", path, err)
	}
	for _, s := range list {
		if s != nil && len(subs) < maxSubscriptions {
			if methods[s.Method] == nil {
				s.Method = ""
			}
			subs[name{s.Topic, s.Callback}] = s
		}
	}
	return subs, nil
}

// save writes what has changed. A failure is logged and tried again.
func (h *Hub) save() {
	h.mu.Lock()
	if h.Share != nil {
		h.unsaved = false
	}
	if !h.unsaved {
		h.mu.Unlock()
		return
	}
	list := make([]subscription, 0, len(h.subs))
	for _, s := range h.subs {
		list = append(list, *s)
	}
	h.unsaved = false
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b subscription) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Callback, b.Callback))
	})
	if err := replace(h.File, list); err != nil {
		h.Log.Error("the hub's subscriptions are not saved", "err", err)
		h.mu.Lock()
		h.unsaved = true
		h.mu.Unlock()
	}
}

// replace writes a file whole or not at all. Secrets are in it.
func replace(path string, list []subscription) (err error) {
	text, err := json.MarshalIndent(list, "", "\t")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
