// The bar above the canvas: name, what is saved, people, run state, and buttons for commands.
import type { EditorActions, Person, RunState, SavedState } from "./actions";
import { counted, make, need, setText } from "./dom";
import { distinct, hueOf } from "./presence";
import { ariaKeys, keyLabel } from "./keys";
import { command, reasonAgainst } from "./shortcuts";
import { titleName } from "./title";

const SHOWN_PEOPLE = 4;

export class Bar {
  private readonly field = need<HTMLInputElement>("[data-slot=name]");
  private readonly runButton = document.querySelector<HTMLElement>("[data-run-button]");

  constructor(private readonly actions: EditorActions) {
    this.field.addEventListener("keydown", (event) => this.onNameKey(event));
    this.field.addEventListener("change", () => this.nameNow());
    this.field.addEventListener("blur", () => this.showName());
    actions.on("change", () => this.update());
    actions.on("selection", () => this.showCommands());
    actions.on("history", () => this.showCommands());
    actions.on("saved", (state) => this.showSaved(state));
    actions.on("people", (people) => this.showPeople(people));
    actions.on("run", (state) => this.showRun(state));
    this.update();
    this.showRun(actions.runState());
  }

  private update(): void {
    if (document.activeElement !== this.field) this.showName();
    this.showCommands();
  }

  /** The name as it is; the field is as wide as it, by its `size`. */
  private showName(): void {
    const name = this.actions.name();
    this.field.value = name;
    this.field.size = Math.min(Math.max(name.length, 4), 48);
    setText(document.querySelector("[data-slot=heading]"), name);
    titleName(name);
  }

  private nameNow(): void {
    const name = this.field.value.trim();
    if (name && name !== this.actions.name()) this.actions.setName(name);
  }

  private onNameKey(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Escape") this.field.value = this.actions.name();
    else if (event.key !== "Enter") return;
    event.preventDefault();
    this.nameNow();
    this.actions.focusCanvas();
  }

  /** Buttons say what they would do, their keys, and why they cannot. */
  private showCommands(): void {
    for (const button of document.querySelectorAll<HTMLElement>(".editor-bar [data-command]")) {
      const found = command(button.dataset["command"] ?? "");
      if (!found || button === this.runButton) continue;
      const why = reasonAgainst(found, this.actions);
      button.toggleAttribute("data-off", why !== "");
      if (why) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
      const keys = found.keys?.[0];
      if (keys) button.setAttribute("aria-keyshortcuts", ariaKeys(keys));
      const what = this.named(found.id) ?? found.title;
      if (found.id === "undo" || found.id === "redo") button.setAttribute("aria-label", what);
      button.title = why || (keys ? `${what} (${keyLabel(keys)})` : what);
    }
  }

  private named(id: string): string | null {
    const label = id === "undo" ? this.actions.undoLabel() : id === "redo" ? this.actions.redoLabel() : null;
    return label ? `${id === "undo" ? "Undo" : "Redo"}: ${label}` : null;
  }

  private showSaved(state: SavedState): void {
    const button = need(".saved");
    button.dataset["saved"] = state.kind;
    const kept = counted(state.kept, "change");
    const changes = { saved: "Saved", saving: "Saving…", offline: `Offline, ${kept} kept`, refused: "Not saved" };
    const looks = { saved: "Read only", saving: "Read only", offline: "Offline", refused: "Not followed" };
    const words = this.actions.readOnly ? looks : changes;
    setText(need("[data-slot=saved]"), words[state.kind]);
    button.setAttribute("aria-label", words[state.kind]);
    const icons = { saved: "saved", saving: "saving", offline: "offline", refused: "problems" };
    button.querySelector("use")?.setAttribute("href", `#icon-${icons[state.kind]}`);
    const [title, text] = explained(state, kept);
    setText(need("[data-slot=saved-title]"), title);
    setText(need("[data-slot=saved-text]"), state.detail ?? text);
  }

  private showPeople(tabs: readonly Person[]): void {
    const list = need("[data-slot=people]");
    const people = distinct(tabs);
    list.hidden = people.length === 0;
    const shown = people.slice(0, SHOWN_PEOPLE).map((person, index) =>
      make("li", { class: "person", title: person.name, "data-hue": String(hueOf(index)) },
        make("span", { "aria-hidden": "true" }, person.initial), make("span", { class: "sr-only" }, person.name)));
    const more = people.length - SHOWN_PEOPLE;
    if (more > 0) {
      const names = people.slice(SHOWN_PEOPLE).map((person) => person.name).join(", ");
      shown.push(make("li", { class: "person", title: names },
        make("span", { "aria-hidden": "true" }, `+${more}`), make("span", { class: "sr-only" }, names)));
    }
    list.replaceChildren(...shown);
  }

  private showRun(state: RunState): void {
    const button = this.runButton;
    if (!button) return;
    const runs = state.kind !== "idle";
    button.dataset["run"] = state.kind;
    const words = { idle: "Run", starting: "Starting…", running: "Stop", waiting: "Stop" };
    setText(need("[data-slot=run-word]", button), words[state.kind]);
    button.title = `${runs ? "Stop the run" : "Run the draft"} (${keyLabel("Mod+Enter")})`;
    button.setAttribute("aria-keyshortcuts", ariaKeys("Mod+Enter"));
  }
}

function explained(state: SavedState, kept: string): [title: string, text: string] {
  switch (state.kind) {
    case "offline":
      return [`${kept} kept in this browser`,
        "The server does not answer. You can go on: what you change is kept here and sent as soon as it answers, also after a reload."];
    case "refused":
      return ["The server did not take a change", "It was taken back here. Look at the notice, and make the change again where it is still wanted."];
    case "saving":
      return [`Saving ${kept}`, "It takes a moment."];
    case "saved":
      return ["Every change is saved as you make it",
        "The draft is kept apart from what is published: runs of the published version do not change until you publish."];
  }
}
