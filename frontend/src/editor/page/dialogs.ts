// The dialogs of running, publishing and importing: a form, an answer, the focus back.
import type { EditorActions, Said } from "./actions";
import { need } from "./dom";
import { matches } from "./keys";
import { PAST, isPast } from "./past";

type Tell = (said: Said) => void;

/** Opens a dialog and gives the focus back to where it was. */
export function showDialog(dialog: HTMLDialogElement): void {
  if (dialog.open) return;
  const back = document.activeElement instanceof HTMLElement ? document.activeElement : null;
  dialog.addEventListener("close", () => back?.focus({ preventScroll: true }), { once: true });
  dialog.showModal();
}

function showError(box: HTMLElement, text: string): void {
  box.hidden = !text;
  box.textContent = text;
}

/** A file that was chosen before; its field takes no text. */
function chooseAgain(field: HTMLInputElement, value: FormDataEntryValue): void {
  if (!(value instanceof File) || !value.name) return;
  const chosen = new DataTransfer();
  chosen.items.add(value);
  field.files = chosen.files;
}

/** The inputs of a run; asked for only where the flow has any. */
export class RunDialog {
  private readonly dialog = need<HTMLDialogElement>("#run-dialog");
  private readonly form = need<HTMLFormElement>("[data-run-form]");
  private readonly place = need("[data-slot=run-fields]");
  private readonly error = need("[data-slot=run-error]");
  private readonly url = need("[data-editor]").dataset["inputsUrl"] ?? "";
  private last = new FormData();
  /** What is sent along: which part of the flow is run. */
  private along: Readonly<Record<string, string>> = {};
  private busy = false;

  constructor(private readonly actions: EditorActions, private readonly say: Tell) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.start();
    });
    this.form.addEventListener("keydown", (event) => {
      if (!matches(event, "Mod+Enter")) return;
      event.preventDefault();
      this.form.requestSubmit();
    });
    actions.on("asked", ({ form, along }) => this.askFor(form, along));
  }

  /** The server wants inputs for a part of the flow. */
  private askFor(form: string, along: Readonly<Record<string, string>>): void {
    if (this.busy || this.dialog.open) return;
    this.along = along;
    this.showAgain(form);
    showDialog(this.dialog);
    this.place.querySelector<HTMLElement>("input, textarea, select")?.focus();
  }

  /** Run, or stop what runs. */
  async ask(): Promise<void> {
    if (isPast()) {
      this.say({ text: PAST, tone: "warning" });
      return;
    }
    if (this.actions.runState().kind !== "idle") {
      this.actions.stop();
      this.say({ text: "Stopping the run." });
      return;
    }
    if (this.busy || this.dialog.open) return;
    this.busy = true;
    this.along = {};
    // The form is that of the draft as the server has it.
    const fields = (await this.actions.flush()) ? await this.fields() : null;
    this.busy = false;
    if (!fields) {
      this.say({ text: "The server does not answer. Try again in a moment.", tone: "warning" });
      return;
    }
    this.show(fields);
    if (fields.dataset["fields"] === "0") {
      await this.start();
      return;
    }
    showDialog(this.dialog);
    this.place.querySelector<HTMLElement>("input, textarea, select")?.focus();
  }

  private async fields(): Promise<HTMLElement | null> {
    try {
      const answer = await fetch(this.url, { cache: "no-store" });
      if (!answer.ok || answer.redirected) return null;
      return parsed(await answer.text()).querySelector<HTMLElement>("[data-fields]");
    } catch {
      return null;
    }
  }

  private show(fields: Element): void {
    showError(this.error, "");
    this.place.replaceChildren(fields);
    // What was given last time is there again.
    for (const [name, value] of this.last) {
      const field = this.form.elements.namedItem(name);
      if (field instanceof HTMLInputElement && field.type === "file") chooseAgain(field, value);
      else if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = true;
      else if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.value = String(value);
    }
  }

  private async start(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.last = new FormData(this.form);
    const fields = new FormData(this.form);
    for (const [name, value] of Object.entries(this.along)) fields.set(name, value);
    const answer = await this.actions.run(fields);
    this.busy = false;
    if ("run" in answer) {
      this.dialog.close();
      this.say({ text: "The run has started." });
      return;
    }
    showDialog(this.dialog);
    if ("message" in answer) {
      showError(this.error, answer.message);
      return;
    }
    this.showAgain(answer.form);
  }

  /** The form as the server sends it back, with what was wrong beside each field. */
  private showAgain(html: string): void {
    const fields = parsed(html).querySelector("[data-fields]");
    if (fields) this.show(fields);
    this.place.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }
}

export class PublishDialog {
  private readonly dialog = need<HTMLDialogElement>("#publish-dialog");
  private readonly form = need<HTMLFormElement>("[data-publish-form]");
  private readonly error = need("[data-slot=publish-error]");

  constructor(private readonly actions: EditorActions, private readonly say: Tell) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.publish();
    });
  }

  open(): void {
    showError(this.error, "");
    showDialog(this.dialog);
    need("input", this.dialog).focus();
  }

  private async publish(): Promise<void> {
    const button = need<HTMLButtonElement>("button.btn", this.form);
    button.disabled = true;
    const answer = await this.actions.publish(String(new FormData(this.form).get("note") ?? "").trim());
    button.disabled = false;
    if ("message" in answer) {
      showError(this.error, answer.message);
      return;
    }
    this.form.reset();
    this.dialog.close();
    this.say({ text: `Version ${answer.version} is published.` });
  }
}

export class ImportDialog {
  private readonly dialog = need<HTMLDialogElement>("#import-dialog");
  private readonly form = need<HTMLFormElement>("[data-import-form]");
  private readonly error = need("[data-slot=import-error]");

  constructor(private readonly actions: EditorActions, private readonly say: Tell) {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.add();
    });
  }

  open(): void {
    showError(this.error, "");
    showDialog(this.dialog);
    need("textarea", this.dialog).focus();
  }

  private async add(): Promise<void> {
    const answer = await this.actions.paste(String(new FormData(this.form).get("text") ?? ""));
    if (answer !== true) {
      showError(this.error, answer);
      return;
    }
    this.form.reset();
    this.dialog.close();
    this.say({ text: "Added what was pasted.", undo: true });
  }
}

/** The server's own markup, made to elements; scripts in it are never run. */
function parsed(html: string): DocumentFragment {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}
