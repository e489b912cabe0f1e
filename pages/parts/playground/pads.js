// Pads to draw on. What is on them stays here; the server is told at each stroke's end, and says what learners make of it.

const SIDE = 1000;  // of a pad, in what is sent
const NEAR = 4;  // thousandths: a pen that moved less has not moved
const QUERY = 'query';
const MOST_BESIDE = 5;  // columns of pads
const IN_SIGHT = 10;  // pads below which the answers are still seen beside the sign in question
const PICTURE = 28, GAP = 2;  // pixels, of the strip of pictures
const ICONS = {undo: 'M5 4 2 7l3 3M2 7h7a4 4 0 0 1 0 8H6', clear: 'M3 3l10 10M13 3 3 13'};

export default function({data, parentElement, setStateValue}) {
  const root = parentElement.querySelector('.pads');
  root.sheet ??= new Sheet(root);
  root.sheet.asking.send = question => setStateValue('asked', question);
  root.sheet.take(data);
  return () => root.sheet.asking.end();
}

function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

function letter(index) { return String.fromCharCode(65 + index); }

function percent(share) {
  if (share > .995 && share < 1) return '> 99 %';
  return share > 0 && share < .005 ? '< 1 %' : `${Math.round(100 * share)} %`;
}

/** Round from the middle between two points to the next: a hand leaves few of them where it is fast. */
function path(strokes) {
  return strokes.map(stroke => {
    let line = `M${stroke[0]} ${stroke[1]}`;
    for (let i = 2; i < stroke.length - 2; i += 2) {
      line += `Q${stroke[i]} ${stroke[i + 1]} ${(stroke[i] + stroke[i + 2]) / 2} ${(stroke[i + 1] + stroke[i + 3]) / 2}`;
    }
    return stroke.length === 2 ? `${line}h.1` : `${line}L${stroke.at(-2)} ${stroke.at(-1)}`;
  }).join('');
}

/** A pad. What was drawn on it is null as long as an example stands there. */
class Pad {
  constructor(sheet, key, label) {
    Object.assign(this, {sheet, key, label, drawn: null, past: [], stroke: null, example: []});
    this.ink = made('path', {});
    this.invitation = made('text', {x: 500, y: 520, class: 'empty-pad'}, tr('Draw here'));
    this.surface = made('svg', {viewBox: `0 0 ${SIDE} ${SIDE}`, tabindex: 0, role: 'img', 'aria-keyshortcuts': 'Control+Z Delete'}, this.invitation, this.ink);
    this.seen = html('span', {class: 'look'});
    const undo = this.tool('undo', tr('Take the last stroke back'), () => this.undo());
    const clear = this.tool('clear', tr('Clear'), () => this.clear());
    this.foot = html('div', {class: 'foot'}, this.seen, html('span', {class: 'tools'}, undo, clear));
    this.element = html('div', {class: 'pad', 'data-pad': key}, this.surface, this.foot);
    this.listen();
  }

  tool(icon, label, act) {
    const button = html('button', {type: 'button', class: `tool ${icon}`, title: label, 'aria-label': tr('{label}: {what}', {label: this.label, what: label})});
    button.append(made('svg', {viewBox: '0 0 16 16', 'aria-hidden': true}, made('path', {d: ICONS[icon]})));
    button.onclick = act;
    return button;
  }

  get strokes() { return this.drawn ?? this.example; }

