// The panel at the left with its two pages; on small screens it is a drawer over the canvas.
import { memory, need } from "./dom";

const NARROW = matchMedia("(max-width: 55.99rem)");
const OPEN = "editor-panel";

export type PanelPage = "nodes" | "outline";

export class Panel {
  readonly element = need("[data-panel]");
  private readonly editor = need("[data-editor]");
  private readonly tabs = [...this.element.querySelectorAll<HTMLElement>("[role=tab]")];
  private back: HTMLElement | null = null;

  constructor(private readonly shown: (page: PanelPage) => void) {
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.choose(tab));
      tab.addEventListener("keydown", (event) => this.onTabKey(event));
    }
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isDrawer && !event.defaultPrevented) this.close();
    });
    // Over a small screen the drawer goes when people turn to the canvas.
    need(".editor-main").addEventListener("pointerdown", (event) => {
      const within = event.target instanceof Element && event.target.closest(".open-panel");
      if (this.isDrawer && this.isOpen && !within) this.close();
    });
    NARROW.addEventListener("change", () => this.setOpen(!NARROW.matches && memory.read(OPEN) !== "closed"));
    this.setOpen(!NARROW.matches && memory.read(OPEN) !== "closed");
    // Before it is known whether there is room, a drawer would only flash.
    this.element.dataset["started"] = "";
  }

  get isDrawer(): boolean {
    return NARROW.matches;
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  get page(): PanelPage {
    return this.tabs[1]?.getAttribute("aria-selected") === "true" ? "outline" : "nodes";
  }

  open(page: PanelPage): void {
    if (!this.isOpen) this.back = document.activeElement as HTMLElement | null;
    this.setOpen(true);
    const tab = this.tabs[page === "nodes" ? 0 : 1];
    if (tab) this.choose(tab);
  }

  close(): void {
    const inside = this.element.contains(document.activeElement);
    this.setOpen(false);
    if (inside) (this.back ?? need(".open-panel")).focus();
    this.back = null;
  }

  toggle(): void {
    if (this.isOpen) {
      this.close();
      return;
    }
    this.open(this.page);
    this.tabs.find((tab) => tab.getAttribute("aria-selected") === "true")?.focus();
  }

  private setOpen(open: boolean): void {
    this.element.hidden = !open;
    this.editor.toggleAttribute("data-panel-open", open);
    need(".open-panel").setAttribute("aria-expanded", String(open));
    if (!this.isDrawer) memory.write(OPEN, open ? "open" : "closed");
  }

  private choose(tab: HTMLElement): void {
    for (const other of this.tabs) {
      const isIt = other === tab;
      other.setAttribute("aria-selected", String(isIt));
      other.tabIndex = isIt ? 0 : -1;
      need(`#${other.getAttribute("aria-controls")}`).hidden = !isIt;
    }
    this.shown(this.page);
  }

  private onTabKey(event: KeyboardEvent): void {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    const other = this.tabs.find((tab) => tab.getAttribute("aria-selected") === "false");
    if (!other) return;
    this.choose(other);
    other.focus();
  }
}
