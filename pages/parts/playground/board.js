// Points to drag, and what learners make of them. The server says the curves after every inner step; which is shown is chosen here.

const MARGIN = {left: 34, right: 12, top: 8, bottom: 26};
const BEYOND = 1;  // of y, shown beyond the points' range
const NUDGE = 0.1, LEAP = 0.5;  // of an arrow key, and with Shift
const REACH = 18;  // px around a point that take hold of it
const TWICE = 400;  // ms between two presses that are one double click
const REST = 150;  // ms without a move after which the points count as settled
const STILL = 8;  // px that a finger may move in a tap
const TENTH = 0.1;  // of a power of ten: a tick of the rate's slider

/** Pixels from where a pointer was. */
function away(event, [x, y]) { return Math.hypot(event.clientX - x, event.clientY - y); }

class Board {
  constructor(root, send) {
    Object.assign(this, {root, points: [], held: null, pressed: null, tap: null});
    this.asking = new Asking(question => send('asked', question));
    this.find = name => root.querySelector(name);
    const [step, rate] = [this.find('.step'), this.find('.rate')];
    step.oninput = () => this.draw();
    rate.oninput = () => { this.label(); this.ask(); };
    this.find('.truth').onchange = () => this.draw();
    this.find('.apart').onchange = () => this.lay();
    this.find('.add').onclick = () => this.add([this.free(), 0]).focus();
    this.resized = new ResizeObserver(([{contentRect: {width}}]) => {
      if (width === this.width) return;  // only as high as what is in it
      this.width = width;
      this.lay();
    });
    this.resized.observe(this.find('.plots'));
  }

  /** What the server says. Points of its own come with another ``rev``. */
  take(data) {
    const named = of => of?.learners.map(one => one.name).join('\n');
    const moved = this.data?.rev !== data.rev, anew = moved || named(this.data) !== named(data);
    if (!this.data) this.open(data);
    this.data = data;
    if (moved) {
      Object.assign(this, {points: data.points.map(point => [...point]), held: null});
      this.find('.rate').value = Math.round(Math.log10(data.faster) / TENTH);
    }
    if (!this.asking.answered(data.number) && !moved) return;  // points of another task are never too late
    this.fits = data.learners.map(one => this.fit(one));
    if (anew) this.lay();
    else this.draw();
    this.root.dataset.answered = data.number;
    this.settle();
  }

  open(data) {
    this.settled = data.number;
    this.find('.step').max = data.steps;
    this.find('.step').value = data.shown;
    this.find('.apart').checked = data.learners.length > 2;
  }

  fit(learner) {
    const all = decoded(learner.y), wide = this.data.x.length;
    const rows = learner.error.map((_, row) => all.subarray(row * wide, (row + 1) * wide));
    return {...learner, rows, color: colorOf(this.root, learner.color)};
  }

  ask() {
    clearTimeout(this.resting);
    this.asking.ask({rev: this.data.rev, points: this.points.map(point => point.map(one => Number(one.toFixed(4)))), faster: this.faster});
  }

