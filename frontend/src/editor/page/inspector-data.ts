// What stands around a node's form: the names its expressions know, what comes in, what it gave.
import { Scope, setScope } from "../fields/scope";
import { fillTree } from "./data-tree";
import { make } from "./dom";
import { NodeValues } from "./node-values";
import { OutputPane } from "./output-pane";
import { partOf } from "./part-of";

const NO_RUN = "Run the flow once to see the data that comes in.";

export interface DataSlots {
  readonly input: HTMLElement | null;
  readonly output: HTMLElement | null;
  readonly last: HTMLElement | null;
}

export class NodeData {
  private scope: Scope;
  private readonly output: OutputPane | null;
  /** Lines of the input that are open; they stay so when other values come. */
  private opened = new Set<string>();
  private node = "";
  private asked = 0;
  private input = "";

  constructor(
    private readonly root: HTMLElement,
    private readonly flow: string,
    private readonly slots: DataSlots,
    private readonly picked: (expression: string) => void,
    /** A page of a run that was: the flow is that of then. */
    private readonly isPast = false,
  ) {
    this.output = slots.output ? new OutputPane(slots.output) : null;
    this.scope = new Scope(flow, "");
  }

  /** The data of a node from a run; null: from the flow's latest. */
  show(node: string, run: string | null): Promise<void> {
    if (node !== this.node) {
      this.node = node;
      this.opened = new Set();
      this.input = "";
      this.scope = new Scope(this.flow, node);
      setScope(this.root, this.scope);
    }
    return this.load(run);
  }

  /** Ask again for everything; only what is another than before is drawn anew. */
  private async load(run: string | null): Promise<void> {
    const asked = (this.asked += 1);
    const isLatest = (): boolean => asked === this.asked;
    const query = this.about(run);
    const values = new NodeValues(this.flow, this.node, query);
    await Promise.all([
      this.scope.load(run, query),
      this.loadInput(values, isLatest),
      this.output?.show(values),
      partOf(`/flows/${this.flow}/nodes/${this.node}/last/?${query}`).then((html) => {
        const { last } = this.slots;
        if (last && html !== null && isLatest()) last.innerHTML = html;
      }),
    ]);
  }

  /** A text that the node streams now. */
  live(text: string): void {
    this.output?.showLive(text);
  }

  private about(run: string | null): string {
    const query = new URLSearchParams(run ? { run } : {});
    if (run && this.isPast) query.set("then", "1");
    return query.toString();
  }

  private async loadInput(values: NodeValues, isLatest: () => boolean): Promise<void> {
    const place = this.slots.input;
    const level = await values.level({ of: "input" });
    if (!place || !isLatest()) return;
    const now = JSON.stringify(level);
    if (now === this.input) return;
    this.input = now;
    place.replaceChildren();
    if (level?.children?.length) {
      const { picked, opened } = this;
      fillTree(place, { of: "input", values, prefix: [], picked, opened }, level);
      return;
    }
    const said = level?.run ? "Nothing comes in: no node stands before this one." : NO_RUN;
    place.append(make("p", { class: "caption" }, level ? said : "The server does not answer."));
  }
}
