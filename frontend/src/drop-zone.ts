// A box that files are dropped on: the file field in it takes them, this says which they are.

/** Say what is chosen, and show when something is held over the box. */
export function watchDropZones(): void {
  for (const zone of document.querySelectorAll<HTMLElement>("[data-drop-zone]")) {
    const field = zone.querySelector<HTMLInputElement>("input[type=file]");
    const word = zone.querySelector<HTMLElement>("[data-chosen]");
    if (!field || !word) continue;
    const say = (): void => {
      word.textContent = named([...(field.files ?? [])]);
    };
    field.addEventListener("change", say);
    for (const kind of ["dragenter", "dragover"]) {
      zone.addEventListener(kind, () => zone.toggleAttribute("data-over", true));
    }
    for (const kind of ["dragleave", "drop"]) {
      zone.addEventListener(kind, () => zone.toggleAttribute("data-over", false));
    }
    say();
  }
}

function named(files: File[]): string {
  const first = files.slice(0, 3).map((file) => file.name);
  const rest = files.length - first.length;
  return first.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
