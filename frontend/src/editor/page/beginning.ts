// What a new flow shows until it has a step of its own: templates, a first node, a sample to run.
import type { EditorActions, Said } from "./actions";
import { need } from "./dom";

/** The template that "Run a sample" takes: it needs no model and ends in a second. */
const SAMPLES = ["sort_feedback", "translate"];

export class Beginning {
  private readonly box = need("[data-beginning]");
  private readonly documents: Record<string, { name?: string; nodes?: { type: string }[] }>;
  private dismissed = false;

  constructor(private readonly actions: EditorActions, private readonly say: (said: Said) => void, private readonly run: () => void) {
    this.documents = JSON.parse(document.getElementById("example-documents")?.textContent ?? "{}");
    this.box.addEventListener("click", (event) => this.onClick(event));
    actions.on("change", () => this.update());
    this.update();
  }

  private update(): void {
    const own = this.actions.nodes().some((node) => node.type !== "input" && node.type !== "output");
    this.box.hidden = own || this.dismissed || this.actions.readOnly || Object.keys(this.documents).length === 0;
  }

  private onClick(event: Event): void {
    const target = event.target instanceof Element ? event.target : null;
    const chosen = target?.closest<HTMLElement>("[data-template]")?.dataset["template"];
    if (chosen) this.start(chosen);
    else if (target?.closest("[data-sample]")) {
      this.start(this.sample());
      this.run();
    } else if (target?.closest("[data-beginning-close]")) {
      this.dismissed = true;
      this.update();
      this.actions.focusCanvas();
    }
  }

  private start(key: string): void {
    const document = this.documents[key];
    if (!document) return;
    this.actions.startFrom(document);
    this.update();
    this.actions.fit();
    this.actions.focusCanvas();
    this.say({ text: `Started from “${document.name ?? key}”.`, undo: true });
  }

  /** One that runs as it is: without a model where none is there. */
  private sample(): string {
    const keys = Object.keys(this.documents);
    const hasModel = need("[data-slot=describe]").dataset["hasModel"] === "1";
    const needsNone = keys.filter((key) => !this.documents[key]?.nodes?.some((node) => node.type === "llm"));
    const fitting = hasModel ? [...SAMPLES, ...keys] : [...needsNone, ...keys];
    return fitting.find((key) => key in this.documents) ?? "";
  }
}
