// Messages in the corner: those the server sent go by themselves, new ones can be raised.

/** Good news leaves by itself, unless somebody is at it; errors stay until dismissed. */
export function expireToasts(): void {
  for (const toast of document.querySelectorAll<HTMLElement>("[data-toast]")) {
    if (toast.dataset["tone"] === "error" || toast.dataset["tone"] === "warning") continue;
    const leave = (): void => {
      if (toast.matches(":hover, :focus-within")) setTimeout(leave, 3_000);
      else toast.remove();
    };
    setTimeout(leave, 8_000);
  }
}

/** Say that something went wrong; `link` opens beside this page, so that nothing on it is lost. */
export function raiseError(text: string, link?: { href: string; text: string }): void {
  dropRaised();
  const template = document.getElementById("toast-template");
  const toasts = document.getElementById("toasts");
  if (!(template instanceof HTMLTemplateElement) || !toasts) return;
  const fragment = template.content.cloneNode(true) as DocumentFragment;
  const toast = fragment.querySelector<HTMLElement>("[data-toast]");
  const words = fragment.querySelector("p");
  if (!toast || !words) return;
  toast.dataset["raised"] = "";
  words.textContent = text;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.target = "_blank";
    anchor.className = "text-link";
    anchor.textContent = link.text;
    words.append(" ", anchor);
  }
  toasts.append(fragment);
}

/** Say that nothing new is taken at the moment, until it is over (null). */
export function tellMaintenance(told: string | null, more: string): void {
  for (const toast of document.querySelectorAll("[data-maintenance]")) toast.remove();
  const template = document.getElementById("toast-template");
  const toasts = document.getElementById("toasts");
  if (told === null || !(template instanceof HTMLTemplateElement) || !toasts) return;
  const fragment = template.content.cloneNode(true) as DocumentFragment;
  const toast = fragment.querySelector<HTMLElement>("[data-toast]");
  const words = fragment.querySelector("p");
  if (!toast || !words) return;
  toast.dataset["maintenance"] = "";
  toast.dataset["tone"] = "warning";
  words.textContent = `Maintenance: ${told} ${more}`;
  toasts.append(fragment);
}

/** What was raised is over: a later request went well, or another one failed. */
export function dropRaised(): void {
  for (const toast of document.querySelectorAll("[data-toast][data-raised]")) toast.remove();
}
