// The buttons of the view: zoom, fit, minimap; the zoom is shown on one of them.
import type { Stage } from "./stage";

export interface ViewTools {
  in(): void;
  out(): void;
  fit(): void;
  actual(): void;
  minimap(): void;
}

export function wireTools(stage: Stage, tools: ViewTools): void {
  for (const button of stage.root.querySelectorAll<HTMLElement>("[data-canvas-tool]")) {
    const name = button.dataset["canvasTool"] as keyof ViewTools;
    button.addEventListener("click", () => tools[name]?.());
  }
  const slot = stage.root.querySelector("[data-slot=zoom]");
  let told = "";
  stage.painters.push(() => {
    const text = `${Math.round(stage.viewport.now.zoom * 100)} %`;
    if (slot && text !== told) slot.textContent = told = text;
  });
}
