// Asks the server for a run and for a new version, as the pages' forms do.
import { need } from "./dom";
import type { RunAnswer } from "./actions";

const NO_ANSWER = "The server does not answer. Try again in a moment.";

/** The token of this moment: a page that is open long has an old one. */
export function csrfToken(): string {
  const name = document.querySelector<HTMLMetaElement>("meta[name=csrf-cookie]")?.content ?? "csrftoken";
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return cookie ? decodeURIComponent(cookie.slice(name.length + 1)) : "";
}

function post(url: string, body: FormData, headers: Record<string, string>): Promise<Response> {
  return fetch(url, { method: "POST", body, headers: { "X-CSRFToken": csrfToken(), ...headers } });
}

/** Run the draft with the fields of its form. What is not saved yet has to be saved before. */
export async function postRun(fields: FormData): Promise<RunAnswer> {
  const url = need("[data-editor]").dataset["runUrl"] ?? "";
  fields.set("version", "draft");
  try {
    const answer = await post(url, fields, { "HX-Request": "true" });
    const started = answer.headers.get("HX-Redirect")?.match(/\/runs\/([0-9a-f-]+)\//);
    if (answer.ok && started?.[1]) return { run: started[1] };
    if (answer.status === 422) return { form: await answer.text() };
    return { message: answer.status === 403 ? "You may not start runs here." : NO_ANSWER };
  } catch {
    return { message: NO_ANSWER };
  }
}

/** Publish the draft. */
export async function postPublish(note: string): Promise<{ version: number } | { message: string }> {
  const url = need("[data-editor]").dataset["publishUrl"] ?? "";
  const fields = new FormData();
  fields.set("note", note);
  try {
    const answer = await post(url, fields, { Accept: "application/json" });
    if (answer.ok || answer.status === 422) {
      return (await answer.json()) as { version: number } | { message: string };
    }
    return { message: answer.status === 403 ? "You may not publish this flow." : NO_ANSWER };
  } catch {
    return { message: NO_ANSWER };
  }
}

/** What a run's form says of itself as a whole; empty where only its fields are to be filled in. */
export function refusalOf(form: string): string {
  const page = document.createElement("template");
  page.innerHTML = form;
  const said = [...page.content.querySelectorAll(".notice p")].map((line) => line.textContent?.trim() ?? "");
  return said.filter(Boolean).join(" ");
}