  listen() {
    const surface = this.surface;
    surface.onpointerdown = event => {
      if (!event.isPrimary || event.button !== 0) return;
      surface.setPointerCapture(event.pointerId);
      surface.focus({preventScroll: true});
      event.preventDefault();
      this.begin(event);
    };
    surface.onpointermove = event => {
      if (!this.stroke || !event.isPrimary) return;
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) this.extend(one);
      this.paint();
    };
    surface.onpointerup = surface.onpointercancel = event => {
      if (!this.stroke || !event.isPrimary) return;
      this.stroke = null;
      this.changed();
    };
    surface.onkeydown = event => {
      if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey)) this.undo();
      else if (event.key === 'Delete' || event.key === 'Backspace') this.clear();
      else return;
      event.preventDefault();
    };
  }

  /** In whole thousandths of the pad, on it. */
  place(event) {
    const box = this.surface.getBoundingClientRect();
    const within = (at, start, size) => Math.min(SIDE, Math.max(0, Math.round((at - start) / size * SIDE)));
    return [within(event.clientX, box.left, box.width), within(event.clientY, box.top, box.height)];
  }

  begin(event) {
    const before = this.drawn ?? [];
    if (before.length >= this.sheet.data.most.strokes) return this.sheet.say(tr('There is no room for more strokes. Clear the pad first.'));
    this.past.push(this.drawn);
    this.stroke = this.place(event);
    this.drawn = [...before, this.stroke];
    this.paint();
  }

  extend(event) {
    const [x, y] = this.place(event), [lastX, lastY] = this.stroke.slice(-2);
    const points = this.drawn.reduce((sum, stroke) => sum + stroke.length / 2, 0);
    if (Math.hypot(x - lastX, y - lastY) >= NEAR && points < this.sheet.data.most.points) this.stroke.push(x, y);
  }

  undo() {
    if (!this.past.length) return;
    this.drawn = this.past.pop();
    this.changed();
  }

  clear() {
    if (!this.strokes.length) return;
    this.past.push(this.drawn);
    this.drawn = [];
    this.changed();
  }

  changed() {
    this.paint();
    this.sheet.ask();
  }

  paint() {
    const strokes = this.strokes, count = strokes.length;
    this.ink.setAttribute('d', path(strokes));
    this.invitation.style.display = count ? 'none' : '';
    const what = count === 0 ? tr('empty') : count === 1 ? tr('drawn with 1 stroke') : tr('drawn with {count} strokes', {count});
    this.surface.setAttribute('aria-label', tr('{label}: {what}', {label: this.label, what}));
  }
}

class Sheet {
  constructor(root) {
    Object.assign(this, {root, pads: new Map(), rev: null, step: null, asking: new Asking(() => {})});
    this.slider = this.find('.slide input');
    this.slider.oninput = () => { this.step = Number(this.slider.value); this.answer(); };
    this.find('.clear').onclick = () => this.clear();
    this.find('.keep').onclick = () => this.keep();
    this.query = this.pad(QUERY, tr('The sign in question'));
    this.find('.query h2').after(this.query.element);
  }

  find(selector) { return this.root.querySelector(selector); }

  say(text) { this.find('.said').textContent = text; }

  pad(key, label) {
    const pad = new Pad(this, key, label);
    this.pads.set(key, pad);
    return pad;
  }

  take(data) {
    const last = this.data;
    this.data = data;
    const colors = getComputedStyle(this.root).getPropertyValue('--st-chart-categorical-colors').split(',').map(color => color.trim());
    // There are more signs than colours: the ninth and the tenth have a shade of the first two.
    this.color = index => index < colors.length ? colors[index] : `color-mix(in srgb, ${colors[index % colors.length]} 50%, var(--text))`;
    if (last?.ways !== data.ways || last?.shots !== data.shots) this.lay();
    if (this.rev !== data.rev) {
      this.rev = data.rev;
      for (const pad of this.pads.values()) Object.assign(pad, {drawn: null, past: [], stroke: null});
    }
    for (const [key, pad] of this.pads) {
      pad.example = data.examples[key] ?? pad.example;
      pad.paint();
    }
    if (!this.asking.answered(data.number)) return;
    this.see();
    this.answer();
    this.root.dataset.answered = data.number;
    if (this.began) this.root.dataset.took = Math.round(performance.now() - this.began);
  }

