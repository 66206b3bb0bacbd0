// Which answers htmx may put on the page: never an error page, never the page to sign in on.
//
// htmx 4 swaps 4xx and 5xx like 200 and follows redirects: a form would be replaced by "Something
// broke", with all that was typed into it.
import { dropRaised, raiseError } from "./toasts";

interface HtmxContext {
  request: { method: string; action: string; body: unknown; headers: Record<string, string> };
  response?: { raw: Response };
}

/** A form with errors comes back as 422; everything else that is not 2xx is no part of a page. */
function isPart(answer: Response): boolean {
  return !answer.redirected && (answer.ok || answer.status === 422);
}

function context(event: Event): HtmxContext | undefined {
  return (event as CustomEvent<{ ctx?: HtmxContext }>).detail?.ctx;
}

function onAnswer(event: Event): void {
  const answer = context(event)?.response?.raw;
  if (!answer) return;
  if (isPart(answer)) {
    dropRaised();
    return;
  }
  event.preventDefault();
  complain(answer);
}

function complain(answer: Response): void {
  const kept = "What you typed is still here";
  if (answer.redirected || answer.status === 401) {
    raiseError(`You are signed out. ${kept}: sign in, come back and press again.`, {
      href: answer.redirected ? answer.url : location.href,
      text: "Sign in in a new tab",
    });
  } else if (answer.status === 403) {
    raiseError(`This was refused: you may not do it, or the page is too old. ${kept}.`, {
      href: location.href,
      text: "Open the page anew",
    });
  } else if (answer.status === 404) {
    raiseError("It is not there any more. Reload the page to see what is.");
  } else if (answer.status === 413) {
    raiseError(`This is more than the server takes. ${kept}: shorten it and press again.`);
  } else if (answer.status < 500) {
    raiseError(`The server refused this (${answer.status}). ${kept}: reload or change it.`);
  } else {
    raiseError(`The server cannot answer now (${answer.status}). ${kept}: try again in a moment.`);
  }
}

/** The request got no answer at all: no network, no server, or none in time. */
function onError(event: Event): void {
  if (!context(event)) return;
  raiseError("The server did not answer. What you typed is still here: try again in a moment.");
}

/** Who signed in anew in another tab has a new token: take it from the cookie at each request. */
function onRequest(event: Event): void {
  const request = context(event)?.request;
  const name = document.querySelector<HTMLMetaElement>("meta[name=csrf-cookie]")?.content;
  if (!request || !name || request.method === "GET") return;
  const pair = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
  if (!pair) return;
  const token = decodeURIComponent(pair.slice(name.length + 1));
  request.headers["x-csrftoken"] = token;
  const { body } = request;
  if (body instanceof FormData && body.has("csrfmiddlewaretoken")) {
    body.set("csrfmiddlewaretoken", token);
  }
}

export function guardAnswers(): void {
  document.addEventListener("htmx:config:request", onRequest);
  document.addEventListener("htmx:before:response", onAnswer);
  document.addEventListener("htmx:error", onError);
}
