// Draws one chart with Plotly.react. What the reader did to it (zoom, pan, hidden traces) is kept by the constant uirevision.

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

function makeTrace(t, colors, grouped) {
  const color = colors[t.color % colors.length];
  const y = decode(t.y, Float32Array);
  const made = {
    type: 'scatter', name: verbatim(t.name), mode: t.mode, showlegend: t.listed, connectgaps: false,
    opacity: t.raw ? 0.3 : t.faint ? 0.6 : 1,
    uid: (t.raw ? 'raw ' : '') + t.name,  // by which Plotly knows it again once there are more or fewer
    x: decode(t.x, Float64Array), y,
    legendgroup: grouped ? t.name : '',  // who hides a curve hides the raw one behind it too
    line: {color, width: y.length > 300 ? 1.4 : 2, dash: t.dash},
    marker: {color, size: t.mode === 'markers' ? 7 : 6},
    cliponaxis: t.mode === 'lines',  // the untrained start lies on the axis, and is to be seen whole
  };
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

function makeLayout(data, theme, ticks) {
  const grid = theme('--st-border-color', '#ddd'), font = theme('--st-font', 'sans-serif');
  const several = data.traces.filter(t => !t.raw).length > 1 || data.traces.some(t => t.faint);  // another run's curve alone has to be named
  const axis = {gridcolor: grid, linecolor: grid, zeroline: false, automargin: true, tickfont: {size: 12}};
  const title = text => ({text: verbatim(text), standoff: 8, font: {size: 13}});
  return {
    uirevision: 'constant',
    height: data.height,
    margin: {l: 56, r: 14, t: several ? 34 : 10, b: 44},
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: {color: theme('--st-text-color', '#333'), size: 13, family: font},
    separators: '.\u202f',
    xaxis: {
      ...axis, title: title(data.x_title), showgrid: false,
      rangemode: data.steps ? 'normal' : 'tozero', dtick: data.few ? 1 : undefined,
    },
    yaxis: {
      ...axis, title: title(data.y_title), ticksuffix: verbatim(data.suffix), exponentformat: 'power',
      ...(data.log_y ? {type: 'log', ...withTicks(ticks)} : {type: 'linear'}),
      uirevision: data.log_y ? 'log' : 'linear',  // a range means something else on the other scale
    },
    showlegend: several,
    legend: {orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0, bgcolor: 'rgba(0,0,0,0)'},
    hovermode: 'x unified',
    hoverlabel: {bgcolor: theme('--st-secondary-background-color', '#fff'), bordercolor: grid},
  };
}

export default function ({data, parentElement}) {
  const host = parentElement.querySelector('.host');
  if (!data) {  // only fetch the library, once the page has time for it
    host?.remove();
    (window.requestIdleCallback ?? setTimeout)(loadPlotly);
    return;
  }
  host.setAttribute('aria-label', data.label);
  host.style.minHeight = data.height + 'px';
  loadPlotly().then(Plotly => {
    const style = getComputedStyle(host);
    const theme = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    const colors = theme('--st-chart-categorical-colors', '#4f6bed').split(',').map(c => c.trim());
    const traces = data.traces.map(t => makeTrace(t, colors, data.traces.some(other => other.raw)));
    const options = {displayModeBar: false, responsive: true, doubleClick: 'reset'};
    Plotly.react(host, traces, makeLayout(data, theme, host.ticks), options).then(() => fitTicks(Plotly, host));
    if (!host.watched) host.on('plotly_relayout', () => fitTicks(Plotly, host));
    host.watched = true;
    host.dataset.points = traces.reduce((sum, t) => sum + t.y.length, 0);
  }).catch(error => { host.textContent = 'The chart cannot be drawn: ' + error.message; });
}
