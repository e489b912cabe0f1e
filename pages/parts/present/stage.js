
// The stage: scenes that draw themselves, one key after the other. core/chart.js and drawing.js are above.

const SPEEDS = [0.5, 1, 2, 4];
const LAST = 0.6;  // share of a scene's time after which its inner steps are drawn, where it has a curve to draw before

/** All that is on the stage. share: how much of the scene has been shown, in [0, 1]. */
class Stage {
  constructor(parent, leave) {
    this.root = parent.querySelector('.stage');
    this.dialog = parent.querySelector('dialog');
    this.dialog.onclose = leave;  // by Escape, which the browser sees to, or the button
    this.still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    Object.assign(this, {place: 0, share: 0, speed: 1, drawn: [null, null]});
    const clicked = {leave: () => this.dialog.close(), before: () => this.back(), on: () => this.on(), speed: () => this.faster(1), full: () => this.full()};
    for (const [name, act] of Object.entries(clicked)) this.root.querySelector(`.${name}`).onclick = act;
    this.pressed = event => this.press(event);
    document.addEventListener('keydown', this.pressed);
    this.resized = new ResizeObserver(() => this.Plotly && this.enter(this.place, this.share));
    this.resized.observe(this.root.querySelector('.drawings'));
    const app = document.getElementById('root');  // Streamlit shuts it off to say that the server is away, which is hidden here
    this.freed = new MutationObserver(() => { if (app.inert) app.inert = false; });
    this.freed.observe(app, {attributeFilter: ['inert']});
  }

  fill(data, Plotly, theme) {
    Object.assign(this, {data, Plotly, theme});
    if (!this.dialog.open) this.dialog.showModal();
    this.enter(Math.min(this.place, data.scenes.length - 1), this.share);
  }

  get scene() { return this.data.scenes[this.place]; }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.data) return;
    if (event.key === ' ' && event.target.closest?.('button')) return;  // presses that button
    const keys = {
      ' ': () => this.on(), ArrowRight: () => this.on(), ArrowDown: () => this.on(), PageDown: () => this.on(),
      ArrowLeft: () => this.back(), ArrowUp: () => this.back(), PageUp: () => this.back(),
      Home: () => this.enter(0, 1), End: () => this.enter(this.data.scenes.length - 1, 1),
      f: () => this.full(), F: () => this.full(), '+': () => this.faster(1), '-': () => this.faster(-1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  on() {
    if (this.share < 1) this.advance(1);
    else if (this.place < this.data.scenes.length - 1) this.enter(this.place + 1, 0);
  }

  back() { if (this.place > 0) this.enter(this.place - 1, 1); }

  faster(by) {
    this.speed = SPEEDS.at((SPEEDS.indexOf(this.speed) + by) % SPEEDS.length);
    this.label();
  }

  full() { document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen(); }

  /** Put a scene up, as far as it has been shown. */
  enter(place, share) {
    this.place = place;
    const {scene, root} = this, figures = root.querySelectorAll('figure'), [left, right] = figures;
    const colors = palette(this.theme);
    const charts = [scene.chart, scene.beside].map(one => one === null ? null : this.data.charts[one]);
    figures.forEach((figure, i) => { figure.hidden = !charts[i]; });
    root.classList.toggle('spoken', !charts[0] && !charts[1]);
    left.querySelector('figcaption').textContent = charts[0]?.label ?? '';
    this.drawn = [left, right].map((figure, i) => {
      const host = figure.querySelector('.host');
      if (charts[i]) return new Drawing(this.Plotly, host, charts[i], this.theme, i ? this.steps(charts[i]) : reach([charts[i]], colors));
      this.Plotly.purge(host);
      return null;
    });
    root.querySelector('h1').textContent = scene.title;
    root.querySelector('ol').replaceChildren(...scene.rows.map(row => this.row(row)));
    this.label();
    this.advance(this.still || (!charts[0] && !charts[1]) ? 1 : share);
  }

  /** The axes of all scores after inner steps that are alike, so that these are seen to grow from scene to scene. */
  steps(chart) {
    const {scenes, charts} = this.data;
    const all = scenes.filter(scene => scene.beside !== null).map(scene => charts[scene.beside]);
    return reach(all.filter(one => one.y_title === chart.y_title && one.log_y === chart.log_y), palette(this.theme));
  }

  row({name, score, color}) {
    const line = document.createElement('li'), [called, number] = [document.createElement('span'), document.createElement('b')];
    line.style.setProperty('--swatch', palette(this.theme)[color]);
    called.textContent = name;
    number.textContent = score;
    line.append(called, number);
    return line;
  }

  label() {
    const {root, place} = this, scenes = this.data.scenes.length;
    root.querySelector('.place').textContent = tr('{place} of {scenes}', {place: place + 1, scenes});
    root.querySelector('.before').disabled = place === 0;
    root.querySelector('.on').disabled = place === scenes - 1 && this.share >= 1;
    root.querySelector('.speed').textContent = tr('Speed {speed}×', {speed: this.speed});
  }

  /** Show so much of the scene, and go on by itself until all of it is there. */
  advance(share) {
    cancelAnimationFrame(this.next);
    const from = performance.now();  // drawing takes time too, which a slow machine must not add
    this.share = Math.min(share, 1);
    const {scene, drawn: [curve, steps]} = this, moves = scene.end > scene.start;
    const [first, second] = !steps || !curve ? [share, share] : moves ? [share / LAST, (share - LAST) / (1 - LAST)] : [1, share];
    const x = scene.start + Math.min(first, 1) * (scene.end - scene.start);
    curve?.upTo(x);
    steps?.upTo(steps.first + Math.max(0, Math.min(second, 1)) * (steps.last - steps.first));
    this.say(x);
    this.root.dataset.share = this.share;
    this.root.dataset.place = this.place;
    if (this.share >= 1) return this.label();
    this.next = requestAnimationFrame(() => {
      this.advance(this.share + (performance.now() - from) / 1000 * this.speed / scene.seconds);
    });
  }

  /** The scene's words once it is over; a number that it comes to is not told before, but what has been seen so far. */
  say(x) {
    const {scene, root} = this, over = this.share >= 1, moves = scene.end > scene.start;
    const [said, text] = [root.querySelector('.said'), root.querySelector('.text')];
    const known = over || (moves && !scene.counted);
    said.textContent = known ? scene.big : moves ? this.seen(x) : '…';
    said.classList.toggle('long', scene.big.length > 40);
    text.textContent = over ? scene.text : '\u00a0';
    root.classList.toggle('known', known);
  }

  seen(x) {
    const [worth, what] = this.scene.counted;
    return what.replace('{number}', Math.round(x * worth).toLocaleString('en').replaceAll(',', '\u202f'));
  }

  end() {
    cancelAnimationFrame(this.next);
    document.removeEventListener('keydown', this.pressed);
    this.resized.disconnect();
    this.freed.disconnect();
    this.dialog.onclose = null;
    this.dialog.close();
  }
}

export default function ({data, parentElement, setTriggerValue}) {
  const root = parentElement.querySelector('.stage');
  root.stage ??= new Stage(parentElement, () => setTriggerValue('left', true));
  const style = getComputedStyle(root), theme = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  loadPlotly().then(Plotly => root.stage?.fill(data, Plotly, theme))
    .catch(error => { root.querySelector('.text').textContent = tr('The charts cannot be drawn: {why}', {why: error.message}); });
  return () => {
    root.stage?.end();
    root.stage = null;
  };
}
