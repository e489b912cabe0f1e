// The loss around a learner's start as a map, with its way over it. core/chart.js is above, with loadPlotly, decode and logTicks.

const SHADES = {  // from little loss to much: the valley stands out, the heights are like the card
  light: ['#1b2a7a', '#3b55d9', '#8fa0f5', '#d3daff', '#f4f6ff'],
  dark: ['#f0f3ff', '#a9b8ff', '#5f78e8', '#2f3f86', '#1b2233'],
};
const NARROW = 400;  // px, below which the colours are told below the map
const WAY = {light: '#d9480f', dark: '#ffb066'};

/** Powers of ten, and 2 and 5 times these, between two exponents: where the colour scale has its numbers. */
function lossTicks(low, high) {
  const found = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const times of [1, 2, 5]) {
      const at = power + Math.log10(times);
      if (at >= low && at <= high) found.push(at);
    }
  }
  return found.length > 7 ? found.filter(at => Math.abs(at - Math.round(at)) < 1e-6) : found;
}

function written(exponent) {
  return Math.abs(exponent) > 3 ? `10<sup>${Math.round(exponent)}</sup>` : String(Number((10 ** exponent).toPrecision(2)));
}

function drawMap(Plotly, host, data) {
  const style = getComputedStyle(host), theme = name => style.getPropertyValue(name).trim();
  const kind = style.colorScheme === 'dark' ? 'dark' : 'light', shades = SHADES[kind], ground = theme('--st-background-color');
  const loss = decode(data.loss, Float32Array), count = data.first.length;
  const rows = Array.from({length: count}, (_, row) => Array.from(loss.subarray(row * count, (row + 1) * count)));
  const ticks = lossTicks(data.low, data.high), narrow = host.clientWidth < NARROW, side = host.clientWidth - 56;  // the map's, in pixels
  const map = {
    type: 'contour', x: data.first, y: data.second, z: rows.map(row => row.map(Math.log10)), customdata: rows,
    zmin: data.low, zmax: data.high, colorscale: shades.map((shade, i) => [i / (shades.length - 1), shade]),
    contours: {start: data.low, end: data.high, size: (data.high - data.low) / 14 || 1, coloring: 'heatmap'},
    line: {width: 0.6, color: kind === 'dark' ? 'rgba(255,255,255,.22)' : 'rgba(15,21,35,.2)'},
    colorbar: {
      thickness: 10, outlinewidth: 0, tickvals: ticks, ticktext: ticks.map(written), len: 1, tickfont: {size: 11},
      ...(narrow ? {orientation: 'h', x: 0.5, y: -50 / side, yanchor: 'top'} : {x: 1.01, xpad: 6, ypad: 0}),
      title: narrow ? {} : {text: tr('loss'), side: 'top', font: {size: 12}},
    },
    hovertemplate: '%{customdata:.3~g}<extra></extra>',
  };
  const path = Array.from(decode(data.path, Float32Array)), even = part => path.filter((_, i) => i % 2 === part);
  const line = {type: 'scatter', x: even(0), y: even(1), showlegend: false};
  const halo = {...line, mode: 'lines', line: {color: ground, width: 5}, hoverinfo: 'skip'};
  const way = {
    ...line, mode: 'lines+markers+text', line: {color: WAY[kind], width: 2.2}, customdata: Array.from(decode(data.at, Float32Array)),
    marker: {
      color: line.x.map((_, i) => i ? WAY[kind] : ground), size: line.x.map((_, i) => i ? 7 : 12),
      line: {color: line.x.map((_, i) => i ? ground : WAY[kind]), width: line.x.map((_, i) => i ? 1 : 3)},
    },
    text: line.x.map((_, i) => i === 0 ? tr('start') : i === 1 ? '1' : i === line.x.length - 1 ? String(i) : ''),
    textposition: line.x.map((_, i) => i === 1 ? 'bottom center' : 'top center'),
    textfont: {color: theme('--st-text-color'), size: 12, shadow: `0 0 3px ${ground}, 0 0 3px ${ground}, 0 0 5px ${ground}`},
    hovertemplate: line.x.map((_, i) => `${i === 0 ? tr('start') : i === 1 ? tr('after 1 step') : tr('after {step} steps', {step: i})}: %{customdata:.3~g}<extra></extra>`),
  };
  const axis = title => ({
    title: {text: title, font: {size: 12}, standoff: 6}, zeroline: false, showgrid: false, tickfont: {size: 11}, nticks: 5,
    fixedrange: true, constrain: 'domain',
  });
  const layout = {
    height: narrow ? side + 117 : data.height, margin: narrow ? {l: 48, r: 8, t: 12, b: 105} : {l: 52, r: 44, t: 22, b: 42},
    paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: {color: theme('--st-text-color'), family: theme('--st-font')}, hovermode: 'closest',
    xaxis: {...axis(tr('first direction')), range: [data.first[0], data.first.at(-1)]},
    yaxis: {...axis(tr('second direction')), range: [data.second[0], data.second.at(-1)], scaleanchor: 'x'},
  };
  Plotly.react(host, [map, halo, way], layout, {displayModeBar: false, responsive: true});
  host.dataset.points = loss.length;
}

export default function ({data, parentElement, setTriggerValue}) {
  const host = parentElement.querySelector('.host');
  host.setAttribute('aria-label', data.label);
  loadPlotly().then(Plotly => drawMap(Plotly, host, data)).catch(error => fail(host, error));
  if (data.listens && !host.settled) {
    host.settled = () => setTriggerValue('settled', true);
    document.addEventListener('points-settled', host.settled);
  }
  return () => {
    document.removeEventListener('points-settled', host.settled);
    host.settled = null;
  };
}
