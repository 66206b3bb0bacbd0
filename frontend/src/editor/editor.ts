// The editor's page: puts the server's cards in their places on the canvas.

function place(): void {
  for (const card of document.querySelectorAll<HTMLElement>("[data-canvas-cards] > [data-node]")) {
    card.style.transform = `translate(${card.dataset["x"]}px, ${card.dataset["y"]}px)`;
  }
}

place();
