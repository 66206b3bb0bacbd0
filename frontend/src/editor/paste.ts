// What a pasted text is: nodes of ours, a cURL command, or something only the server can read.
import { asClip, CLIP_SCHEMA, clipIn } from "./clipboard.ts";
import type { Clip } from "./clipboard.ts";
import { curlRequest } from "./curl.ts";
import type { Answer } from "./world.ts";

/** `notes` are for people: what could not be taken over. */
export type Recognised =
  | { readonly kind: "clip"; readonly clip: Clip; readonly notes: readonly string[] }
  | { readonly kind: "nothing"; readonly message: string };

/** A text of ours in YAML names its nodes, or is one node or a list of them. */
const OURS_IN_YAML = /^(?:\s*-\s+)?\s*(?:schema|nodes|id|type)\s*:/m;
const UNKNOWN = "This is no flow, no copied node and no cURL command, so nothing was pasted.";

/** `onServer` reads YAML, see flows/views/paste.py; it is asked only where a text looks like ours. */
export async function recognise(
  text: string,
  onServer: (text: string) => Promise<Answer>,
): Promise<Recognised> {
  const clip = clipIn(text);
  if (clip) return { kind: "clip", clip, notes: [] };
  const request = curlRequest(text);
  if (request) {
    const { config, label, notes } = request;
    const node = { id: "http", type: "http", label, config };
    return { kind: "clip", clip: { schema: CLIP_SCHEMA, nodes: [node], edges: [], layout: {} }, notes };
  }
  if (!OURS_IN_YAML.test(text)) return { kind: "nothing", message: UNKNOWN };
  return readBy(text, onServer);
}

async function readBy(
  text: string,
  onServer: (text: string) => Promise<Answer>,
): Promise<Recognised> {
  const away = "The text was not pasted: the server, which reads YAML, cannot be reached.";
  let answer: Answer;
  try {
    answer = await onServer(text);
  } catch {
    return { kind: "nothing", message: away };
  }
  const clip = answer.status === 200 ? asClip(answer.body) : null;
  if (clip) return { kind: "clip", clip, notes: [] };
  const detail = (answer.body as { detail?: unknown } | null)?.detail;
  return { kind: "nothing", message: typeof detail === "string" ? detail : away };
}
