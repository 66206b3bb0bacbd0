// The last output of a node: as a table, as a tree of JSON, or as text; a part at a time.
import { fillTree } from "./data-tree";
import { make, textButton } from "./dom";
import { append } from "../../stream-text";
import { sized, type Level, type NodeValues } from "./node-values";

type Look = "table" | "tree" | "text";
const LOOKS: readonly [Look, string][] = [
  ["tree", "JSON"],
  ["table", "Table"],
  ["text", "Text"],
];

export class OutputPane {
  private look: Look = "tree";
  private path: readonly string[] = [];
  private readonly body = make("div", { class: "output-body" });
  private readonly bar = make("div", { class: "output-bar" });
  private asked = 0;
  private values: NodeValues | null = null;
  private seen = "";
  private opened = new Set<string>();
  private readonly live = make("pre", { class: "code-block output-live" });
  /** The node runs: what it streams is shown, not what is recorded. */
  private isLive = false;

  constructor(private readonly root: HTMLElement) {
    this.live.tabIndex = 0;
  }

  /** Show these values; as they were looked at before where they are of the same node. */
  async show(values: NodeValues): Promise<void> {
    const other = values.node !== this.values?.node;
    this.values = values;
    this.isLive = false;
    if (other) {
      this.seen = "";
      this.path = [];
      this.opened = new Set();
    }
    const level = await values.level({ of: "output" });
    const now = JSON.stringify(level);
    if (this.isLive || values !== this.values || now === this.seen) return;
    this.seen = now;
    await this.showLevel(level);
  }

  private async showLevel(level: Level | null): Promise<void> {
    if (!level) {
      this.say("The server does not answer.");
    } else if (!level.run && !level.output) {
      this.say("Run the flow once to see what this node gives.");
    } else if (!level.output) {
      this.say(level.state ? "It gave nothing." : "This node was not reached in the last run.");
    } else {
      this.root.replaceChildren(this.bar, this.body);
      this.bar.replaceChildren(...this.tools(level));
      await this.fill(level);
    }
  }

  /** A text that streams; only what is new is put behind what is there. */
  showLive(text: string): void {
    this.isLive = true;
    this.seen = "";
    if (!this.live.isConnected) {
      this.live.textContent = "";
      this.root.replaceChildren(make("p", { class: "caption" }, "What it gives, as it comes:"), this.live);
    }
    const known = this.live.textContent ?? "";
    if (text === known) return;
    const atEnd = this.live.scrollHeight - this.live.scrollTop - this.live.clientHeight < 40;
    if (text.startsWith(known)) append(this.live, text.slice(known.length));
    else this.live.textContent = text;
    if (atEnd) this.live.scrollTop = this.live.scrollHeight;
  }

  private say(text: string): void {
    this.root.replaceChildren(make("p", { class: "caption" }, text));
  }

  private tools(level: Level): HTMLElement[] {
    const looks = make("div", { class: "output-looks" });
    looks.setAttribute("role", "group");
    looks.setAttribute("aria-label", "Show the output as");
    for (const [look, name] of LOOKS) {
      const button = textButton(name, "", () => void this.choose(look));
      button.dataset["look"] = look;
      button.setAttribute("aria-pressed", String(look === this.look));
      looks.append(button);
    }
    const copy = textButton("Copy", "Copy the output", () => void this.copy());
    const file = make("a", { class: "text-link caption" }, "Download");
    file.href = level.download ?? "";
    const from = level.pinned ? [make("span", { class: "caption" }, "Pinned: runs from the editor give this.")] : [file];
    return [looks, this.parts(level), copy, ...from, ...stored(level)];
  }

  /** Which part of the output is shown: a table is of one list at a time. */
  private parts(level: Level): HTMLElement {
    const select = make("select", { class: "select" });
    select.setAttribute("aria-label", "Part of the output");
    select.append(new Option("all", "[]"));
    for (const child of level.children ?? []) {
      select.append(new Option(`${child.key} (${child.type})`, JSON.stringify([child.key])));
    }
    const known = [...select.options].some((option) => option.value === JSON.stringify(this.path));
    if (!known) this.path = [];
    select.value = JSON.stringify(this.path);
    select.addEventListener("change", () => {
      this.path = JSON.parse(select.value) as string[];
      void this.fill();
    });
    return select;
  }

  private async choose(look: Look): Promise<void> {
    this.look = look;
    for (const button of this.bar.querySelectorAll<HTMLElement>("[data-look]")) {
      button.setAttribute("aria-pressed", String(button.dataset["look"] === look));
    }
    await this.fill();
  }

  private async fill(whole?: Level): Promise<void> {
    const asked = (this.asked += 1);
    const { look, path, values } = this;
    if (!values) return;
    if (look === "tree" && path.length === 0) {
      const level = whole ?? (await values.level({ of: "output" }));
      if (!level || asked !== this.asked) return;
      const { opened } = this;
      fillTree(this.body, { of: "output", values, prefix: [values.node], picked: null, opened }, level);
      return;
    }
    const level = await values.level({ of: "output", as: look, path });
    if (asked !== this.asked) return;
    this.body.replaceChildren();
    if (!level || level.error) {
      this.body.append(make("p", { class: "caption" }, level?.error ?? "The server does not answer."));
    } else if (level.columns) {
      this.table(level);
    } else if (level.text !== undefined) {
      const text = make("pre", { class: "code-block" }, level.text);
      text.tabIndex = 0;
      this.body.append(text);
    } else {
      const lines = (level.children ?? []).map((child) => `${child.key}: ${child.preview}`);
      this.body.append(make("pre", { class: "code-block" }, lines.join("\n")));
    }
    if (level?.cut || level?.whole === false) {
      const all = level.size ? ` of ${sized(level.size)}` : "";
      this.body.append(make("p", { class: "caption" }, `Only the beginning${all} is shown: download the rest.`));
    }
  }

  private table(level: Level): void {
    const frame = make("div", { class: "data-table-frame" });
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", "Output as a table");
    const table = make("table", { class: "data-table" });
    const head = make("tr");
    for (const name of level.columns ?? []) {
      const cell = make("th", {}, name);
      cell.setAttribute("scope", "col");
      head.append(cell);
    }
    const body = make("tbody");
    for (const row of level.rows ?? []) {
      const line = make("tr");
      line.append(...row.map((text) => make("td", {}, text)));
      body.append(line);
    }
    const top = make("thead");
    top.append(head);
    table.append(top, body);
    frame.append(table);
    this.body.append(frame);
    if (level.more) {
      const shown = level.rows?.length ?? 0;
      this.body.append(make("p", { class: "caption" }, `The first ${shown} of ${level.count} rows.`));
    }
  }

  private async copy(): Promise<void> {
    const level = await this.values?.level({ of: "output", as: "text", path: this.path });
    if (level?.text === undefined) return;
    try {
      await navigator.clipboard.writeText(level.text);
      this.told(level.cut ? "The beginning was copied: download the rest." : "Copied.");
    } catch {
      this.told("The browser did not allow to copy.");
    }
  }

  private told(text: string): void {
    const line = make("p", { class: "caption" }, text);
    line.setAttribute("role", "status");
    this.bar.querySelector("[role=status]")?.remove();
    this.bar.append(line);
  }
}

function stored(level: Level): HTMLElement[] {
  return (level.stored ?? []).map(({ path, url }) => {
    const child = level.children?.find((one) => one.key === path);
    const size = child?.size ? ` (${sized(child.size)})` : "";
    const link = make("a", { class: "text-link caption" }, `Open ${path}${size}`);
    link.href = url;
    return link;
  });
}
