// A goal to put somewhere, and where policies go before and after each update.

const VIEW = 0.7;  // of either coordinate that is shown
const STEP = 0.05, WIDE = 0.2;  // of an arrow key, and with Shift
const CROSS = 'M-7 -7L7 7M-7 7L7 -7';

class Steering {
  constructor(root, send) {
    this.root = root;
    this.asking = new Asking(question => send('asked', question));
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(root.querySelector('.learners'));
  }

  take(data) {
    if (!this.asking.answered(data.number)) return;
    Object.assign(this, {data, goal: data.goal});
    this.draw();
    this.root.dataset.answered = data.number;
  }

  put(goal) {
    this.goal = goal.map(one => clamped(one, this.data.square));
    this.root.classList.add('asking');
    for (const place of this.root.querySelectorAll('.goal')) this.mark(place);
    this.asking.ask({goal: this.goal.map(one => Number(one.toFixed(3)))});
  }

  draw() {
    if (!this.data || !this.root.clientWidth) return;
    const focused = [...this.root.querySelectorAll('.goal')].indexOf(document.activeElement);
    this.root.classList.toggle('asking', !this.asking.idle);
    const sections = this.data.learners.map(learner => this.learner(learner));
    this.root.querySelector('.learners').replaceChildren(...sections.map(one => one.section));
    for (const {draw} of sections) draw();
    this.root.querySelectorAll('.goal')[focused]?.focus({preventScroll: true});
  }

  learner(learner) {
    const section = document.createElement('section'), title = document.createElement('h3'), updates = document.createElement('div');
    section.style.setProperty('--swatch', colorOf(this.root, learner.color));
    title.textContent = learner.name;
    updates.className = 'updates';
    section.append(title, updates);
    const [, trajectories, points] = learner.shape, all = decoded(learner.paths), each = trajectories * points * 2;
    const planes = learner.returns.map((reached, update) => {
      const figure = document.createElement('figure'), caption = document.createElement('figcaption'), number = document.createElement('b');
      number.textContent = figures(reached);
      const when = update === 0 ? tr('before adapting: return ') : update === 1 ? tr('after 1 update: return ') : tr('after {update} updates: return ', {update});
      caption.append(when, number);
      figure.append(caption);
      updates.append(figure);
      return {figure, paths: all.subarray(update * each, (update + 1) * each)};
    });
    return {section, draw: () => planes.forEach(({figure, paths}) => figure.prepend(this.plane(figure.clientWidth, paths, trajectories, points)))};
  }

  plane(size, paths, trajectories, points) {
    const scale = this.scale = new Scale(size, size, {left: 0, right: 0, top: 0, bottom: 0}, [-VIEW, VIEW], [-VIEW, VIEW]);
    const svg = made('svg', {viewBox: `0 0 ${size} ${size}`, role: 'group', 'aria-label': tr('Trajectories in the plane, and the goal')});
    const [low, high] = this.data.square, side = scale.left(high) - scale.left(low);
    svg.append(made('rect', {class: 'square', x: scale.left(low), y: scale.top(high), width: side, height: side, rx: 4}));
    for (let i = 0; i < trajectories; i++) {
      const one = paths.subarray(i * points * 2, (i + 1) * points * 2), even = part => Array.from({length: points}, (_, at) => one[2 * at + part]);
      const [xs, ys] = [even(0), even(1)];
      svg.append(made('path', {class: 'path', d: scale.line(xs, ys)}));
      if (Number.isFinite(xs.at(-1))) svg.append(made('circle', {class: 'end', cx: scale.left(xs.at(-1)), cy: scale.top(ys.at(-1)), r: 2.6}));
    }
    svg.append(made('circle', {class: 'start', cx: scale.left(0), cy: scale.top(0), r: 4.5}), this.cross());
    svg.onpointerup = event => {
      if (event.button === 0) this.put(scale.at(event, svg));
    };
    return svg;
  }

  cross() {
    const place = made('g', {class: 'goal', tabindex: 0, role: 'button', 'aria-roledescription': tr('goal')}, made('circle', {class: 'ring', r: 13}), made('path', {d: CROSS}));
    place.onkeydown = event => {
      const by = event.shiftKey ? WIDE : STEP, way = {ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, by], ArrowDown: [0, -by]}[event.key];
      if (!way) return;
      event.preventDefault();
      this.put([this.goal[0] + way[0], this.goal[1] + way[1]]);
    };
    this.mark(place);
    return place;
  }

  mark(place) {
    const [x, y] = this.goal;
    place.setAttribute('transform', `translate(${this.scale.left(x).toFixed(1)} ${this.scale.top(y).toFixed(1)})`);
    place.setAttribute('aria-label', tr('Goal at {x}, {y}. Arrow keys move it.', {x: signed(x), y: signed(y)}));
  }

  end() {
    this.asking.end();
    this.resized.disconnect();
  }
}

export default function ({data, parentElement, setStateValue}) {
  const root = parentElement.querySelector('.steer');
  root.steering ??= new Steering(root, setStateValue);
  root.steering.take(data);
  return () => {
    root.steering?.end();
    root.steering = null;
  };
}