  /** A column a class. Pads that are out of sight keep what is on them. */
  lay() {
    const {ways, shots} = this.data;
    this.find('.sheet').classList.toggle('tall', ways * shots > IN_SIGHT);
    this.find('.signs').style.setProperty('--columns', Math.min(ways, MOST_BESIDE));
    this.find('.signs').replaceChildren(...Array.from({length: ways}, (_, sign) => {
      const pads = Array.from({length: shots}, (_, shot) => {
        const key = `${sign}-${shot}`;
        return (this.pads.get(key) ?? this.pad(key, shots > 1 ? tr('Sign {letter}, example {number}', {letter: letter(sign), number: shot + 1}) : tr('Sign {letter}', {letter: letter(sign)}))).element;
      });
      const column = html('div', {class: 'sign', role: 'group', 'aria-label': tr('Sign {letter}', {letter: letter(sign)})}, ...pads);
      column.style.setProperty('--swatch', this.color(sign));
      return column;
    }));
  }

  ask() {
    this.began = performance.now();
    const drawn = {};
    for (const [key, pad] of this.pads) if (pad.drawn && (key === QUERY || pad.element.isConnected)) drawn[key] = pad.drawn;
    this.asking.ask({rev: this.rev, drawn});
  }

  clear() {
    for (const key of this.data.keys) {
      const pad = this.pads.get(key);
      if (!pad.strokes.length) continue;
      pad.past.push(pad.drawn);
      pad.drawn = [];
      pad.paint();
    }
    this.say(tr('All pads are empty.'));
    this.ask();
  }

  // ---- What came back

  /** The picture that learners get of a pad, at so many pixels. */
  thumb(key, size) {
    const {keys, strip} = this.data, index = keys.indexOf(key), scale = size / PICTURE, wide = PICTURE + GAP;
    const image = html('i', {class: 'seen', role: 'img', 'aria-label': tr('What the learners see')});
    image.style.cssText = `--size: ${size}px; background-image: url(${strip}); background-size: ${(keys.length * wide - GAP) * scale}px ${size}px; `
      + `background-position: ${-index * wide * scale}px 0`;
    return image;
  }

  see() {
    for (const key of this.data.keys) {
      const pad = this.pads.get(key), sign = key === QUERY ? [] : [this.letter(Number(key.split('-')[0]))];
      pad.seen.replaceChildren(...sign, this.thumb(key, key === QUERY ? 56 : 28));
    }
  }

  letter(sign) {
    const found = html('span', {class: 'letter'}, letter(sign));
    found.style.setProperty('--swatch', this.color(sign));
    return found;
  }

  /** A learner's probabilities at the chosen step, or at its last one before it. */
  row(learner) {
    const reached = learner.steps.filter(step => this.step === null || step <= this.steps[this.step]).length;
    return Math.max(0, reached - 1);
  }

  answer() {
    const {learners, hint} = this.data;
    this.steps = learners.reduce((most, one) => (one.steps?.length > most.length ? one.steps : most), []);
    this.find('.slide').hidden = Boolean(hint) || this.steps.length < 2;
    this.slider.max = Math.max(0, this.steps.length - 1);
    if (this.step !== null && this.step >= this.steps.length - 1) this.step = null;
    this.slider.value = this.step ?? this.steps.length - 1;
    this.find('.slide output').textContent = this.steps.length ? tr('{step} of {all}', {step: this.steps[this.slider.value], all: this.steps.at(-1)}) : '';
    this.find('.answers').replaceChildren(...(hint ? [html('p', {}, hint)] : learners.map(one => this.card(one))));
    this.find('.verdicts').replaceChildren(...(hint ? [] : learners.filter(one => !one.why).map(one => this.verdict(one))));
    this.say(hint || learners.filter(one => !one.why).map(one => this.words(one)).join(' '));
  }

  words(learner) {
    const [share, sign] = this.best(learner);
    return tr('{name}: {letter}, {share}.', {name: learner.name, letter: letter(sign), share: percent(share)});
  }

  /** A line of it below the sign in question. */
  verdict(learner) {
    const [share, sign] = this.best(learner);
    return html('li', {}, html('span', {}, learner.name), this.letter(sign), html('strong', {}, percent(share)));
  }

