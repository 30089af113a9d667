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

// The README's screenshot is made anew with
//
//	go test ./mockserver/console -run TestScreenshot -screenshot docs/images/console.png
var screenshot = flag.String("screenshot", "", "the `file`, from the module's root, to which the screenshot is written")

// maxScreenshot is the size in bytes of a picture that is fit for the repository.
const maxScreenshot = 300 << 10

// TestScreenshot shows a whole session on one picture: deliveries that succeeded, one that fails, and a fault.
func TestScreenshot(t *testing.T) {
	t.Parallel()
	mock, r := start(t, schedule)
	failing := rehearse(t, mock, r)
	p := open(t, mock, "#/deliveries/"+failing)
	p.media(map[string]string{"prefers-color-scheme": "light", "prefers-reduced-motion": "reduce"})
	const width, height = 1440, 1400
	p.do(chromedp.EmulateViewport(width, height))
	p.until(`document.querySelector('[data-role="signed"]') && document.querySelectorAll('#rows li').length > 10`)
	p.until(`document.getElementById('fault-banner').checkVisibility()`)
	shown, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatalf("taking the screenshot: %v", err)
	}
	small := compact(t, shown)
	if got := small.config; got.Width != width || got.Height != height || len(small.png) > maxScreenshot {
		t.Fatalf("the screenshot has %d by %d pixels and %d bytes", got.Width, got.Height, len(small.png))
	}
	if *screenshot != "" {
		if err := os.WriteFile(filepath.Join("..", "..", *screenshot), small.png, 0o644); err != nil {
			t.Fatal(err)
		}
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
