// What playgrounds share that ask the server again and again while somebody moves something. Their own scripts follow below.

const PATIENCE = 5000;  // ms until a question counts as lost
const RAISED = {'-': '⁻', ...Object.fromEntries([...'⁰¹²³⁴⁵⁶⁷⁸⁹'].map((sign, digit) => [digit, sign]))};
const SVG = 'http://www.w3.org/2000/svg';

/** One question under way at a time. Of what is asked meanwhile only the newest is sent, once the answer has come. */
class Asking {
  constructor(send) { Object.assign(this, {send, number: 0, underWay: false, waiting: null, sent: null}); }

  ask(question) {
    this.waiting = question;
    this.next();
  }

  next() {
    if (this.underWay || !this.waiting) return;
    this.sent = {...this.waiting, number: ++this.number};
    Object.assign(this, {underWay: true, waiting: null});
    this.send(this.sent);
    this.lost = setTimeout(() => {
      this.underWay = false;
      this.ask(this.waiting ?? this.sent);
    }, PATIENCE);
  }

  /** Whether an answer is to the newest question that was sent; an earlier one's came late, and nothing is made of it. */
  answered(number) {
    if (number < this.number) return false;
    this.number = number;  // greater where the page was left meanwhile and is opened again
    clearTimeout(this.lost);
    this.underWay = false;
    this.next();
    return true;
  }

  get idle() { return !this.underWay && !this.waiting; }

  end() { clearTimeout(this.lost); }
}

function made(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

function decoded(text) { return new Float32Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer); }

function colorOf(element, index) {
  const colors = getComputedStyle(element).getPropertyValue('--st-chart-categorical-colors').split(',');
  return colors[index % colors.length].trim();
}

/** Three figures, tiny and huge numbers with a power, as the pages write them. */
function figures(value) {
  if (!Number.isFinite(value)) return '–';
  if (value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4)) return minus(Number(value.toPrecision(3)));
  const [digits, power] = value.toExponential(2).split('e');
  return minus(`${digits}×10${[...power.replace('+', '')].map(sign => RAISED[sign]).join('')}`);
}

function minus(number) { return String(number).replace('-', '−'); }

function signed(value) { return minus(value.toFixed(2)); }

function clamped(value, [low, high]) { return Math.min(high, Math.max(low, value)); }

/** A plot's place in pixels, from the numbers of its axes and back. y grows upwards. */
class Scale {
  constructor(width, height, margin, x, y) {
    Object.assign(this, {width, height, margin, x, y});
    [this.wide, this.high] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  }

  left(x) { return this.margin.left + (x - this.x[0]) / (this.x[1] - this.x[0]) * this.wide; }

  top(y) { return this.margin.top + (this.y[1] - y) / (this.y[1] - this.y[0]) * this.high; }

  /** Of a pointer over an element of this size. */
  at(event, element) {
    const box = element.getBoundingClientRect();
    return [
      this.x[0] + (event.clientX - box.left - this.margin.left) / this.wide * (this.x[1] - this.x[0]),
      this.y[1] - (event.clientY - box.top - this.margin.top) / this.high * (this.y[1] - this.y[0]),
    ];
  }

  /** A line through these; left out is what is no number, and cut off what is far outside. */
  line(xs, ys) {
    const far = this.y[1] - this.y[0];
    let path = '', pen = 'M';
    ys.forEach((y, i) => {
      if (!Number.isFinite(y)) { pen = 'M'; return; }
      path += `${pen}${this.left(xs[i]).toFixed(1)} ${this.top(clamped(y, [this.y[0] - far, this.y[1] + far])).toFixed(1)}`;
      pen = 'L';
    });
    return path;
  }

  /** Lines and numbers at these ticks. */
  grid(xs, ys) {
    const {margin, width, height} = this, bottom = height - margin.bottom;
    return made('g', {class: 'grid', 'aria-hidden': true},
      ...ys.map(y => made('line', {x1: margin.left, x2: width - margin.right, y1: this.top(y), y2: this.top(y), class: y === 0 ? 'zero' : ''})),
      ...ys.map(y => made('text', {x: margin.left - 8, y: this.top(y) + 4, 'text-anchor': 'end'}, minus(y))),
      ...xs.map(x => made('text', {x: this.left(x), y: bottom + 18, 'text-anchor': 'middle'}, minus(x))),
    );
  }
}
