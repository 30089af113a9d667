package console_test

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// The screenshots are made anew with
//
//	go test ./mockserver/console -run TestScreenshots -screenshots docs/images
var screenshots = flag.String("screenshots", "", "the `directory`, from the module's root, to which the screenshots are written")

// maxScreenshot keeps what goes into the repository small.
const maxScreenshot = 300 << 10

func TestScreenshots(t *testing.T) {
	mock, r := start(t, schedule)
	failing := rehearse(t, mock, r)
	browser := startBrowser(t)
	shots := []struct {
		name          string
		width, height int64
		scheme, hash  string
		ready         string
	}{
		{"console", 1440, 1400, "light", "#/deliveries/" + failing, `document.querySelector('[data-role="signed"]')`},
		{"console-dark", 1440, 940, "dark", "#/deliveries/" + failing, `document.querySelector('[data-role="signed"]')`},
		{"console-narrow", 360, 800, "light", "#/deliveries", `document.querySelectorAll('#rows li').length > 5`},
		{"console-narrow-detail", 360, 1600, "dark", "#/deliveries/" + failing, `document.querySelector('[data-role="signed"]')`},
		{"console-faults", 1440, 940, "light", "#/faults", `document.querySelector('#fault-list li')`},
		{"console-agents", 1440, 940, "dark", "#/agents", `document.querySelector('#agent-list form')`},
	}
	for _, shot := range shots {
		t.Run(shot.name, func(t *testing.T) {
			p := open(t, browser, mock, shot.hash)
			p.media(map[string]string{"prefers-color-scheme": shot.scheme, "prefers-reduced-motion": "reduce"})
			p.do(chromedp.EmulateViewport(shot.width, shot.height))
			p.until(shot.ready)
			shown, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatalf("taking the screenshot: %v", err)
			}
			small := compact(t, shown)
			if width := small.config.Width; int64(width) != shot.width || len(small.png) > maxScreenshot {
				t.Fatalf("the screenshot is %d pixels wide and has %d bytes; want %d and at most %d", width, len(small.png), shot.width, maxScreenshot)
			}
			if *screenshots != "" {
				if err := os.WriteFile(filepath.Join("..", "..", *screenshots, shot.name+".png"), small.png, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// paletteOf picks at most 256 colors: of those that look alike, the one that is used most.
func paletteOf(uses map[color.Color]int) (palette color.Palette) {
	alike := map[[3]uint32]bool{}
	for _, c := range slices.SortedFunc(maps.Keys(uses), func(a, b color.Color) int { return cmp.Compare(uses[b], uses[a]) }) {
		r, g, b, _ := c.RGBA()
		group := [3]uint32{r >> 11, g >> 11, b >> 11}
		if !alike[group] && len(palette) < 256 {
			alike[group] = true
			palette = append(palette, c)
		}
	}
	return palette
}

// picture is an encoded image and its size.
type picture struct {
	png    []byte
	config image.Config
}

// compact writes a screenshot with 256 colors, which are all that anyone sees of a page of text.
func compact(t *testing.T, shown []byte) (p picture) {
	t.Helper()
	decoded, err := png.Decode(bytes.NewReader(shown))
	if err != nil {
		t.Fatalf("the screenshot is no PNG: %v", err)
	}
	bounds := decoded.Bounds()
	uses := map[color.Color]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			uses[decoded.At(x, y)]++
		}
	}
	few := image.NewPaletted(bounds, paletteOf(uses))
	nearest := make(map[color.Color]uint8, len(uses))
	for c := range uses {
		nearest[c] = uint8(few.Palette.Index(c))
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			few.SetColorIndex(x, y, nearest[decoded.At(x, y)])
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few); err != nil {
		t.Fatalf("encoding the screenshot: %v", err)
	}
	p.png = out.Bytes()
	if p.config, err = png.DecodeConfig(bytes.NewReader(p.png)); err != nil {
		t.Fatalf("reading the screenshot again: %v", err)
	}
	return p
}
