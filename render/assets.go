package render

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// Asset is a file that pages and feeds need: a stylesheet, a font, an icon.
type Asset struct {
	Name string // with a piece of its hash: a name never gets another content
	Type string // media type
	Body []byte
}

// assets holds every asset by its plain name, byHash by the name it is served under.
var assets, byHash = loadAssets()

// AssetNamed returns the asset that is served under a name.
func AssetNamed(name string) (Asset, bool) {
	a, ok := byHash[name]
	return a, ok
}

// AssetName returns the name under which an asset of this package is served, as
// in "style.css" → "style.1f2e3d4c5b6a.css".
func AssetName(plain string) string { return assets[plain].Name }

func loadAssets() (plain, hashed map[string]Asset) {
	plain, hashed = map[string]Asset{}, map[string]Asset{}
	files, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // built into the binary
	}
	var sheets []string
	keep := func(name string, body []byte) {
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		a := Asset{Name: strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext, Type: assetType(ext), Body: body}
		plain[name], hashed[a.Name] = a, a
	}
	read := func(name string) []byte {
		body, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic(err)
		}
		return body
	}
	for _, f := range files {
		if path.Ext(f.Name()) == ".css" {
			sheets = append(sheets, f.Name())
			continue
		}
		keep(f.Name(), read(f.Name()))
	}
	for _, name := range sheets { // after what they name
		css := string(read(name))
		for other, a := range plain {
			css = strings.ReplaceAll(css, "url("+other+")", "url("+a.Name+")")
		}
		keep(name, []byte(css))
	}
	return plain, hashed
}

// assetType is the media type of what is embedded. The tables of the system that package
// mime reads take a megabyte, and may say something else elsewhere.
func assetType(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".png":
		return "image/png"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".ico":
		return "image/x-icon"
	case ".js":
		return "text/javascript; charset=utf-8" // RFC 9239
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	panic("no media type for " + ext)
}
