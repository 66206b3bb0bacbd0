// Text that streams inside containers: of the one item a step is followed in, and of open ones.
import { StreamText, append } from "./stream-text";
import type { Delta, RunEvent } from "./run-messages";
import { paintState } from "./state";
import { swapFrom } from "./swap";

/** Characters of a followed text that stay on the page: its end is what is read. */
const SHOWN = 4_000;
const WORDS: Record<string, string> = { map: "item", loop: "round" };

interface Shown {
  place: string;
  text: StreamText;
  /** Where it goes; null until it is drawn the first time. */
  element: Element | null;
}

export class RunLive {
  /** The items that are open now, for the server to send their texts too. */
  onOpened: (places: string[]) => void = () => undefined;
  private readonly latest = new Map<string, Shown>();
  private opened = new Map<string, Shown>();

  constructor(private readonly root: HTMLElement) {}

  take(delta: Delta): void {
    const place = placeOf(delta.node, delta.path);
    const part = delta.part ?? 0;
    const open = this.opened.get(place);
    if (open) {
      if (delta.attempt > open.text.attempt || part > open.text.part) {
        open.text = new StreamText(delta.attempt, 0, part);
        open.element?.replaceChildren();
      }
      if (delta.attempt === open.text.attempt && part === open.text.part) open.text.add(delta);
    }
    if (delta.latest) this.follow(delta, place, part);
  }

  /** As `take`, of the stretches that are kept: they fill what a page came too late for. */
  takeEvent(event: RunEvent): void {
    const { node = "", path, attempt = 1, part = 0, offset = 0, text = "", latest = false } = event;
    if (path) this.take({ node, path, attempt, part, offset, text, latest });
  }

  private follow(delta: Delta, place: string, part: number): void {
    let shown = this.latest.get(delta.node);
    const known = shown?.text;
    const same = shown?.place === place && known?.attempt === delta.attempt && known.part === part;
    if (!same) {
      // Begun before this page came: what follows is shown from here on.
      shown = { place, text: new StreamText(delta.attempt, delta.offset, part), element: null };
      this.latest.set(delta.node, shown);
    }
    shown?.text.add(delta);
  }

  /** Put what has come since the last frame on the page; `states` are those of the steps inside. */
  draw(states: ReadonlyMap<string, string>): void {
    for (const open of this.opened.values()) append(open.element, open.text.takeFresh());
    for (const [node, shown] of this.latest) {
      const step = document.getElementById(`step-${node}`);
      const box = step?.querySelector<HTMLElement>(':scope > [data-slot="latest"]');
      if (!box) continue;
      const state = states.get(node) ?? "";
      box.hidden = state !== "running" && state !== "retrying" && state !== "pending";
      const fresh = shown.text.takeFresh();
      if (!fresh) continue;
      if (!shown.element) this.begin(box, shown);
      append(shown.element, fresh);
      const text = shown.element?.firstChild;
      if (text instanceof Text && text.length > 2 * SHOWN) text.deleteData(0, text.length - SHOWN);
    }
  }

  private begin(box: HTMLElement, shown: Shown): void {
    shown.element = box.querySelector('[data-slot="latest-text"]');
    shown.element?.replaceChildren();
    const name = box.querySelector('[data-slot="latest-name"]');
    if (name) name.textContent = this.nameOf(shown.place);
  }

  /** A place in the server's words: `Item 3, round 0`. */
  private nameOf(place: string): string {
    const parts = place.slice(place.indexOf(":") + 1).split(".");
    const named: string[] = [];
    for (let at = 0; at + 1 < parts.length; at += 2) {
      const type = document.getElementById(`step-${parts[at]}`)?.dataset["holds"] ?? "";
      named.push(`${WORDS[type] ?? "item"} ${parts[at + 1]}`);
    }
    const text = named.join(", ");
    return text.charAt(0).toUpperCase() + text.slice(1);
  }

  /** Items were opened, closed or drawn again. */
  look(): void {
    const found = new Map<string, Shown>();
    for (const element of this.root.querySelectorAll<HTMLElement>("[data-streaming]")) {
      if (!element.closest("details")?.open) continue;
      const place = element.dataset["streaming"] ?? "";
      const known = this.opened.get(place);
      const { attempt = "1", length = "0", part = "0" } = element.dataset;
      const text = new StreamText(Number(attempt), Number(length), Number(part));
      found.set(place, known?.element === element ? known : { place, text, element });
    }
    const before = [...this.opened.keys()].join(" ");
    this.opened = found;
    // Also that none is open any more: else the server goes on sending their texts.
    const places = [...found.keys()];
    if (places.join(" ") !== before) this.onOpened(places);
  }

  /** Say it again to a server that knows nothing yet; it sends none unless it is told to. */
  tell(): void {
    if (this.opened.size) this.onOpened([...this.opened.keys()]);
  }

  /** A step is over in one item: where that is open, the server draws what came out. */
  finished(event: RunEvent): void {
    const place = placeOf(event.node ?? "", event.path);
    const details = this.opened.get(place)?.element?.closest("details");
    if (!details) return;
    const badge = details.querySelector<HTMLElement>("summary .state");
    if (badge) paintState(badge, event.status ?? "succeeded");
    const body = details.querySelector<HTMLElement>("[data-values-body]");
    const wanted = (): Element | null => (details.open && body?.isConnected ? body : null);
    void swapFrom(details.dataset["values"] ?? "", wanted).then(() => this.look());
  }
}

function placeOf(node: string, path: readonly (string | number)[] | undefined): string {
  return `${node}:${(path ?? []).join(".")}`;
}
