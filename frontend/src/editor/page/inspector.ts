// The inspector: a node's form, the data that comes in, and its last output, beside the canvas.
import type { Json } from "../fields/json";
import { make } from "./dom";
import { Form, type ChangeNote, type FormEntry } from "./form";
import type { Problem } from "./form-problems";
import { NodeData } from "./inspector-data";
import { Panel } from "./inspector-panel";
import { partOf } from "./part-of";

export interface InspectorHost {
  readonly flow: string;
  /** The run of a page that shows the flow as it was then. */
  readonly past?: string;
  /** The node as it is in the page now, changes that are on their way included. */
  entry(node: string): FormEntry | undefined;
  /** The output that somebody fixed for the node, if any. */
  pin(node: string): Json | undefined;
  /** One edit of a field: `set` of that path; undefined removes its key. */
  onChange(node: string, path: readonly string[], value: Json | undefined, note: ChangeNote): void;
  onRename(node: string, to: string): void;
  onClose(node: string): void;
  /** The panel has come up beside the canvas, or was asked for again. */
  onShow?(node: string): void;
  /** Run again from a node of a run; without it the page of the new run is opened. */
  onRetry?(node: string, run: string): void;
}

/** What of the flow has changed. */
export interface TouchedNodes {
  readonly nodes: ReadonlySet<string>;
  readonly edges: ReadonlySet<string>;
  /** Nodes that have another id now. */
  readonly renamed?: ReadonlyMap<string, string>;
}

export class Inspector {
  private readonly panel: Panel;
  private readonly data: NodeData;
  private node: string | null = null;
  private form: Form | null = null;
  /** Whose form is in the page: until that of the next node has come, the one before. */
  private formNode: string | null = null;
  private run: string | null = null;
  private problems: readonly Problem[] = [];
  private from: Element | null = null;
  private shown = 0;
  private loading: Promise<void> = Promise.resolve();
  /** What the server does not have yet may change names and data. */
  private isStale = false;
  private pin: Json | undefined;

  constructor(
    readonly root: HTMLElement,
    private readonly host: InspectorHost,
  ) {
    this.panel = new Panel(root, () => this.close());
    const slots = { input: this.slot("input"), output: this.slot("output"), last: this.slot("last") };
    const picked = (expression: string): void => {
      this.panel.select("settings");
      if (this.formNode === this.node) this.form?.insert(expression);
    };
    this.data = new NodeData(root, host.flow, slots, picked, host.past !== undefined);
    root.addEventListener("click", (event) => this.onJump(event));
    root.addEventListener("submit", (event) => this.onRetry(event));
  }

  get open(): string | null {
    return this.node;
  }

  /** Show a node, or nothing. `focus`: the panel gets the keyboard, and gives it back. */
  async show(node: string | null, { focus = false } = {}): Promise<void> {
    if (node === null) return this.close(false);
    if (focus) this.from = document.activeElement;
    const comesUp = this.node === null;
    if (node !== this.node) this.loading = this.load(node);
    if (focus || comesUp) this.host.onShow?.(node);
    // At once: later somebody may be typing in a field already.
    if (focus) this.slot("title")?.focus();
    await this.loading;
  }

  /** Take over what has changed in the nodes that are shown. */
  update(touched: TouchedNodes): void {
    this.isStale ||= touched.edges.size > 0 || [...touched.nodes].some((node) => this.mayMatter(node));
    if (this.node === null || !touched.nodes.has(this.node)) return;
    const pin = this.host.pin(this.node);
    this.isStale ||= pin !== this.pin;
    this.pin = pin;
    const to = touched.renamed?.get(this.node);
    if (to !== undefined && !this.host.entry(this.node)) this.renamed(this.node, to);
    const entry = this.host.entry(this.node);
    if (!entry) {
      this.close(false);
    } else if (this.form && this.formNode === this.node && !this.form.sync(entry)) {
      this.loading = this.load(this.node);
    }
    this.showHead();
  }

  /** The server has all changes: what depends on them is asked for again. */
  saved(): void {
    if (!this.isStale) return;
    this.isStale = false;
    if (this.node !== null) void this.data.show(this.node, this.run);
  }

  /** The node that is shown has another id now; its form stays as it is. */
  renamed(from: string, to: string): void {
    if (this.formNode === from) this.formNode = to;
    if (this.node !== from) return;
    this.node = to;
    this.isStale = true;
    const place = this.slot("form")?.querySelector<HTMLElement>("[data-inspector-form]");
    if (place) place.dataset["node"] = to;
    void this.data.show(to, this.run);
    this.showProblems(this.problems);
    this.showHead();
  }

  showProblems(problems: readonly Problem[]): void {
    this.problems = problems;
    this.form?.showProblems(problems.filter((problem) => problem.node === this.formNode));
  }

