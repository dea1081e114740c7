package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"net"
	"net/http"
	"strings"
	"time"
)

// pictures is a server on this machine for the pictures of the demo's stories: calm
// landscapes, drawn from their names.
type pictures struct{ listener net.Listener }

// openPictures begins to listen; serve answers.
func openPictures() (*pictures, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the demo's pictures: %w", err)
	}
	return &pictures{l}, nil
}

// address is where the picture of a name is.
func (p *pictures) address(name string) string {
	return fmt.Sprintf("http://%s/%s.jpg", p.listener.Addr(), name)
}

// serve answers until ctx ends.
func (p *pictures) serve(ctx context.Context) error {
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Cache-Control", "public, max-age=86400")
		_, _ = w.Write(landscape(strings.Trim(r.URL.Path, "/"))) // the browser may have left
	})}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// landscape draws a sky, a sun and four ranges of hills, the nearer the darker. The
// name decides the time of day and the shape of the hills.
func landscape(name string) []byte {
	const width, height = 720, 480
	seed := 0.0
	for i, c := range name {
		seed += float64(c) * math.Sqrt(float64(i+2))
	}
	part := func(n float64) float64 { _, f := math.Modf(seed * n); return f }
	skies := [][2]color.RGBA{ // above, below
		{{54, 96, 122, 255}, {240, 208, 168, 255}},
		{{38, 70, 96, 255}, {226, 150, 122, 255}},
		{{110, 158, 170, 255}, {238, 230, 206, 255}},
		{{62, 110, 116, 255}, {214, 222, 196, 255}},
	}
	sky := skies[int(part(.137)*float64(len(skies)))]
	near := color.RGBA{18, 46, 54, 255}
	mix := func(a, b color.RGBA, t float64) color.RGBA {
		c := func(x, y uint8) uint8 { return uint8(float64(x) + (float64(y)-float64(x))*t) }
		return color.RGBA{c(a.R, b.R), c(a.G, b.G), c(a.B, b.B), 255}
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	sunX, sunY, sunSize := width*(.2+.6*part(.311)), height*(.28+.14*part(.733)), 26+14*part(.9)
	for x := range width {
		var ridges [4]float64
		for i := range ridges {
			f, w := float64(i), float64(x)/width
			ridges[i] = height*(.52+.12*f) - 40*math.Sin(w*(3+2*f)+seed+f*1.7)*part(.21+.1*f) - 14*math.Sin(w*(9+4*f)+seed*1.3+f)
		}
		for y := range height {
			c := mix(sky[0], sky[1], math.Min(1, float64(y)/(height*.62)))
			if d := math.Hypot(float64(x)-sunX, float64(y)-sunY) - sunSize; d < 60 {
				c = mix(color.RGBA{255, 246, 226, 255}, c, math.Min(1, math.Max(0, d/60)*.6+math.Min(1, math.Max(0, d))*.4))
			}
			for i, top := range ridges {
				if float64(y) > top {
					c = mix(sky[1], near, .28+.22*float64(i))
				}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 82}); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}
