// cURL commands as browsers, documentation and people write them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { curlRequest } from "../src/editor/curl.ts";
import { shellWords } from "../src/editor/shell.ts";

function configOf(command: string): unknown {
  return curlRequest(command)?.config;
}

test("a shell command is cut into words as a shell does", () => {
  const commands: [string, string[] | null][] = [
    ["curl a b", ["curl", "a", "b"]],
    ["curl 'a b' \"c d\" e\\ f", ["curl", "a b", "c d", "e f"]],
    ["curl 'it'\\''s' \"a \\\"b\\\" \\$c \\n\"", ["curl", "it's", 'a "b" $c \\n']],
    ["curl $'it\\'s \\u00e9 \\x41\\n' ''", ["curl", "it's é A\n", ""]],
    ["curl a \\\n  -b \\\r\n c", ["curl", "a", "-b", "c"]],
    ["curl a | jq .", ["curl", "a"]],
    ["curl a && rm x", ["curl", "a"]],
    ["curl a#b # note", ["curl", "a#b"]],
    ["curl a > out\n", ["curl", "a"]],
    ["curl 'open", null],
    ['curl ^"https://x.org/?a=1^&b=2^" ^\r\n  -H ^"A: b^"', ["curl", "https://x.org/?a=1&b=2", "-H", "A: b"]],
  ];
  for (const [command, words] of commands) assert.deepEqual(shellWords(command), words, command);
});

test("a plain address is a GET", () => {
  assert.deepEqual(configOf("curl https://example.com/a?b=c"), { url: "https://example.com/a?b=c" });
  assert.deepEqual(configOf("$ curl example.com"), { url: "http://example.com" });
  assert.deepEqual(configOf("curl -sSL --compressed --url https://x.org -o out.txt"), {
    url: "https://x.org",
  });
});

test("JSON is sent as JSON, and its type is not named twice", () => {
  const config = { method: "POST", url: "https://x.org", body: { a: [1] }, body_type: "json" };
  const type = "-H 'Content-Type: application/json'";
  assert.deepEqual(configOf(`curl https://x.org ${type} -d '{"a": [1]}'`), config);
  assert.deepEqual(configOf(`curl https://x.org --json '{"a": [1]}'`), config);
  assert.deepEqual(configOf(`curl -XPUT https://x.org ${type} --data-raw '{"a": [1]}'`), {
    ...config,
    method: "PUT",
  });
});

test("JSON that cannot be read, and other types, are sent as text with their type", () => {
  assert.deepEqual(configOf("curl https://x.org --json '{\"a\": {{ b }}'"), {
    method: "POST",
    url: "https://x.org",
    headers: { "Content-Type": "application/json" },
    body: '{"a": {{ b }}',
    body_type: "text",
  });
  assert.deepEqual(configOf("curl https://x.org -H 'content-type: text/csv' --data-binary 'a,b'"), {
    method: "POST",
    url: "https://x.org",
    headers: { "content-type": "text/csv" },
    body: "a,b",
    body_type: "text",
  });
});

test("fields of forms are decoded, and repeated ones are lists", () => {
  assert.deepEqual(configOf("curl https://x.org -d a=1 -d 'b=x%20y' --data-urlencode 'c=1&2' -d a=2"), {
    method: "POST",
    url: "https://x.org",
    body: { a: ["1", "2"], b: "x y", c: "1&2" },
    body_type: "form",
  });
  assert.deepEqual(configOf("curl https://x.org -d 'plain words'"), {
    method: "POST",
    url: "https://x.org",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: "plain words",
    body_type: "text",
  });
});

test("with -G the data goes into the query", () => {
  assert.deepEqual(configOf("curl -G https://x.org -d a=1 --data-urlencode 'q=x y&z'"), {
    url: "https://x.org",
    query: { a: "1", q: "x y&z" },
  });
});

test("headers, a user, cookies and a timeout are taken over", () => {
  const command = `curl 'https://x.org' -H 'X-A: b: c' -H 'Empty;' -H 'Gone:' -u ada:pässword \\
    -A agent -e https://from.org -b 'k=v' -m 20 -I`;
  assert.deepEqual(configOf(command), {
    method: "HEAD",
    url: "https://x.org",
    headers: {
      "X-A": "b: c",
      Empty: "",
      Authorization: "Basic YWRhOnDDpHNzd29yZA==",
      "User-Agent": "agent",
      Referer: "https://from.org",
      Cookie: "k=v",
    },
    timeout_seconds: 20,
  });
});

test("what cannot be taken over is said", () => {
  const request = curlRequest("curl https://x.org https://y.org -F name=Ada -F file=@a.png -d @b.json");
  assert.deepEqual(request?.config, {
    method: "POST",
    url: "https://x.org",
    body: { name: "Ada" },
    body_type: "form",
  });
  assert.equal(request?.notes.length, 4);
  assert.equal(request?.label, "POST x.org");
});

test("what is no command with an address is none", () => {
  for (const text of ["", "curl", "curly https://x.org", "curl -s", "wget https://x.org", "curl 'a"]) {
    assert.equal(curlRequest(text), null);
  }
});

test("a command of a megabyte is read in less than a second", () => {
  const start = performance.now();
  const body = "x".repeat(1_000_000);
  assert.equal((configOf(`curl https://x.org -d '${body}'`) as { body: string }).body, body);
  const words = "a ".repeat(50_000);
  assert.equal(shellWords(words)?.length, 50_000);
  assert.ok(performance.now() - start < 1_000);
});