  /** The run whose data is shown; null: the flow's latest, looked for anew. */
  setRun(run: string | null): void {
    this.run = run;
    if (this.node !== null) void this.data.show(this.node, this.run);
  }

  /** What the node that is shown does in a run that goes on; its text is shown as it comes. */
  live(state: string, text: string): void {
    if (text && ["running", "retrying"].includes(state)) this.data.live(text);
  }

  /** Jump to a field by the path of a problem. */
  focusField(path: string): boolean {
    this.panel.select("settings");
    return this.form?.focusField(path) ?? false;
  }

  close(giveBack = true): void {
    const { node } = this;
    if (node === null) return;
    this.node = null;
    this.shown += 1;
    this.drop();
    this.panel.hide();
    this.slot("form")?.replaceChildren();
    if (giveBack) {
      const card = document.getElementById(`card-${node}`);
      const target = this.from?.isConnected && this.from !== document.body ? this.from : card;
      (target as HTMLElement | null)?.focus();
    }
    this.from = null;
    this.host.onClose(node);
  }

  private async load(node: string): Promise<void> {
    this.node = node;
    this.pin = this.host.pin(node);
    const order = (this.shown += 1);
    this.panel.open();
    this.showHead();
    void this.data.show(node, this.run);
    const type = encodeURIComponent(this.host.entry(node)?.type ?? "");
    const then = this.host.past ? `&run=${this.host.past}&then=1` : "";
    const html = await partOf(`/flows/${this.host.flow}/nodes/${node}/form/?type=${type}${then}`);
    if (order !== this.shown) return;
    const place = this.slot("form");
    if (!place) return;
    this.drop();
    if (html === null) {
      place.replaceChildren(make("p", { class: "caption" }, "The form could not be loaded. Open the node again."));
      return;
    }
    place.innerHTML = html;
    this.fillForm(place, node);
    // CodeMirror is a large part of the page, and wanted only here. Without it there are textareas.
    if (place.querySelector("flux-code")) await import("../fields/flux-code").catch(() => undefined);
  }

  private drop(): void {
    this.form?.destroy();
    this.form = this.formNode = null;
  }

  private fillForm(place: HTMLElement, shown: string): void {
    this.formNode = shown;
    const form: Form = new Form(place, {
      onChange: (path, value, note) => {
        const { formNode: node } = this;
        if (node === null) return;
        this.host.onChange(node, path, value, { ...note, ...grouped(node, note) });
        const detail = { node, path, value, ...note };
        this.root.dispatchEvent(new CustomEvent("inspector:change", { bubbles: true, detail }));
      },
      onRename: (to) => {
        if (this.formNode !== null) this.host.onRename(this.formNode, to);
        // An id that cannot be had is taken back.
        this.sync(form);
      },
    });
    this.form = form;
    this.sync(form);
    this.showProblems(this.problems);
    this.showHead();
  }

  private sync(form: Form): void {
    const entry = this.formNode === null ? undefined : this.host.entry(this.formNode);
    if (entry) form.sync(entry);
  }

  /** An edit of a plain node's own fields changes nothing of what it knows. */
  private mayMatter(node: string): boolean {
    return node !== this.node || ["map", "loop"].includes(this.host.entry(node)?.type ?? "");
  }

  private showHead(): void {
    const place = this.slot("form")?.querySelector<HTMLElement>("[data-inspector-form]");
    const mine = place?.dataset["node"] === this.node ? place : null;
    const entry = this.node === null ? undefined : this.host.entry(this.node);
    const label = entry?.["label"];
    const type = mine?.dataset["title"] ?? entry?.type ?? "";
    const title = typeof label === "string" && label !== "" ? label : type;
    const [head, kind, icon] = [this.slot("title"), this.slot("type"), this.slot("icon")];
    if (head) head.textContent = title;
    if (kind) kind.textContent = title === type ? (this.node ?? "") : `${type} · ${this.node ?? ""}`;
    const drawn = mine?.querySelector<HTMLTemplateElement>("[data-form-icon]");
    if (!icon || !mine || !drawn) return;
    icon.dataset["category"] = mine.dataset["category"] ?? "";
    icon.replaceChildren(drawn.content.cloneNode(true));
  }

  private onJump(event: Event): void {
    const button = (event.target as Element).closest<HTMLElement>("[data-jump]");
    if (button) this.focusField(button.dataset["jump"] ?? "");
  }

  private onRetry(event: Event): void {
    const { retry, run } = (event.target as HTMLElement).dataset;
    if (retry === undefined || run === undefined || !this.host.onRetry) return;
    event.preventDefault();
    this.host.onRetry(retry, run);
  }

  private slot(name: string): HTMLElement | null {
    return this.root.querySelector<HTMLElement>(`[data-slot="${name}"]`);
  }
}

function grouped(node: string, note: ChangeNote): { group?: string } {
  return note.group === undefined ? {} : { group: `${node} ${note.group}` };
}
