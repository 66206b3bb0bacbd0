// The editor's page: puts the server's cards in their places on the canvas.
import { tryInspector } from "./page/inspector-try";

function place(): void {
  for (const card of document.querySelectorAll<HTMLElement>("[data-canvas-cards] > [data-node]")) {
    card.style.transform = `translate(${card.dataset["x"]}px, ${card.dataset["y"]}px)`;
  }
}

place();

const editor = document.querySelector<HTMLElement>("[data-editor]");
if (editor) tryInspector(editor);
