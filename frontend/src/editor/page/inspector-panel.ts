// The frame of the inspector: width, tabs, three panes side by side, a sheet on small screens.

const NARROWEST = 320;
const WIDEST = 1200;
const STEP = 24;
const KEPT = "fluxprompt.inspector.width";
const SHEET = matchMedia("(max-width: 40rem)");

export class Panel {
  private readonly tabs: HTMLElement[];

  constructor(
    private readonly root: HTMLElement,
    private readonly close: () => void,
  ) {
    this.tabs = [...root.querySelectorAll<HTMLElement>("[data-tab]")];
    this.setWidth(Number(localStorage.getItem(KEPT)) || 400);
    for (const tab of this.tabs) tab.addEventListener("click", () => this.select(tab.dataset["tab"]));
    root.querySelector("[role=tablist]")?.addEventListener("keydown", (event) => this.onTabKey(event));
    root.querySelector("[data-inspector-close]")?.addEventListener("click", close);
    const wide = root.querySelector<HTMLElement>("[data-inspector-wide]");
    wide?.addEventListener("click", () => this.setWide(!("wide" in root.dataset)));
    root.addEventListener("keydown", (event) => this.onKey(event));
    this.makeResizable();
    this.select("settings");
    SHEET.addEventListener("change", () => this.coverOthers());
  }

  open(): void {
    this.root.hidden = false;
    this.coverOthers();
  }

  hide(): void {
    this.root.hidden = true;
    this.coverOthers();
  }

  select(name: string | undefined): void {
    for (const tab of this.tabs) {
      const chosen = tab.dataset["tab"] === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    this.root.dataset["shown"] = name ?? "settings";
  }

  setWide(wide: boolean): void {
    this.root.toggleAttribute("data-wide", wide);
    this.root.querySelector("[data-inspector-wide]")?.setAttribute("aria-pressed", String(wide));
  }

  /** A sheet covers the page: what is under it cannot be reached meanwhile. */
  private coverOthers(): void {
    const covered = SHEET.matches && !this.root.hidden;
    for (const other of this.root.parentElement?.children ?? []) {
      if (other !== this.root) other.toggleAttribute("inert", covered);
    }
  }

  private onKey(event: KeyboardEvent): void {
    // The list of a code field takes Escape first.
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    this.close();
  }

  private onTabKey(event: Event): void {
    if (!(event instanceof KeyboardEvent)) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const now = this.tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    const next = this.tabs[(now + step + this.tabs.length) % this.tabs.length];
    this.select(next?.dataset["tab"]);
    next?.focus();
  }

  private setWidth(width: number): void {
    const kept = Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)));
    this.root.style.setProperty("--inspector-width", `${kept}px`);
    // What floats over the canvas makes room for the panel.
    this.root.parentElement?.style.setProperty("--inspector-room", `${kept}px`);
    this.handle?.setAttribute("aria-valuenow", String(kept));
  }

  private get handle(): HTMLElement | null {
    return this.root.querySelector<HTMLElement>("[data-inspector-resize]");
  }

  private makeResizable(): void {
    const { handle } = this;
    handle?.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      const drag = (move: PointerEvent): void => {
        this.setWidth(this.root.getBoundingClientRect().right - move.clientX);
      };
      handle.addEventListener("pointermove", drag);
      const end = (): void => {
        handle.removeEventListener("pointermove", drag);
        this.keepWidth();
      };
      handle.addEventListener("lostpointercapture", end, { once: true });
    });
    handle?.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: STEP, ArrowRight: -STEP }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.setWidth(this.root.getBoundingClientRect().width + step);
      this.keepWidth();
    });
  }

  private keepWidth(): void {
    const width = this.root.style.getPropertyValue("--inspector-width");
    localStorage.setItem(KEPT, String(Number.parseInt(width, 10)));
  }
}
