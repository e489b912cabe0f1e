// What Streamlit 1.67's front end does otherwise than people expect. Runs once a document.
if (!window.innerloop) {
  window.innerloop = true;

  // What a page has drawn by the time it is left by Back or Forward may arrive after that, and its address would be written over
  // the one gone to. From there nothing leads to another page until somebody acts (a gesture may close Present: no key, no press).
  let wentTo = '';
  addEventListener('popstate', () => wentTo = location.pathname);
  for (const act of ['pointerdown', 'keydown', 'click', 'close']) addEventListener(act, () => wentTo = '', true);

  // st.switch_page with a query writes it behind the address of the page that is left, before it opens the other: Back would
  // lead to /train?run=10. That is left out; an entry whose query has only gone takes the place of the one before it.
  const compared = ['compare', 'present'];
  const belongs = {run: ['run', 'present', 'playground'], beside: ['run'], from: ['train'], preset: ['train'], runs: compared, groups: compared, curves: compared};
  const [push, replace] = [history.pushState.bind(history), history.replaceState.bind(history)];
  function write(how, state, title, address) {
    const to = new URL(address, document.baseURI), page = to.pathname.split('/').pop();
    if (wentTo && to.pathname !== wentTo) return;
    const here = to.pathname === location.pathname;
    if (here && [...to.searchParams.keys()].some(key => !(belongs[key] ?? [page]).includes(page))) return;
    if (how === push && to.href === location.href) return;  // Present has the address of what it is left for
    (here && location.search && !to.search ? replace : how)(state, title, address);
  }
  history.pushState = (...to) => write(push, ...to);
  history.replaceState = (...to) => write(replace, ...to);

  // In the table of runs the space bar ticks the row, rather than opening a cell that cannot be edited: the grid's own key for
  // that is Shift and space.
  document.addEventListener('keydown', event => {
    if (event.key !== ' ' || event.shiftKey || !event.target.closest?.('.st-key-card-runs [data-testid=stDataFrame]')) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const ticks = {key: ' ', code: 'Space', keyCode: 32, shiftKey: true, bubbles: true, cancelable: true};
    event.target.dispatchEvent(new KeyboardEvent('keydown', ticks));
  }, true);
}