  /** Say once that nothing moves any more: what takes longer to compute waits for it. */
  settle() {
    if (this.held !== null || !this.asking.idle || this.settled === this.data.number) return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.settled = this.data.number;
      document.dispatchEvent(new CustomEvent('points-settled'));
    }, REST);
  }

  get step() { return Number(this.find('.step').value); }

  get faster() { return Number((10 ** (this.find('.rate').value * TENTH)).toPrecision(3)); }

  add(point) {
    if (this.points.length >= this.data.most) {
      this.say(tr('There can be {most} points at most. Remove one first.', this.data), true);
      return this.root;
    }
    this.points.push(this.within(point));
    this.lay();
    this.ask();
    this.say(tr('Point {number} added.', {number: this.points.length}));
    return this.drawn.at(-1)[0];
  }

  remove(index) {
    if (this.points.length === 1) return this.say(tr('One point has to stay: there would be nothing to learn from.'), true);
    this.points.splice(index, 1);
    this.held = null;
    this.lay();
    this.ask();
    this.say(tr('Point removed. {left} left.', {left: this.points.length}));
  }

  move(index, point) {
    this.points[index] = this.within(point);
    this.place(index);
    this.ask();
  }

  /** The middle of the widest gap between the points. */
  free() {
    const [low, high] = this.data.x_range, xs = [low, ...this.points.map(([x]) => x).sort((a, b) => a - b), high];
    const gaps = xs.slice(1).map((x, i) => x - xs[i]), widest = gaps.indexOf(Math.max(...gaps));
    return (xs[widest] + xs[widest + 1]) / 2;
  }

  /** The point that a pointer takes hold of: of those in reach the nearest; null for none. */
  near(event, panel) {
    const box = panel.getBoundingClientRect(), {scale} = this;
    const far = this.points.map(([x, y]) => away(event, [box.left + scale.left(x), box.top + scale.top(y)]));
    const least = Math.min(...far);
    return least <= REACH ? far.indexOf(least) : null;
  }

  within([x, y]) { return [clamped(x, this.data.x_range), clamped(y, this.data.y_range)]; }

  /** Read out; refused: shown as well, as nothing else tells of it. */
  say(text, refused = false) {
    this.find('.said').textContent = text;
    this.find('.said').classList.toggle('refused', refused);
  }

  /** A mouse or a finger comes down on a plot's svg. */
  press(event, panel) {
    if (event.button > 0 || !event.isPrimary) return;
    const before = this.pressed;
    let index = this.near(event, panel);
    const again = before && before.index === index && event.timeStamp - before.time < TWICE;
    if (index !== null && again && !before.fresh) {
      this.pressed = null;
      return this.remove(index);
    }
    if (index === null && event.pointerType === 'touch') {
      this.tap = [event.clientX, event.clientY];  // a tap, unless the page is scrolled by it
      return;
    }
    event.preventDefault();
    const fresh = index === null || Boolean(again && before.fresh), at = this.panels.findIndex(one => one.svg === panel);
    if (index === null) {
      const room = this.points.length < this.data.most;
      this.add(this.scale.at(event, panel));
      if (!room) return;
      index = this.points.length - 1;
    }
    this.pressed = {index, time: event.timeStamp, fresh, at: [event.clientX, event.clientY]};
    this.held = index;
    this.panels[at].svg.setPointerCapture(event.pointerId);  // another one than before, where a point was added
    this.drawn[index].forEach(one => one.classList.add('held'));
    this.drawn[index][at].focus({preventScroll: true});
  }

  drag(event, panel) {
    if (this.held === null) return;
    const at = this.scale.at(event, panel), [x, y] = this.points[this.held];
    if (Math.hypot(this.scale.left(at[0]) - this.scale.left(x), this.scale.top(at[1]) - this.scale.top(y)) < 1) return;
    if (this.pressed && away(event, this.pressed.at) > STILL) this.pressed = null;
    this.move(this.held, at);
  }

  release(event, panel) {
    if (this.tap && event.type === 'pointerup' && away(event, this.tap) < STILL) {
      this.add(this.scale.at(event, panel));
      this.pressed = {index: this.points.length - 1, time: event.timeStamp, fresh: true, at: this.tap};
    }
    this.tap = null;
    if (this.held === null) return;
    this.drawn[this.held].forEach(one => one.classList.remove('held'));
    this.held = null;
    this.settle();
  }

  key(event, index) {
    const by = event.shiftKey ? LEAP : NUDGE, [x, y] = this.points[index];
    const ways = {ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, by], ArrowDown: [0, -by]}[event.key];
    if (ways) this.move(index, [x + ways[0], y + ways[1]]);
    else if (event.key === 'Delete' || event.key === 'Backspace') {
      const panel = this.panels.findIndex(one => one.svg.contains(event.target));
      this.remove(index);
      this.drawn[Math.min(index, this.points.length - 1)][panel].focus();
    } else return;
    event.preventDefault();
  }

  get apart() { return this.find('.apart').checked && this.data.learners.length > 1; }

  /** Everything anew: another number of plots, of points, or another size. */
  lay() {
    if (!this.data || !this.fits) return;
    const {data} = this, plots = this.find('.plots'), focused = this.focused();
    this.root.classList.toggle('apart', this.apart);
    const shown = this.apart ? this.fits.map(one => [one]) : [this.fits];
    const frames = shown.map(fits => this.frame(fits));
    plots.replaceChildren(...frames.map(one => one.figure));
    plots.style.setProperty('--columns', frames.length > 3 ? 2 : frames.length);
    const wide = frames[0].figure.clientWidth, high = clamped(wide * (this.apart ? 0.62 : 0.42), this.apart ? [200, 320] : [260, 430]);
    const y = [data.y_range[0] - BEYOND, data.y_range[1] + BEYOND];
    this.scale = new Scale(wide, high, MARGIN, data.x_range, y);
    this.panels = frames.map(one => this.panel(one));
    this.drawn = this.points.map((_, index) => this.panels.map(panel => this.point(panel, index)));
    this.points.forEach((_, index) => this.place(index));
    if (focused) this.drawn[focused[0]]?.[focused[1]]?.focus({preventScroll: true});
    if (this.held !== null) this.drawn[this.held].forEach(one => one.classList.add('held'));
    this.find('.add').disabled = this.points.length >= data.most;
    this.draw();
  }

  focused() {
    const active = document.activeElement?.closest?.('.point');
    return active && this.root.contains(active) ? [Number(active.dataset.index), Number(active.dataset.panel)] : null;
  }

  frame(fits) {
    const figure = document.createElement('figure'), caption = document.createElement('figcaption');
    if (this.apart) figure.append(caption);
    return {figure, fits, caption};
  }

  panel({figure, fits, caption}) {
    const {scale} = this, even = ([low, high]) => Array.from({length: 5}, (_, i) => -4 + 2 * i).filter(one => one >= low && one <= high);
    const svg = made('svg', {viewBox: `0 0 ${scale.width} ${scale.height}`, height: scale.height, role: 'group', 'aria-label': this.data.label});
    const {left, top} = MARGIN, {wide, high} = scale, truth = made('path', {class: 'true'});
    const curves = made('svg', {x: left, y: top, width: wide, height: high, viewBox: `${left} ${top} ${wide} ${high}`}, truth);  // cuts off
    const lines = fits.map(fit => {
      const [before, after] = ['before', 'after'].map(name => made('path', {class: name, style: `--swatch: ${fit.color}`, 'data-learner': fit.key}));
      curves.append(before, after);
      return {before, after, place: this.fits.indexOf(fit)};
    });
    const points = made('g', {});
    svg.append(scale.grid(even(this.data.x_range), even(this.data.y_range)), curves, points);
    svg.onpointerdown = event => this.press(event, svg);
    svg.onpointermove = event => this.drag(event, svg);
    svg.onpointerup = svg.onpointercancel = event => this.release(event, svg);
    svg.oncontextmenu = event => {
      const index = this.near(event, svg);
      event.preventDefault();
      if (index !== null && this.held === null) this.remove(index);  // a finger that rests on a point holds it
    };
    figure.append(svg);
    return {svg, truth, lines, points, caption};
  }

  point(panel, index) {
    const found = made('g', {
      class: 'point', tabindex: 0, role: 'button', 'aria-roledescription': tr('point'), 'data-index': index, 'data-panel': this.panels.indexOf(panel),
    }, made('circle', {class: 'reach', r: REACH}), made('circle', {class: 'ring', r: 12}), made('circle', {class: 'dot', r: 6}));
    found.onkeydown = event => this.key(event, index);
    panel.points.append(found);
    return found;
  }

  place(index) {
    const [x, y] = this.points[index], {scale} = this;
    for (const one of this.drawn[index]) {
      one.setAttribute('transform', `translate(${scale.left(x).toFixed(1)} ${scale.top(y).toFixed(1)})`);
      one.setAttribute('aria-label', tr('Point {number} of {all}: x {x}, y {y}. Arrow keys move it, Delete removes it.', {number: index + 1, all: this.points.length, x: signed(x), y: signed(y)}));
    }
  }

  /** The curves after the chosen step, and what is said of them. */
  draw() {
    if (!this.panels) return;
    const {data, scale, step} = this, {x} = data;
    const truth = this.find('.truth').checked && data.truth ? scale.line(x, decoded(data.truth)) : '';
    for (const {truth: line, lines} of this.panels) {
      line.setAttribute('d', truth);
      for (const {before, after, place} of lines) {
        const {rows} = this.fits[place], row = Math.min(step, rows.length - 1);
        after.setAttribute('d', scale.line(x, rows[row]));
        before.setAttribute('d', row > 0 ? scale.line(x, rows[0]) : '');
      }
    }
    this.label();
  }

  label() {
    const {data, step} = this, [chosen, rate] = [this.find('.step + output'), this.find('.rate + output')];
    chosen.textContent = step === 0 ? tr('before adapting') : step === 1 ? tr('after 1 step') : tr('after {step} steps', {step});
    this.find('.step').setAttribute('aria-valuetext', chosen.textContent);
    rate.textContent = this.faster === 1 ? tr('as trained') : tr('{times} × as trained', {times: figures(this.faster)});
    this.find('.rate').setAttribute('aria-valuetext', rate.textContent);
    this.find('.rate').closest('label').hidden = data.learners.every(one => one.rate === null);
    this.find('.truth').closest('label').hidden = !data.truth;
    this.find('.apart').closest('label').hidden = data.learners.length < 2;
    this.find('.keys').replaceChildren(...this.keys());
    const told = this.fits.map(fit => this.learner(fit));
    if (this.apart) this.panels.forEach((panel, place) => panel.caption.replaceChildren(told[place]));
    this.find('.learners').replaceChildren(...(this.apart ? [] : told));
  }

  keys() {
    const named = [['before', tr('before adapting')], ['after', tr('after the chosen step')]];
    if (this.data.truth && this.find('.truth').checked) named.push(['true', this.data.on_truth ? tr('true function') : tr('true function of the task that was drawn')]);
    return named.map(([name, text]) => {
      const key = document.createElement('span');
      key.append(made('svg', {viewBox: '0 0 26 8', 'aria-hidden': true}, made('path', {class: name, d: 'M1 4H25'})), text);
      return key;
    });
  }

  learner(fit) {
    const item = document.createElement('div'), name = document.createElement('b');
    const row = Math.min(this.step, fit.rows.length - 1), truth = this.data.truth && this.data.on_truth ? decoded(this.data.truth) : null;
    const off = one => fit.rows[one].reduce((sum, y, i) => sum + (y - truth[i]) ** 2, 0) / truth.length;
    item.className = 'learner';
    item.style.setProperty('--swatch', fit.color);
    name.textContent = fit.name;
    item.append(name, this.told(tr('error on the points'), fit.error[0], fit.error[row], row));
    if (truth) item.append(this.told(tr('on the true function'), off(0), off(row), row));
    const how = document.createElement('span');
    how.textContent = fit.rate === null ? fit.how : tr('inner rate {rate}', {rate: figures(fit.rate)});
    item.append(how);
    return item;
  }

  told(what, before, after, row) {
    const line = document.createElement('span'), now = document.createElement('em');
    now.textContent = figures(after);
    line.append(`${what} `, ...(row ? [`${figures(before)} → `] : []), now);
    return line;
  }

  end() {
    this.asking.end();
    clearTimeout(this.resting);
    this.resized.disconnect();
  }
}

export default function ({data, parentElement, setStateValue}) {
  const root = parentElement.querySelector('.board');
  root.board ??= new Board(root, setStateValue);
  root.board.take(data);
  return () => {
    root.board?.end();
    root.board = null;
  };
}
