// Fetches a part of the page from the server, patiently, and puts it in place.
//
// By ourselves rather than by `htmx.ajax`: that resolves when there is no network, and takes an
// error page for an answer.
import htmx from "htmx.org";

const FIRST_WAIT = 400;
const LONGEST_WAIT = 8_000;
const ANSWER_WITHIN = 20_000;
/** Tries after which a reader is told that the part is still to come. */
const QUIET_TRIES = 2;
/** Answers that may be another one in a moment, though they are no 5xx. */
const PASSING = new Set([408, 425, 429]);

/** What came of asking: the part, or whether asking again may help. */
type Answer = { text: string } | { again: boolean };

/**
 * Put what the server has at `url` in place, asking again until it can be had; whether it was.
 * `place` gives null once nobody wants the part any more.
 */
export async function swapFrom(
  url: string,
  place: () => Element | null,
  swap = "innerHTML",
): Promise<boolean> {
  for (let tries = 1; place(); tries += 1) {
    const answer = await ask(url);
    const target = place();
    if (!target) return false;
    if ("text" in answer) {
      removeNote(target);
      await htmx.swap({ text: answer.text, target, swap, sourceElement: target });
      return true;
    }
    if (!answer.again) {
      note(target, "This part could not be loaded.", true);
      return false;
    }
    if (tries > QUIET_TRIES) note(target, "The server does not answer. Trying again…", false);
    await pause(Math.min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT));
  }
  return false;
}

async function ask(url: string): Promise<Answer> {
  try {
    const response = await fetch(url, {
      headers: { "HX-Request": "true" },
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
    // Redirected: to the page to sign in on.
    if (response.ok && !response.redirected) return { text: await response.text() };
    return { again: response.status >= 500 || PASSING.has(response.status) };
  } catch {
    return { again: true };
  }
}

/** A line at the end of the place; what is there already stays, it is true as far as it goes. */
function note(target: Element, text: string, withLink: boolean): void {
  removeNote(target);
  const line = document.createElement("p");
  line.className = "mt-2 caption";
  line.dataset["partNote"] = "";
  line.setAttribute("role", "status");
  line.textContent = text;
  if (withLink) {
    const link = document.createElement("a");
    link.href = location.href;
    link.className = "text-link";
    link.textContent = "Reload the page";
    line.append(" ", link);
  }
  target.append(line);
}

function removeNote(target: Element): void {
  target.querySelector(":scope > [data-part-note]")?.remove();
}

/** Wait, but no longer than until the network is back or somebody looks at the page again. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = (): void => {
      over.abort();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, milliseconds * (0.75 + Math.random() / 2));
    addEventListener("online", end, { signal: over.signal });
    document.addEventListener("visibilitychange", end, { signal: over.signal });
  });
}
