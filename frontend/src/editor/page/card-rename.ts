// A node is renamed where it stands: a field in the place of its title.

/** Ask for another title on the card; `done` is told one that differs. */
export function renameOnCard(card: HTMLElement, title: string, done: (title: string) => void): void {
  const place = card.querySelector<HTMLElement>('[data-slot="title"]');
  if (!place || card.querySelector(".node-card-rename")) return;
  const field = document.createElement("input");
  field.className = "node-card-rename input";
  field.value = title;
  field.maxLength = 200;
  field.setAttribute("aria-label", "Name of the node");
  place.hidden = true;
  place.after(field);
  field.focus();
  field.select();
  let over = false;
  const end = (keep: boolean): void => {
    if (over) return;
    over = true;
    const text = field.value.trim();
    const focused = document.activeElement === field;
    field.remove();
    place.hidden = false;
    if (focused) card.focus({ preventScroll: true });
    if (keep && text !== title) done(text);
  };
  field.addEventListener("blur", () => end(true));
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" || event.key === "Escape") {
      event.preventDefault();
      end(event.key === "Enter");
    }
  });
  // The canvas would take these for a drag, a selection or a pan.
  for (const type of ["pointerdown", "mousedown", "touchstart", "dblclick"]) {
    field.addEventListener(type, (event) => event.stopPropagation());
  }
}
