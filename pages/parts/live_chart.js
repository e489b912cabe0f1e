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

function makeTrace(t, colors) {
  const color = colors[t.color % colors.length];
  const y = decode(t.y, Float32Array);
  const made = {
    type: 'scatter', name: verbatim(t.name), mode: t.mode, showlegend: t.listed, connectgaps: false,
    opacity: t.faint ? 0.6 : 1,
    x: decode(t.x, Float64Array), y,
    line: {color, width: y.length > 300 ? 1.4 : 2, dash: t.dash},
    marker: {color, size: t.mode === 'markers' ? 7 : 6},
    cliponaxis: t.mode === 'lines',  // the untrained start lies on the axis, and is to be seen whole
  };
  if (t.error.length) {  // below and above; on a logarithmic axis Plotly ends a bar that would reach zero at the axis
    const [arrayminus, array] = t.error.map(side => decode(side, Float32Array));
    made.error_y = {type: 'data', symmetric: false, array, arrayminus, color, thickness: 1.2, width: 3};
  }
  return made;
}

function makeLayout(data, theme) {
  const grid = theme('--st-border-color', '#ddd'), font = theme('--st-font', 'sans-serif');
  const several = data.traces.length > 1 || data.traces.some(t => t.faint);  // another run's curve alone has to be named
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
      type: data.log_y ? 'log' : 'linear', dtick: data.log_y ? data.decades : undefined,
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
    const traces = data.traces.map(t => makeTrace(t, colors));
    const options = {displayModeBar: false, responsive: true, doubleClick: 'reset'};
    Plotly.react(host, traces, makeLayout(data, theme), options);
    host.dataset.points = traces.reduce((sum, t) => sum + t.y.length, 0);
  }).catch(error => { host.textContent = 'The chart cannot be drawn: ' + error.message; });
}
