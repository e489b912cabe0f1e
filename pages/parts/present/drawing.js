// A chart that is drawn as far as it has got, for an audience. core/chart.js is above, with makeTraces and makeLayout.

const FREE = 0.04;  // of an axis, at either end
const LARGE = 80;  // part of the window's width that what is written in charts is high

/** A trace as far as x, with a point on its line there. */
function upTo(trace, x) {
  if (trace.fill) {
    const kept = Array.from(trace.x.keys()).filter(i => trace.x[i] <= x);
    return {...trace, x: kept.map(i => trace.x[i]), y: kept.map(i => trace.y[i])};
  }
  let count = 0;
  while (count < trace.x.length && trace.x[count] <= x) count++;
  const [xs, ys] = [Array.from(trace.x.subarray(0, count)), Array.from(trace.y.subarray(0, count))];
  if (count && count < trace.x.length && trace.mode !== 'markers') {
    const way = (x - trace.x[count - 1]) / (trace.x[count] - trace.x[count - 1]);
    xs.push(x);
    ys.push(trace.y[count - 1] + way * (trace.y[count] - trace.y[count - 1]));
  }
  return {...trace, x: xs, y: ys};
}

/** Larger than on the pages: it is read from the back of a room. */
function enlarge(layout, host) {
  const size = Math.max(14, innerWidth / LARGE);
  Object.assign(layout, {width: host.clientWidth, height: host.clientHeight, margin: {l: 4.7 * size, r: 24, t: 2.7 * size, b: 3.7 * size}});
  for (const axis of [layout.xaxis, layout.yaxis]) {
    axis.tickfont.size = axis.title.font.size = size;
    axis.title.standoff = 14;
  }
  layout.legend.font = {size};
  return layout;
}

/** The least and the greatest of what is finite, and a little more on either side; of a logarithmic axis as Plotly has it. */
function extent(values, log) {
  const found = values.map(value => log ? Math.log10(value) : value).filter(Number.isFinite);
  const low = found.reduce((a, b) => Math.min(a, b), Infinity), high = found.reduce((a, b) => Math.max(a, b), -Infinity);
  const free = FREE * (high - low || 1);
  return [low - free, high + free];
}

/** How far the axes of charts reach that share them. */
function reach(charts, colors) {
  const traces = charts.flatMap(data => makeTraces(data, colors)), log = charts[0].log_y;
  const y = traces.flatMap(({y, error_y: error}) => [
    ...y, ...(error ? [...y].flatMap((value, i) => [value - error.arrayminus[i], value + error.array[i]]) : []),
  ]);
  return {x: extent(traces.flatMap(trace => [...trace.x]), false), y: extent(y, log)};
}

/** A chart in its place: made once, then drawn as far as it has got. ranges: of its axes, which stay. */
class Drawing {
  constructor(Plotly, host, data, theme, ranges) {
    Object.assign(this, {Plotly, host, data, theme, ranges});
    this.traces = makeTraces(data, palette(theme));
    for (const trace of this.traces) {
      if (trace.line.width) trace.line.width *= 1.8;
      if (trace.marker) trace.marker.size *= 1.5;
    }
    host.setAttribute('aria-label', data.label);
    const xs = this.traces.flatMap(trace => [...trace.x]);
    [this.first, this.last] = [Math.min(...xs), Math.max(...xs)];
  }

  upTo(x) {
    const layout = enlarge(makeLayout(this.data, this.theme, logTicks(this.ranges.y)), this.host);
    [layout.xaxis.range, layout.yaxis.range] = [[...this.ranges.x], [...this.ranges.y]];
    this.Plotly.react(this.host, this.traces.map(trace => upTo(trace, x)), layout, {staticPlot: true});
  }
}
