// The inspector: a node's form, the data that comes in, and its last output, beside the canvas.
import { Scope, setScope } from "../fields/scope";
import type { Json } from "../fields/json";
import { fillTree } from "./data-tree";
import { element } from "./elements";
import { Form, type ChangeNote, type FormEntry } from "./form";
import type { Problem } from "./form-problems";
import { NodeValues } from "./node-values";
import { OutputPane } from "./output-pane";
import { Panel } from "./inspector-panel";

export interface InspectorHost {
  readonly flow: string;
  /** The run of a page that shows the flow as it was then. */
  readonly past?: string;
  /** The node as it is in the page now, changes that are on their way included. */
  entry(node: string): FormEntry | undefined;
  /** One edit of a field: `set` of that path; undefined removes its key. */
  onChange(node: string, path: readonly string[], value: Json | undefined, note: ChangeNote): void;
  onRename(node: string, to: string): void;
  onClose(node: string): void;
  /** Run again from a node of a run; without it the page of the new run is opened. */
  onRetry?(node: string, run: string): void;
}

/** What of the flow has changed. */
export interface TouchedNodes {
  readonly nodes: ReadonlySet<string>;
}

export class Inspector {
  private readonly panel: Panel;
  private node: string | null = null;
  private form: Form | null = null;
  private run: string | null = null;
  private problems: readonly Problem[] = [];
  private from: Element | null = null;
  private shown = 0;
  private output: OutputPane | null = null;

  constructor(
    readonly root: HTMLElement,
    private readonly host: InspectorHost,
  ) {
    this.panel = new Panel(root, () => this.close());
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
    const loading = node === this.node ? null : this.load(node);
    // At once: later somebody may be typing in a field already.
    if (focus) this.slot("title")?.focus();
    await loading;
  }

  /** Take over what has changed in the nodes that are shown. */
  update(touched: TouchedNodes): void {
    if (this.node === null || !touched.nodes.has(this.node)) return;
    const entry = this.host.entry(this.node);
    if (!entry) {
      this.close(false);
    } else if (this.form && !this.form.sync(entry)) {
      void this.load(this.node);
    }
    this.showHead();
  }

  /** The node that is shown has another id now. */
  renamed(from: string, to: string): void {
    if (this.node === from) void this.load(to);
  }

  showProblems(problems: readonly Problem[]): void {
    this.problems = problems;
    this.form?.showProblems(problems.filter((problem) => problem.node === this.node));
  }

  /** The run whose data is shown; null: the flow's latest, looked for anew. */
  setRun(run: string | null): void {
    this.run = run;
    if (this.node !== null) void this.loadData(this.node, this.shown);
  }

  /** What the node that is shown does in a run that goes on; its text is shown as it comes. */
  live(state: string, text: string): void {
    if (text && ["running", "retrying"].includes(state)) this.output?.showLive(text);
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
    this.form?.destroy();
    this.form = null;
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
    const order = (this.shown += 1);
    this.panel.open();
    this.showHead();
    const data = this.loadData(node, order);
    const type = encodeURIComponent(this.host.entry(node)?.type ?? "");
    const then = this.host.past ? `&${this.about(this.host.past)}` : "";
    const html = await partOf(`/flows/${this.host.flow}/nodes/${node}/form/?type=${type}${then}`);
    if (order !== this.shown) return;
    const place = this.slot("form");
    if (!place) return;
    if (html === null) {
      place.replaceChildren(element("p", "caption", "The form could not be loaded. Open the node again."));
      return;
    }
    this.form?.destroy();
    place.innerHTML = html;
    this.fillForm(node, place);
    await data;
  }

  private fillForm(node: string, place: HTMLElement): void {
    const form = new Form(place, {
      onChange: (path, value, note) => {
        this.host.onChange(node, path, value, { ...note, ...grouped(node, note) });
        const detail = { node, path, value, ...note };
        this.root.dispatchEvent(new CustomEvent("inspector:change", { bubbles: true, detail }));
      },
      onRename: (to) => this.host.onRename(node, to),
    });
    this.form = form;
    const entry = this.host.entry(node);
    if (entry) form.sync(entry);
    form.showProblems(this.problems.filter((problem) => problem.node === node));
    this.showHead();
    // CodeMirror is a large part of the page, and wanted only here.
    if (place.querySelector("flux-code")) void import("../fields/flux-code");
  }

  private async loadData(node: string, order: number): Promise<void> {
    const query = this.about(this.run);
    const scope = new Scope(this.host.flow, node, this.run, query);
    setScope(this.root, scope);
    const values = new NodeValues(this.host.flow, node, query);
    const last = partOf(`/flows/${this.host.flow}/nodes/${node}/last/?${query}`);
    const output = this.slot("output");
    this.output = output ? new OutputPane(output, values) : null;
    await Promise.all([
      scope.load(),
      this.loadInput(values),
      this.output?.show(),
      last.then((html) => {
        if (order === this.shown && html !== null) this.showLast(html);
      }),
    ]);
  }

  private async loadInput(values: NodeValues): Promise<void> {
    const place = this.slot("input");
    if (!place) return;
    const picked = (expression: string): void => {
      this.panel.select("settings");
      this.form?.insert(expression);
    };
    const level = await fillTree(place, { of: "input", values, prefix: [], picked });
    if (level?.children?.length) return;
    const said = level?.run ? "Nothing comes in: no node stands before this one." : NO_RUN;
    place.replaceChildren(element("p", "caption", level ? said : "The server does not answer."));
  }

  /** Which run the data is of, and whether the flow is that of then. */
  private about(run: string | null): string {
    const query = new URLSearchParams(run ? { run } : {});
    if (run && this.host.past) query.set("then", "1");
    return query.toString();
  }

  private showLast(html: string): void {
    const place = this.slot("last");
    if (place) place.innerHTML = html;
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

const NO_RUN = "Run the flow once to see the data that comes in.";

function grouped(node: string, note: ChangeNote): { group?: string } {
  return note.group === undefined ? {} : { group: `${node} ${note.group}` };
}

async function partOf(address: string): Promise<string | null> {
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" }, cache: "no-store" });
    return answer.ok && !answer.redirected ? await answer.text() : null;
  } catch {
    return null;
  }
}
