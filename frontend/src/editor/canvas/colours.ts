// The theme's colours as a drawing needs them: resolved, and again when the theme changes.

export class Colours {
  private readonly known = new Map<string, string>();
  private readonly probe = document.createElement("i");
  private readonly watch: MutationObserver;
  private readonly ends = new AbortController();

  constructor(root: HTMLElement, changed: () => void) {
    this.probe.hidden = true;
    root.append(this.probe);
    const forget = (): void => {
      this.known.clear();
      changed();
    };
    this.watch = new MutationObserver(forget);
    this.watch.observe(document.documentElement, { attributeFilter: ["class", "data-theme"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", forget, { signal: this.ends.signal });
  }

  /** The value of a variable of tokens.css: `get("card")`. */
  get(name: string): string {
    let value = this.known.get(name);
    if (value === undefined) {
      this.probe.style.color = `var(--${name})`;
      value = getComputedStyle(this.probe).color;
      this.known.set(name, value);
    }
    return value;
  }

  category(name: string): string {
    return name ? this.get(`category-${name}`) : this.get("input");
  }

  /** Of a run's state; null for a node that has none. */
  state(name: string): string | null {
    const alike: Record<string, string> = {
      retrying: "waiting",
      paused: "waiting",
      timed_out: "failed",
      unreached: "skipped",
      pending: "idle",
    };
    return name ? this.get(`state-${alike[name] ?? name}`) : null;
  }

  stop(): void {
    this.watch.disconnect();
    this.ends.abort();
    this.probe.remove();
  }
}
