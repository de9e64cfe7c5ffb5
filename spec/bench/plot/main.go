// Command plot draws what `cordon bench --json` says: plot < results.json > results.svg.
// Each figure is a bar: how many times better than required it is, on a scale of
// logarithms; to the left of the line it is worse.
package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math"
	"os"
)

// result is one line of cordon.bench/1.
type result struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Limit     float64 `json:"limit"`
	LimitName string  `json:"limit_name"`
	Ratio     float64 `json:"ratio"`
	Want      float64 `json:"want"`
	AtMost    bool    `json:"at_most"`
}

// better is how many times better than required: 1 is as required.
func (r result) better() float64 {
	if r.AtMost {
		return r.Want / r.Ratio
	}
	return r.Ratio / r.Want
}

// Pixels of the drawing.
const (
	width  = 960
	row    = 46
	top    = 30
	middle = width / 2
	tenth  = 200 // from the line to ten times better
)

func main() {
	if err := draw(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func draw(in io.Reader, out io.Writer) error {
	var view struct {
		Results []result `json:"results"`
	}
	if err := json.NewDecoder(in).Decode(&view); err != nil {
		return err
	}
	height := top + row*len(view.Results) + 10
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="white"/>
`, width, height)
	for _, x := range []float64{0.1, 1, 10, 100} {
		at := place(x)
		svg += fmt.Sprintf(`<line x1="%.0f" y1="%d" x2="%.0f" y2="%d" stroke="#bbb"/><text x="%.0f" y="16" text-anchor="middle">%g ×</text>
`, at, top-8, at, height, at, x)
	}
	for i, r := range view.Results {
		svg += r.bar(top + row*i)
	}
	_, err := io.WriteString(out, svg+"</svg>\n")
	return err
}

// place is where so many times better stands.
func place(better float64) float64 {
	return min(max(middle+tenth*math.Log10(better), 0), width)
}

func (r result) bar(y int) string {
	at, colour := place(r.better()), "#2a7"
	if r.better() < 1 {
		colour = "#c33"
	}
	return fmt.Sprintf(`<rect x="%.0f" y="%d" width="%.0f" height="8" fill="%s"/>
<text x="8" y="%d">%s</text>
<text x="8" y="%d" fill="#666">%.4g %s; %s: %.4g; %.2f × as good as required</text>
`, min(at, middle), y+30, max(math.Abs(at-middle), 1), colour,
		y+12, html.EscapeString(r.Name), y+26, r.Value, html.EscapeString(r.Unit), html.EscapeString(r.LimitName), r.Limit, r.better())
}