  best(learner) {
    const shares = learner.probabilities[this.row(learner)], share = Math.max(...shares);
    return [share, this.data.classes[shares.indexOf(share)]];
  }

  card(learner) {
    const head = html('header', {}, html('b', {}, learner.name), html('span', {class: 'quiet'}, learner.score));
    const card = html('article', {class: 'learner'}, head);
    if (learner.why) {
      card.append(html('p', {class: 'hint'}, learner.why));
      return card;
    }
    const [share, sign] = this.best(learner), shares = learner.probabilities[this.row(learner)];
    card.append(html('p', {class: 'verdict'}, this.thumb(`${sign}-${this.firstOf(sign)}`, 36), this.letter(sign), html('strong', {}, percent(share))));
    card.append(html('ol', {class: 'bars'}, ...this.data.classes.map((one, i) => this.bar(one, shares[i], one === sign))));
    card.append(learner.steps.length > 1 ? this.course(learner) : html('p', {class: 'hint'}, learner.how));
    return card;
  }

  firstOf(sign) {
    for (let shot = 0; shot < this.data.shots; shot++) if (this.pads.get(`${sign}-${shot}`).strokes.length) return shot;
    return 0;
  }

  bar(sign, share, first) {
    const track = html('span', {class: 'track'}, html('i'));
    track.style.cssText = `--share: ${100 * share}%; --swatch: ${this.color(sign)}`;
    return html('li', first ? {class: 'first'} : {}, this.letter(sign), track, html('span', {}, percent(share)));
  }

  /** The probabilities by inner step, a line a class. */
  course(learner) {
    const last = learner.steps.at(-1), x = step => 100 * step / last, y = share => 60 - 58 * share;
    const lines = this.data.classes.map((sign, i) => {
      const line = made('path', {d: learner.steps.map((step, row) => `${row ? 'L' : 'M'}${x(step)} ${y(learner.probabilities[row][i])}`).join('')});
      line.style.setProperty('--swatch', this.color(sign));
      return line;
    });
    const at = x(learner.steps[this.row(learner)]);
    const svg = made('svg', {viewBox: '0 0 100 62', preserveAspectRatio: 'none', role: 'img', 'aria-label': tr('Probability of each sign by inner step')},
      made('line', {x1: 0, x2: 100, y1: 60, y2: 60}), made('line', {x1: at, x2: at, y1: 0, y2: 60, class: 'now'}), ...lines);
    return html('figure', {class: 'course'}, svg, html('figcaption', {}, html('span', {}, tr('before')), html('span', {}, learner.how), html('span', {}, tr('{last} steps', {last}))));
  }

  // ---- To take away

  keep() {
    const {ways, shots} = this.data, pad = 160, gap = 16, drawn = document.createElement('canvas');
    [drawn.width, drawn.height] = [(ways + 1) * (pad + gap) + gap, shots * (pad + gap) + gap];
    const pen = drawn.getContext('2d');
    pen.fillStyle = '#ffffff';
    pen.fillRect(0, 0, drawn.width, drawn.height);
    for (const key of this.data.keys) {
      const [sign, shot] = key === QUERY ? [ways, 0] : key.split('-').map(Number);
      pen.setTransform(pad / SIDE, 0, 0, pad / SIDE, gap + sign * (pad + gap), gap + shot * (pad + gap));
      Object.assign(pen, {strokeStyle: '#0f1523', lineWidth: 40, lineCap: 'round', lineJoin: 'round'});
      pen.stroke(new Path2D(path(this.pads.get(key).strokes)));
      Object.assign(pen, {strokeStyle: key === QUERY ? '#0f1523' : '#c4cbd6', lineWidth: 6});
      pen.strokeRect(0, 0, SIDE, SIDE);
    }
    const link = html('a', {download: 'innerloop-drawings.png', href: drawn.toDataURL('image/png')});
    link.click();
  }
}
