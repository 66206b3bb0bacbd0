// A cURL command as the config of an `http` node.
import type { Json, JsonObject } from "./ops.ts";
import { shellWords } from "./shell.ts";

/** `notes`: what of the command could not be taken over, for people. */
export interface CurlRequest {
  readonly config: JsonObject;
  readonly label: string;
  readonly notes: readonly string[];
}

/** Short options with a value; all others are switches. */
const SHORT_WITH_VALUE = "XHdAebuFmoTxKcCEYyzwrDPQtU";
const LONG: Readonly<Record<string, string>> = {
  "--request": "X",
  "--header": "H",
  "--data": "d",
  "--data-ascii": "d",
  "--data-binary": "d",
  "--data-raw": "raw",
  "--data-urlencode": "urlencode",
  "--json": "json",
  "--user": "u",
  "--user-agent": "A",
  "--referer": "e",
  "--cookie": "b",
  "--form": "F",
  "--form-string": "F",
  "--url": "url",
  "--url-query": "query",
  "--max-time": "m",
  "--get": "G",
  "--head": "I",
  "--oauth2-bearer": "bearer",
};
/** Long options whose value says nothing about the request itself. */
const IGNORED_WITH_VALUE = new Set(
  (
    "output connect-timeout retry retry-delay retry-max-time write-out proxy cacert capath cert " +
    "key config cookie-jar resolve upload-file limit-rate max-redirs interface dns-servers ciphers " +
    "tls-max range noproxy proxy-user cert-type key-type pass trace trace-ascii stderr speed-limit " +
    "speed-time dump-header continue-at aws-sigv4 socks5 socks5-hostname unix-socket"
  )
    .split(" ")
    .map((name) => `--${name}`),
);

interface Body {
  readonly kind: "data" | "raw" | "urlencode" | "json" | "form";
  readonly text: string;
}

class Command {
  method = "";
  urls: string[] = [];
  headers: [string, string][] = [];
  bodies: Body[] = [];
  query: string[] = [];
  timeout = 0;
  isGet = false;
  readonly notes: string[] = [];
}

/** Whether a text looks like a cURL command at all. */
export function isCurl(text: string): boolean {
  return /^\s*(?:\$\s+)?curl(?:\.exe)?\s/i.test(text);
}

/** The request of a cURL command; null where it is none, or names no address. */
export function curlRequest(text: string): CurlRequest | null {
  if (!isCurl(text)) return null;
  const words = shellWords(text.trim().replace(/^\$\s+/, ""));
  if (!words) return null;
  const command = read(words.slice(1));
  const [url, ...more] = command.urls;
  if (!url) return null;
  if (more.length > 0) command.notes.push("Only the first address was taken over.");
  const config = configOf(command, url);
  const { method = "GET", url: address } = config;
  const label = `${String(method)} ${String(address).replace(/^https?:\/\//i, "")}`.slice(0, 60);
  return { config, label, notes: command.notes };
}

function read(words: readonly string[]): Command {
  const command = new Command();
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      command.urls.push(...rest.splice(0));
    } else if (word.startsWith("--")) {
      const [name = "", given] = word.split(/=(.*)/s);
      const option = LONG[name];
      if (option === "G" || option === "I") take(command, option, "");
      else if (option) take(command, option, given ?? rest.shift() ?? "");
      else if (IGNORED_WITH_VALUE.has(word)) rest.shift();
    } else if (word.length > 1 && word.startsWith("-")) {
      readShort(command, word.slice(1), rest);
    } else {
      command.urls.push(word);
    }
  }
  return command;
}

/** `-sSLXPOST`: switches, then one option whose value follows or is the next word. */
function readShort(command: Command, letters: string, rest: string[]): void {
  for (const [at, letter] of [...letters].entries()) {
    if (SHORT_WITH_VALUE.includes(letter)) {
      take(command, letter, letters.slice(at + 1) || (rest.shift() ?? ""));
      return;
    }
    take(command, letter, "");
  }
}

function take(command: Command, option: string, value: string): void {
  const takers: Record<string, () => void> = {
    X: () => (command.method = value.toUpperCase()),
    H: () => addHeader(command, value),
    A: () => command.headers.push(["User-Agent", value]),
    e: () => command.headers.push(["Referer", value]),
    b: () => addCookie(command, value),
    u: () => command.headers.push(["Authorization", `Basic ${base64(value)}`]),
    bearer: () => command.headers.push(["Authorization", `Bearer ${value}`]),
    url: () => command.urls.push(value),
    query: () => command.query.push(value),
    G: () => (command.isGet = true),
    I: () => (command.method ||= "HEAD"),
    m: () => (command.timeout = Number(value) || 0),
    d: () => addBody(command, "data", value),
    raw: () => addBody(command, "raw", value),
    urlencode: () => addBody(command, "urlencode", value),
    json: () => addBody(command, "json", value),
    F: () => addBody(command, "form", value),
    T: () => void command.notes.push("The file to upload was left out."),
  };
  if (Object.hasOwn(takers, option)) takers[option]?.();
}

