package parser

import "strings"

// address is an address cut into its parts (RFC 3986, appendix B), none of them
// decoded: an address that is absolute already goes through byte for byte.
type address struct {
	scheme, authority, path, query, fragment string
	hasAuthority, hasQuery, hasFragment      bool
}

func split(s string) (a address) {
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s, a.fragment, a.hasFragment = s[:i], s[i+1:], true
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s, a.query, a.hasQuery = s[:i], s[i+1:], true
	}
	if n := schemeLength(s); n > 0 {
		a.scheme, s = s[:n], s[n+1:]
	}
	if strings.HasPrefix(s, "//") {
		a.hasAuthority = true
		s = s[2:]
		end := strings.IndexByte(s, '/')
		if end < 0 {
			end = len(s)
		}
		a.authority, s = s[:end], s[end:]
	}
	a.path = s
	return a
}

func (a address) String() string {
	var out strings.Builder
	if a.scheme != "" {
		out.WriteString(a.scheme)
		out.WriteByte(':')
	}
	if a.hasAuthority {
		out.WriteString("//")
		out.WriteString(a.authority)
	}
	out.WriteString(a.path)
	if a.hasQuery {
		out.WriteByte('?')
		out.WriteString(a.query)
	}
	if a.hasFragment {
		out.WriteByte('#')
		out.WriteString(a.fragment)
	}
	return out.String()
}

// schemeLength is the length of the scheme that s begins with; 0 = none.
func schemeLength(s string) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		case c == ':' && i > 0:
			return i
		default:
			return 0
		}
	}
	return 0
}

// resolve makes ref absolute against base (RFC 3986, 5.2). Letters beyond ASCII
// and odd escapes stay as written. Without a usable base, ref comes back as it is.
func resolve(base, ref string) string {
	ref = clean(ref)
	if ref == "" || schemeLength(ref) > 0 {
		return ref
	}
	b := split(base)
	if b.scheme == "" && b.authority == "" && b.path == "" {
		return ref
	}
	r := split(ref)
	t := address{scheme: b.scheme, fragment: r.fragment, hasFragment: r.hasFragment}
	switch {
	case r.hasAuthority:
		t.authority, t.hasAuthority = r.authority, true
		t.path, t.query, t.hasQuery = dots(r.path), r.query, r.hasQuery
		return t.String()
	case r.path == "":
		t.path, t.query, t.hasQuery = b.path, b.query, b.hasQuery
		if r.hasQuery {
			t.query, t.hasQuery = r.query, true
		}
	case strings.HasPrefix(r.path, "/"):
		t.path, t.query, t.hasQuery = dots(r.path), r.query, r.hasQuery
	default:
		t.path, t.query, t.hasQuery = dots(merge(b, r.path)), r.query, r.hasQuery
	}
	t.authority, t.hasAuthority = b.authority, b.hasAuthority
	return t.String()
}

// merge is RFC 3986, 5.2.3.
func merge(b address, path string) string {
	if b.hasAuthority && b.path == "" {
		return "/" + path
	}
	return b.path[:strings.LastIndexByte(b.path, '/')+1] + path
}

// dots removes "." and ".." segments (RFC 3986, 5.2.4).
func dots(path string) string {
	if !strings.Contains(path, "/.") && !strings.HasPrefix(path, ".") {
		return path
	}
	rooted := strings.HasPrefix(path, "/")
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	kept := segments[:0]
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".":
			if last {
				kept = append(kept, "")
			}
		case "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, s)
		}
	}
	out := strings.Join(kept, "/")
	if rooted {
		out = "/" + out
	}
	return out
}

// clean takes off the white space around an address, and line breaks and tabs in
// it, as browsers do.
func clean(s string) string {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "\t\r\n") {
		s = strings.Map(func(r rune) rune {
			if r == '\t' || r == '\r' || r == '\n' {
				return -1
			}
			return r
		}, s)
	}
	return s
}

// rebase is the base inside an element with that xml:base. One that no page can be
// at is passed over.
func rebase(base, inner string) string {
	inner = clean(inner)
	if inner == "" {
		return base
	}
	abs := resolve(base, inner)
	if n := schemeLength(abs); n > 0 {
		if scheme := lower(abs[:n]); scheme != "http" && scheme != "https" {
			return base
		}
		if a := split(abs); a.authority == "" {
			return base
		}
	}
	abs, _, _ = strings.Cut(abs, "#")
	return abs
}
