// Draws one chart with Plotly.react. What the reader did to it (zoom, pan, hidden traces) is kept by the constant uirevision.

const COLORS = '#4f6bed,#e07b39,#0f9d8a,#b65fcf,#d64562,#7a869a,#c29a1b,#2f8fc4';  // on white, as in .streamlit/config.toml
let loading = null;

/** plotly.js from Streamlit's static files, once a page. */
function loadPlotly() {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  return loading ??= new Promise((done, failed) => {
    const script = document.createElement('script');
    script.src = new URL('app/static/plotly.min.js', document.baseURI).href;
    script.onload = () => done(window.Plotly);
    script.onerror = () => { loading = null; failed(new Error('plotly.min.js could not be loaded')); };
    document.head.appendChild(script);
  });
}

function decode(text, Type) {
  return new Type(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
}

/** Plotly reads a little HTML in every text: what comes from people is to appear as it was typed. */
function verbatim(text) {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** By which Plotly knows a trace again. It looks for it as a class in the document, so that only letters and digits will do. */
function uid(...parts) {
  return 't' + Array.from(parts.join('/'), sign => sign.codePointAt(0).toString(36)).join('_');
}

function makeTrace(t, colors, grouped) {
  const color = colors[t.color % colors.length];
  const y = decode(t.y, Float32Array);
  const made = {
    type: 'scatter', name: verbatim(t.name), mode: t.mode, showlegend: t.listed, connectgaps: false,
    opacity: t.raw ? 0.3 : t.faint ? 0.6 : 1,
    uid: t.uid ?? uid(t.group, t.symbol, t.raw ? 'raw' : '', t.name),
    x: decode(t.x, Float64Array), y,
    legendgroup: t.group || (grouped ? t.name : ''),  // who hides a curve hides what belongs to it too
    line: {color, width: y.length > 300 ? 1.4 : 2, dash: t.dash},
    marker: {color, size: t.symbol === 'star' ? 13 : t.mode === 'markers' ? 9 : 6, symbol: t.symbol},
    cliponaxis: t.mode === 'lines',  // the untrained start lies on the axis, and is to be seen whole
  };
  if (t.symbol === 'arrow') {
    const size = Array.from(y, (_, i) => i + 1 === y.length ? 13 : 0);
    Object.assign(made.marker, {size, angleref: 'previous', opacity: 1, line: {width: 0}});
  }
  if (t.raw) made.hoverinfo = 'skip';
  if (t.error.length) {  // below and above; on a logarithmic axis Plotly ends a bar that would reach zero at the axis
    const [arrayminus, array] = t.error.map(side => decode(side, Float32Array));
    made.error_y = {type: 'data', symmetric: false, array, arrayminus, color, thickness: 1.2, width: 3};
  }
  return made;
}

/** A logarithmic axis has about six ticks at powers of ten, or at 1, 2 and 5 of each, or evenly where it spans less than one. */
function logTicks(range) {
  const decades = Math.abs(range[1] - range[0]);
  return decades > 4 ? Math.max(1, Math.round(decades / 6)) : decades >= 1 ? 'D2' : null;
}

/** As Plotly writes it: only powers of ten are written as such. */
function withTicks(ticks) {
  return {dtick: ticks, tickformat: typeof ticks === 'number' ? '' : '.4~g'};
}

/** Give a logarithmic axis the ticks for what it shows now, which the reader's zoom decides. */
function fitTicks(Plotly, host) {
  const axis = host._fullLayout.yaxis;
  if (axis.type !== 'log' || logTicks(axis.range) === (host.ticks ?? null)) return;
  host.ticks = logTicks(axis.range);
  const {dtick, tickformat} = withTicks(host.ticks);
  Plotly.relayout(host, {'yaxis.dtick': dtick, 'yaxis.tickformat': tickformat});
}

/** The area between a trace's low and high, below its line. Points without a band are left out. */
function makeBand(t, colors) {
  const x = decode(t.x, Float64Array), low = decode(t.low, Float32Array), high = decode(t.high, Float32Array);
  const there = Array.from(x.keys()).filter(i => !Number.isNaN(low[i]) && !Number.isNaN(high[i]));
  const back = there.toReversed();
  return {
    type: 'scatter', mode: 'lines', fill: 'toself', fillcolor: colors[t.color % colors.length], opacity: 0.16,
    x: [...there, ...back].map(i => x[i]), y: [...there.map(i => high[i]), ...back.map(i => low[i])],
    line: {width: 0}, hoverinfo: 'skip', showlegend: false, uid: uid(t.group, t.name, 'band'), legendgroup: t.group,
  };
}

/** All of a chart's, bands first: they lie behind. */
function makeTraces(data, colors) {
  const bands = data.traces.filter(t => t.low).map(t => makeBand(t, colors));
  return [...bands, ...data.traces.map(t => makeTrace(t, colors, data.traces.some(other => other.raw)))];
}

function makeLayout(data, theme, ticks) {
  const grid = theme('--st-border-color', '#ddd'), font = theme('--st-font', 'sans-serif');
  const several = data.traces.filter(t => !t.raw).length > 1 || data.traces.some(t => t.faint);  // another run's curve alone has to be named
  const axis = {gridcolor: grid, linecolor: grid, zeroline: false, automargin: true, tickfont: {size: 12}};
  const title = text => ({text: verbatim(text), standoff: 8, font: {size: 13}});
  return {
    uirevision: 'constant',
    height: plotHeight(data),
    margin: {l: 56, r: 14, t: several ? 34 : 10, b: 44},
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: {color: theme('--st-text-color', '#333'), size: 13, family: font},
    separators: '.\u202f',
    xaxis: {
      ...axis, title: title(data.x_title), showgrid: false, type: data.log_x ? 'log' : 'linear',
      rangemode: data.steps ? 'normal' : 'tozero', dtick: data.few ? 1 : undefined,
      ...(data.plane ? {range: data.plane[0], autorange: false} : {}),
    },
    yaxis: {
      ...axis, title: title(data.y_title), ticksuffix: verbatim(data.suffix), exponentformat: 'power',
      ...(data.log_y ? {type: 'log', ...withTicks(ticks)} : {type: 'linear', minexponent: 4}),
      ...(data.y_range ? {range: data.y_range, autorange: false} : {}),
      ...(data.plane ? {range: data.plane[1], autorange: false, scaleanchor: 'x'} : {}),
      uirevision: data.log_y ? 'log' : 'linear',  // a range means something else on the other scale
    },
    showlegend: several,
    legend: {orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0, bgcolor: 'rgba(0,0,0,0)'},
    hovermode: data.apart ? 'closest' : 'x unified',
    hoverlabel: {bgcolor: theme('--st-secondary-background-color', '#fff'), bordercolor: grid},
  };
}

/** The chart as it is shown, zoomed and with hidden traces, for a picture: on the page's own ground, or in light colours on white. */
function picture(host, data, style, white) {
  const theme = white ? (_, otherwise) => otherwise : style;
  const layout = makeLayout(data, theme, host.ticks), shown = host.layout;
  for (const axis of ['xaxis', 'yaxis']) {
    if (shown[axis].range) Object.assign(layout[axis], {range: shown[axis].range, autorange: false});
  }
  layout.paper_bgcolor = theme('--st-background-color', '#fff');
  layout.font.family = 'Arial, Helvetica, sans-serif';  // a picture cannot bring the page's own, and would be set in another
  const traces = makeTraces(data, palette(theme));
  traces.forEach((trace, i) => { trace.visible = host.data[i]?.visible ?? true; });
  return {data: traces, layout, config: {staticPlot: true}};
}

function palette(theme) {
  return theme('--st-chart-categorical-colors', COLORS).split(',').map(c => c.trim());
}

/** The small menu below a chart on a page; reports have none. */
function offerPicture(Plotly, parent, host, data, theme) {
  const menu = parent.querySelector('.keep-chart');
  if (!menu) return;
  for (const button of menu.querySelectorAll('button')) {
    button.onclick = () => {  // each tick puts a new one in place of the last
      const white = menu.querySelector('input').checked, {format} = button.dataset;
      const size = {width: host.clientWidth, height: plotHeight(data), scale: format === 'png' ? 2 : 1};
      Plotly.downloadImage(picture(host, data, theme, white), {...size, format, filename: data.file});
      menu.open = false;
    };
  }
}

export default function ({data, parentElement}) {
  const host = parentElement.querySelector('.host');
  if (!data) {  // only fetch the library, once the page has time for it
    host?.remove();
    parentElement.querySelector('.keep-chart')?.remove();
    (window.requestIdleCallback ?? setTimeout)(loadPlotly);
    return;
  }
  host.setAttribute('aria-label', data.label);
  host.style.minHeight = plotHeight(data) + 'px';
  loadPlotly().then(Plotly => {
    const redraw = () => {
      try {
        drawIn(Plotly, parentElement, host, atMoment(host, data));
      } catch (error) {
        fail(host, error);
      }
    };
    offerMoments(parentElement, host, data.moments, redraw);
    redraw();
  }).catch(error => fail(host, error));
}

/** Draw the chart, or bring it up to date. */
function drawIn(Plotly, parent, host, data) {
  if (host.failed) host.replaceChildren();
  host.failed = false;
  const style = getComputedStyle(host);
  const theme = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const traces = makeTraces(data, palette(theme));
  const options = {displayModeBar: false, responsive: true, doubleClick: 'reset'};
  Plotly.react(host, traces, makeLayout(data, theme, host.ticks), options).then(() => fitTicks(Plotly, host));
  if (!host.watched) host.on('plotly_relayout', () => fitTicks(Plotly, host));
  host.watched = true;
  offerPicture(Plotly, parent, host, data, theme);
  host.dataset.points = traces.filter(t => !t.fill).reduce((sum, t) => sum + t.y.length, 0);
}

/** Say that it went wrong, and leave nothing behind that the next drawing would stumble over. */
function fail(host, error) {
  window.Plotly?.purge(host);
  host.watched = false;
  host.textContent = tr('The chart cannot be drawn: {why}', {why: error.message});
  host.failed = true;
  reportError(error);
}
