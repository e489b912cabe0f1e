
// The tour: one scene at a time, which the server sends as somebody goes on. drawing.js is above.

const STEPS_END = 0.6;  // share of a scene's time within which a learner's steps come, one after the other

/** An element with attributes and what is in it. */
function put(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

class Tour {
  constructor(root) {
    this.root = root;
    this.still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.share = 1;
    const clicked = {leave: () => this.leave(), before: () => this.back(), on: () => this.on(), full: () => this.full()};
    for (const [name, act] of Object.entries(clicked)) this.find(`.${name}`).onclick = act;
    this.pressed = event => this.press(event);
    document.addEventListener('keydown', this.pressed);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.find('.host'));
  }

  find(selector) { return this.root.querySelector(selector); }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !this.data) return;
    if (event.target.closest?.('input, textarea, [contenteditable=true]')) return;
    if (event.key === ' ' && event.target.closest?.('button, a')) return;  // presses that
    const keys = {
      ' ': () => this.on(), ArrowRight: () => this.on(), PageDown: () => this.on(), ArrowLeft: () => this.back(), PageUp: () => this.back(),
      Home: () => this.to(1), End: () => this.to(this.data.titles.length), f: () => this.full(), Escape: () => this.leave(),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  on() {
    if (this.share < 1) this.advance(1);
    else this.to(this.data.place + 1);
  }

  back() { this.to(this.data.place - 1); }

  to(place) {
    if (this.under || place === this.data.place || place < 1 || place > this.data.titles.length) return;
    this.under = true;  // until the server has sent it
    this.set('go', place);
  }

  leave() {
    if (document.fullscreenElement) document.exitFullscreen();
    this.set('left', true);
  }

  full() { document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(); }

  /** What the server sent: the scene from its beginning, unless it is the one that is shown. */
  fill(data, Plotly, theme) {
    const another = data.place !== this.data?.place;
    Object.assign(this, {data, Plotly, theme, under: false});
    this.write();
    if (data.chart) {
      this.chart = new Drawing(Plotly, this.find('.host'), data.chart, theme, reach([data.chart], palette(theme)));
    } else {
      this.chart = null;
      Plotly.purge(this.find('.host'));
    }
    if (another) document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0);
    this.advance(this.still || !data.seconds ? 1 : another ? 0 : this.share);
  }

  write() {
    const {data} = this, {place, titles} = data;
    this.find('nav').replaceChildren(...titles.map((title, i) => {
      const link = put('a', {href: data.addresses[i]}, put('b', {}, String(i + 1)), title);
      if (i + 1 === place) link.setAttribute('aria-current', 'step');
      link.onclick = event => { event.preventDefault(); this.to(i + 1); };
      return link;
    }));
    this.find('h1').textContent = data.big.replaceAll(' ± ', '\u00a0±\u00a0');  // a number and its interval stay on one line
    this.find('h1').classList.toggle('long', data.big.length > 60);
    for (const name of ['text', 'note']) this.find(`.${name}`).textContent = data[name];
    this.find('.place').textContent = `${place} / ${titles.length}`;
    this.find('.before').disabled = place === 1;
    this.find('.more').replaceChildren(...data.more.map(one => put('li', {}, one)));
    this.find('.scores').replaceChildren(...data.rows.map(row => this.row(row)));
    this.find('.shown').hidden = !data.chart && !data.steps;
    this.find('.by-step').hidden = !data.steps;
    this.find('.by-step').replaceChildren(...(data.steps ? this.steps(data.steps) : []));
    this.find('figure').hidden = !data.chart;
    this.find('figcaption').textContent = data.caption;
  }

  row({name, score, color}) {
    const line = put('li', {}, put('span', {}, name), put('b', {}, score));
    line.style.setProperty('--swatch', palette(this.theme)[color]);
    return line;
  }

  /** The sign in question, and a column for each step with the share of every sign. */
  steps({heads, shares, classes, strip, pictures}) {
    const look = (index, size, label) => {
      const image = put('i', {class: 'look', role: 'img', 'aria-label': label}), wide = 30 / 28 * size;
      image.style.cssText = `width: ${size}px; height: ${size}px; background: url(${strip}) ${-index * wide}px 0 / ${pictures * wide - 2 / 28 * size}px ${size}px`;
      return image;
    };
    const letter = sign => String.fromCharCode(65 + sign), colors = palette(this.theme);
    const columns = heads.map((head, step) => {
      const most = Math.max(...shares[step]);
      return put('div', {class: 'step'}, put('h2', {}, head), ...classes.map((sign, i) => {
        const bar = put('div', {class: shares[step][i] === most ? 'bar first' : 'bar'}, ...(step ? [] : [look(i, 56, letter(sign)), put('span', {class: 'letter'}, letter(sign))]), put('span', {class: 'track'}, put('i')), put('b', {}, `${Math.round(100 * shares[step][i])} %`));
        bar.style.cssText = `--share: ${100 * shares[step][i]}%; --swatch: ${colors[sign % colors.length]}`;
        return bar;
      }));
    });
    return [put('div', {class: 'asked'}, look(pictures - 1, 140, tr('The sign in question'))), ...columns];
  }

  draw() {
    if (!this.chart) return;
    const {first, last} = this.chart;
    this.chart.upTo(first + this.share * (last - first));
  }

  /** Show so much of the scene, and go on by itself until all of it is there. */
  advance(share) {
    cancelAnimationFrame(this.next);
    const from = performance.now();
    this.share = Math.min(share, 1);
    const columns = this.root.querySelectorAll('.step');
    columns.forEach((column, i) => column.classList.toggle('there', this.share >= 1 || this.share >= STEPS_END * i / columns.length));
    this.draw();
    Object.assign(this.root.dataset, {place: this.data.place, share: this.share});
    this.find('.on').disabled = this.share >= 1 && this.data.place === this.data.titles.length;
    if (this.share >= 1) return;
    this.next = requestAnimationFrame(() => this.advance(this.share + (performance.now() - from) / 1000 / this.data.seconds));
  }

  end() {
    cancelAnimationFrame(this.next);
    document.removeEventListener('keydown', this.pressed);
    this.resized.disconnect();
  }
}

export default function ({data, parentElement, setTriggerValue}) {
  const root = parentElement.querySelector('.tour');
  root.tour ??= new Tour(root);
  root.tour.set = setTriggerValue;
  const style = getComputedStyle(root), theme = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  loadPlotly().then(Plotly => root.tour?.fill(data, Plotly, theme))
    .catch(error => { root.querySelector('.note').textContent = tr('The charts cannot be drawn: {why}', {why: error.message}); });
  return () => {
    root.tour?.end();
    root.tour = null;
  };
}