function addHeader(command: Command, line: string): void {
  const [name = "", value = ""] = line.split(/:(.*)/s);
  // `Name;` is cURL's way to send an empty one, `Name:` its way to send none.
  if (!line.includes(":")) {
    if (line.trim().endsWith(";")) command.headers.push([line.trim().slice(0, -1), ""]);
    return;
  }
  if (name.trim() && value.trim()) command.headers.push([name.trim(), value.trim()]);
}

function addCookie(command: Command, value: string): void {
  if (value.includes("=")) command.headers.push(["Cookie", value]);
  else command.notes.push(`Cookies of the file “${value}” were left out.`);
}

function addBody(command: Command, kind: Body["kind"], text: string): void {
  const isFile =
    kind === "form"
      ? /^[^=]*=[@<]/.test(text)
      : kind === "urlencode"
        ? /^[^=]*@/.test(text) && !text.includes("=")
        : kind !== "raw" && text.startsWith("@");
  if (isFile) command.notes.push(`The contents of “${text.replace(/^[^@<]*[@<]/, "")}” were left out.`);
  else command.bodies.push({ kind, text });
}

/** Basic authentication is base64 of UTF-8. */
function base64(text: string): string {
  const bytes = new TextEncoder().encode(text.includes(":") ? text : `${text}:`);
  return btoa(String.fromCharCode(...bytes));
}

function configOf(command: Command, url: string): JsonObject {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) || url.startsWith("{{") ? url : `http://${url}`;
  const headers = Object.fromEntries(command.headers);
  const { bodies } = command;
  const pairs = [...command.query.map(encodedPair)];
  if (command.isGet) pairs.push(...bodies.map(asPairs));
  const body = command.isGet ? {} : bodyOf(command, headers);
  const hasBody = bodies.length > 0 && !command.isGet;
  const method = command.method || (hasBody ? "POST" : "GET");
  const query = paired(pairs.filter(Boolean).join("&"));
  return {
    ...(method === "GET" ? {} : { method }),
    url: address,
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(Object.keys(query).length > 0 ? { query } : {}),
    ...body,
    ...(command.timeout > 0 ? { timeout_seconds: Math.min(command.timeout, 600) } : {}),
  };
}

/** The body's part of the config; takes headers out that the node adds by itself. */
function bodyOf(command: Command, headers: Record<string, string>): JsonObject {
  const { bodies, notes } = command;
  if (bodies.length === 0) return {};
  const typeName = Object.keys(headers).find((name) => name.toLowerCase() === "content-type");
  const type = typeName ? (headers[typeName] ?? "") : "";
  if (bodies.some(({ kind }) => kind === "form")) {
    notes.push("The form is sent as one of web pages: parts of files cannot be sent.");
    if (typeName) delete headers[typeName];
    return { body: paired(bodies.map(formPair).join("&")), body_type: "form" };
  }
  const isJson = bodies.some(({ kind }) => kind === "json");
  const text = isJson ? bodies.map((body) => body.text).join("") : bodies.map(asPairs).join("&");
  if (isJson || /\bjson\b/i.test(type)) {
    const json = parsed(text);
    if (json === undefined) return asText(text, headers, type || "application/json");
    if (typeName && /^application\/json\b/i.test(type)) delete headers[typeName];
    return { body: json, body_type: "json" };
  }
  if (type && !/x-www-form-urlencoded/i.test(type)) return asText(text, headers, type);
  const form = /^[^=&\s{["<]+=/.test(text) ? paired(text) : null;
  if (!form) return asText(text, headers, "application/x-www-form-urlencoded");
  if (typeName) delete headers[typeName];
  return { body: form, body_type: "form" };
}

/** A body as text; its type, which cURL adds by itself, is named among the headers. */
function asText(text: string, headers: Record<string, string>, type: string): JsonObject {
  const isNamed = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  if (!isNamed) headers["Content-Type"] = type;
  return { body: text, body_type: "text" };
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function asPairs({ kind, text }: Body): string {
  return kind === "urlencode" ? encodedPair(text) : text;
}

/** `name=text`, of which cURL encodes the text; `=text` and `text` have no name. */
function encodedPair(text: string): string {
  const [name = "", value] = text.split(/=(.*)/s);
  if (value === undefined) return encodeURIComponent(text);
  return name ? `${name}=${encodeURIComponent(value)}` : encodeURIComponent(value);
}

function formPair({ text }: Body): string {
  const [name = "", value = ""] = text.split(/=(.*)/s);
  return `${encodeURIComponent(name)}=${encodeURIComponent(value.replace(/;type=[\w/+.-]+$/, ""))}`;
}

/** Fields of a query or form; a name that comes twice has a list. */
function paired(text: string): JsonObject {
  const fields: Record<string, Json> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (known === undefined) fields[name] = value;
    else fields[name] = Array.isArray(known) ? [...(known as Json[]), value] : [known, value];
  }
  return fields;
}
