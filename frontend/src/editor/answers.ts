// What an answer of the server means for the changes that were sent.
import type { Applied, FlowDocument, Json, Refused } from "./ops.ts";
import type { Answer } from "./world.ts";

export type Meaning =
  | { readonly kind: "applied"; readonly applied: Applied[]; readonly refused: Refused[] }
  | { readonly kind: "too_old" }
  | { readonly kind: "too_large" | "misshapen"; readonly message: string }
  | { readonly kind: "stop"; readonly message: string }
  | { readonly kind: "later"; readonly wait: number };

export interface DraftAnswer {
  readonly revision: number;
  readonly document: FlowDocument;
  readonly pins: Readonly<Record<string, Json>>;
}

const KEPT = "Your changes are kept in this browser";

export function meaningOf(answer: Answer): Meaning {
  const { status } = answer;
  const body = (answer.body ?? {}) as Partial<Record<string, unknown>>;
  if (answer.signedOut || status === 401) {
    const message = `You are signed out. ${KEPT}: sign in in another tab, then come back to this one.`;
    return { kind: "stop", message };
  }
  if (status === 403) {
    return { kind: "stop", message: `You may not change this flow. ${KEPT}: ask for the right to.` };
  }
  if (status === 404) {
    return { kind: "stop", message: `This flow was deleted. ${KEPT}, but there is no flow for them.` };
  }
  if (status === 409) return { kind: "too_old" };
  const message = typeof body["detail"] === "string" ? body["detail"] : "";
  if (status === 413) {
    return { kind: "too_large", message: message || "This change is larger than the server takes." };
  }
  if (status === 400 || status === 422) {
    return { kind: "misshapen", message: message || "The server does not understand this change." };
  }
  if (status === 200 && Array.isArray(body["applied"])) {
    const refused = Array.isArray(body["refused"]) ? (body["refused"] as Refused[]) : [];
    return { kind: "applied", applied: body["applied"] as Applied[], refused };
  }
  return { kind: "later", wait: answer.retryAfter ?? 0 };
}

/** The draft in an answer, or null where it holds none. */
export function draftIn(answer: Answer): DraftAnswer | null {
  const body = answer.body as Partial<DraftAnswer> | null;
  if (answer.status !== 200 || answer.signedOut) return null;
  if (typeof body?.revision !== "number" || !body.document) return null;
  return { revision: body.revision, document: body.document, pins: body.pins ?? {} };
}
