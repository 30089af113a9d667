package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/go-analyze/charts"
)

// plotted are the targets of the plot, in its order.
var plotted = []string{"nginx", "nginx-lua", "gate-disk", "gate-disk-tuned", "gate-disk-lean", "gate-redis-lean"}

const (
	plotWidth  = 1000
	plotHeight = 480
)

// plot draws each target's deliveries per second as a multiple of the stock proxy's, by size, as SVG.
func (r record) plot() ([]byte, error) {
	tables := slices.DeleteFunc(slices.Clone(r.Tables), func(t table) bool { return t.Section != "throughput" })
	values, shown := plotValues(tables)
	if len(shown) == 0 {
		return nil, fmt.Errorf("no figures of %v", plotted)
	}
	painter := charts.NewPainter(charts.PainterOptions{
		OutputFormat: charts.ChartOutputSVG, Width: plotWidth, Height: plotHeight, Theme: charts.GetTheme(charts.ThemeLight),
	})
	if err := painter.BarChart(barChart(values, shown, tables)); err != nil {
		return nil, err
	}
	return painter.Bytes()
}

// plotValues returns a line of values for every target that has figures, and the targets' names.
func plotValues(tables []table) (values [][]float64, shown []string) {
	for _, name := range plotted {
		line := make([]float64, len(tables))
		found := false
		for i, t := range tables {
			line[i] = charts.GetNullValue()
			if s, ok := lookUp(tables, t.Section, t.Size, name, stock); ok {
				line[i], found = math.Round(100*s.Median)/100, true
			}
		}
		if found {
			values, shown = append(values, line), append(shown, name)
		}
	}
	return values, shown
}

// barChart sets the chart up.
func barChart(values [][]float64, shown []string, tables []table) charts.BarChartOption {
	chart := charts.NewBarChartOptionWithData(values)
	chart.Title.Text = "Deliveries per second, as a multiple of stock Caddy reverse_proxy (1.0)"
	chart.Title.FontStyle.FontSize = 14
	chart.Legend = charts.LegendOption{SeriesNames: shown, Offset: charts.OffsetStr{Top: "30"}}
	for _, t := range tables {
		chart.CategoryAxis.Labels = append(chart.CategoryAxis.Labels, humanize.IBytes(uint64(t.Size)))
	}
	chart.ValueFormatter = func(v float64) string { return fmt.Sprintf("%.1f", v) }
	chart.ValueAxis = []charts.ValueAxisOption{{Min: new(0.0)}}
	for i := range chart.SeriesList {
		chart.SeriesList[i].Label = charts.SeriesLabel{
			Show: new(true), FontStyle: charts.FontStyle{FontSize: 8},
			ValueFormatter: chart.ValueFormatter,
		}
	}
	return chart
}
