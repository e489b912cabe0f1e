// A question after the other; what was chosen, and how long it took, is measured here, where no network is in between.

const GAP = 2;  // pixels between the pictures of a strip

export default function({data, parentElement, setStateValue}) {
  const root = parentElement.querySelector('.game');
  const game = root.game ??= {key: null, answers: [], open: null};
  if (game.key !== data.key) Object.assign(game, {key: data.key, answers: [...data.answers], open: null});
  const find = name => root.querySelector(name);
  const strips = game.strips?.key === data.key && game.strips.dark === data.dark ? game.strips : null;
  game.strips = strips ?? {key: data.key, dark: data.dark, images: data.rounds.map(round => Object.assign(new Image(), {src: round.strip}))};

  /** Slice ``place`` of a round's strip; the one after the candidates is what is asked for. */
  const draw = async (canvas, round, place) => {
    const image = game.strips.images[round], {width, height} = data;
    canvas.width = width;
    canvas.height = height;
    await image.decode().catch(() => null);  // a picture that was replaced meanwhile
    canvas.getContext('2d').drawImage(image, place * (width + GAP), 0, width, height, 0, 0, width, height);
  };

  const names = indices => {
    const all = indices.map(i => data.learners[i]), last = all.pop();
    return all.length ? tr('{first} and {last}', {first: all.join(tr(', ')), last}) : last;
  };

  const verdict = round => {
    const {right, choices} = data.rounds[round], [choice, seconds] = game.answers[round];
    const said = find('.said');
    const mine = document.createElement('b');
    mine.className = choice === right ? 'yes' : 'no';
    mine.textContent = choice === right ? tr('Right') : tr('No');
    said.replaceChildren(mine, tr(', in {seconds} s. ', {seconds: seconds.toFixed(1)}));
    const by = wanted => choices.map((one, i) => i).filter(i => (choices[i] === right) === wanted);
    if (by(true).length) said.append(tr('{names}: right. ', {names: names(by(true))}));
    if (by(false).length) said.append(tr('{names}: wrong.', {names: names(by(false))}));
  };

  const course = now => {
    find('.course').replaceChildren(...data.rounds.map((round, i) => {
      const step = document.createElement('li'), given = game.answers[i];
      step.className = given ? (given[0] === round.right ? 'yes' : 'no') : i === now ? 'now' : '';
      return step;
    }));
  };

  const colors = getComputedStyle(root).getPropertyValue('--st-chart-categorical-colors').split(',').map(color => color.trim());

  /** Show a round; one that is answered with the answers, of the person and of the learners. */
  const show = round => {
    game.open = round;
    const {right, choices, group} = data.rounds[round], given = game.answers[round];
    find('.where').textContent = tr('Question {number} of {all}', {number: round + 1, all: data.rounds.length}) + (group ? ` · ${group}` : '');
    find('.question').textContent = data.question;
    find('.asked canvas').setAttribute('aria-label', tr('What is asked for'));
    const drawn = [draw(find('.asked canvas'), round, data.ways)];
    find('.candidates').replaceChildren(...Array.from({length: data.ways}, (_, i) => {
      const button = document.createElement('button'), canvas = document.createElement('canvas'), who = document.createElement('span');
      Object.assign(button, {type: 'button', disabled: Boolean(given)});
      button.setAttribute('aria-label', given && i === right ? tr('Candidate {number}, the right one', {number: i + 1}) : tr('Candidate {number}', {number: i + 1}));
      button.className = given && i === right ? 'right' : given && i === given[0] ? 'wrong' : '';
      who.className = 'who';
      if (given) choices.forEach((choice, learner) => {
        if (choice !== i) return;
        const mark = document.createElement('i');
        mark.style.setProperty('--swatch', colors[learner % colors.length]);
        mark.title = data.learners[learner];
        who.append(mark);
      });
      button.append(canvas, who);
      button.onclick = () => answer(i);
      drawn.push(draw(canvas, round, i));
      return button;
    }));
    find('.next').hidden = !given || round + 1 === data.rounds.length;
    if (given) verdict(round);
    else find('.said').replaceChildren();
    course(round);
    if (!given) Promise.all(drawn).then(() => { game.began = performance.now(); });
  };

  const answer = choice => {
    if (game.answers.length !== game.open) return;
    game.answers.push([choice, (performance.now() - game.began) / 1000]);
    show(game.open);
    find('.next').focus({preventScroll: true});
    setStateValue('answers', {key: data.key, given: game.answers});
  };

  find('.next').onclick = () => {
    show(game.open + 1);
    find('.candidates button').focus({preventScroll: true});
  };
  root.style.setProperty('--columns', data.ways);
  if (game.open === null) show(Math.min(game.answers.length, data.rounds.length - 1));
  else if (!strips) show(game.open);
}
