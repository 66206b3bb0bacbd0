// Makes elements in one line each.

export function element(tag: string, className: string, text = ""): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function textButton(text: string, label: string, press: () => void): HTMLButtonElement {
  const button = element("button", "btn", text) as HTMLButtonElement;
  button.type = "button";
  button.dataset["variant"] = "ghost";
  button.dataset["size"] = "xs";
  if (label) button.setAttribute("aria-label", label);
  button.addEventListener("click", press);
  return button;
}
