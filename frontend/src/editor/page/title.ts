// The tab's title: the state of the run that is shown, then the flow's name.

let name = "";
let mark = "";

function show(): void {
  const title = `${name} · Editor · FluxPrompt`;
  const wanted = mark ? `${mark} ${title}` : title;
  if (document.title !== wanted) document.title = wanted;
}

export function titleName(to: string): void {
  name = to;
  show();
}

/** What the run says before the name, as `▸ Running ·`; empty: nothing. */
export function titleMark(to: string): void {
  mark = to;
  if (name) show();
}
