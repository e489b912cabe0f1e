// The slider below a chart, over the moments of one of its curves. Where it stands is kept with the chart, through every tick.

const SLIDER = 52;  // pixels that it takes of the chart's height, as in moments.css
const SHORTEST = 90, LONGEST = 600, WHOLE = 8000;  // milliseconds that a moment is shown while playing, and all of them together
const CONTROLS = `<button type="button"></button><input type="range" min="0" step="1"
  aria-label="Iteration at which the adaptation curve is shown"><output aria-live="off"></output>`;

function plotHeight(data) {
  return data.height - (data.moments.length ? SLIDER : 0);
}

/** Which moment is shown: what the reader chose, or the last one before that where it is no more among them; else the newest. */
function placeOf(host, moments) {
  if (host.chosen === undefined) return moments.length - 1;
  return Math.max(0, moments.findLastIndex(moment => moment.iteration <= host.chosen));
}

/** The chart with the curve of that moment over the others. Plotly takes it for the same curve at each. */
function atMoment(host, data) {
  if (!data.moments.length) return data;
  const {trace} = data.moments[placeOf(host, data.moments)];
  return {...data, traces: [...data.traces, {...trace, uid: 'moment'}]};
}

/** Show the slider, or bring it up to date; without moments there is none. */
function offerMoments(parent, host, moments, redraw) {
  let controls = parent.querySelector('.moments');
  if (!moments.length) {
    pause(host);
    controls?.remove();
    return;
  }
  if (!controls) {
    controls = document.createElement('div');
    controls.className = 'moments';
    controls.innerHTML = CONTROLS;
    host.after(controls);
  }
  const [button, slider] = controls.children;
  const show = () => tell(controls, host, moments);
  host.moveTo = place => {  // each tick puts new moments in place of the last
    host.chosen = place < moments.length - 1 ? moments[place].iteration : undefined;  // at its end it follows the newest
    show();
    redraw();
  };
  host.moveOn = () => {
    const next = placeOf(host, moments) + 1;
    if (next < moments.length) host.moveTo(next);
    if (next < moments.length - 1 && host.isConnected) play(host, moments.length);
    else pause(host);
    show();
  };
  slider.oninput = () => {
    pause(host);
    host.moveTo(Number(slider.value));
  };
  button.onclick = () => {
    if (host.playing) pause(host);
    else {
      play(host, moments.length);
      if (placeOf(host, moments) === moments.length - 1) host.moveTo(0);
    }
    show();
  };
  show();
}

/** The controls as they stand, for eyes and for screen readers. */
function tell(controls, host, moments) {
  const [button, slider, said] = controls.children, place = placeOf(host, moments), {label} = moments[place];
  slider.max = moments.length - 1;
  slider.value = place;
  slider.setAttribute('aria-valuetext', label);
  said.textContent = label;
  button.textContent = host.playing ? tr('Pause') : tr('Play');
  button.setAttribute('aria-label', host.playing ? tr('Pause how the adaptation curve changed') : tr('Play how the adaptation curve changed'));
}

/** Go on in a moment. Nothing plays before the reader asks for it; slowly where they want little to move. */
function play(host, moments) {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const shown = still ? 2 * LONGEST : Math.min(LONGEST, Math.max(SHORTEST, WHOLE / moments));
  host.playing = setTimeout(() => host.moveOn(), shown);
}

function pause(host) {
  clearTimeout(host.playing);
  host.playing = undefined;
}
