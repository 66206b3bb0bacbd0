// What a new flow shows until it has a step of its own: templates, a first node, a sample to run.
import type { EditorActions, Said } from "./actions";
import { need } from "./dom";

/** The template that "Run a sample" takes where a model is there to answer. */
const SAMPLE = "translate";

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
    const own = [...this.actions.types()].some((type) => type !== "input" && type !== "output");
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

  /** One that runs as it is; empty: without a model the new flow itself, which hands its text on. */
  private sample(): string {
    const keys = Object.keys(this.documents);
    const hasModel = need("[data-slot=describe]").dataset["hasModel"] === "1";
    const needsNone = keys.find((key) => !this.documents[key]?.nodes?.some((node) => node.type === "llm"));
    return hasModel ? (keys.find((key) => key === SAMPLE) ?? keys[0] ?? "") : (needsNone ?? "");
  }
}
