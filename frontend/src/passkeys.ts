// Passkeys: what the browser says when none was made or used, in words.
import { raiseError } from "./toasts";

const WORDS: Record<string, string> = {
  NotAllowedError: "No passkey was used: it was cancelled, took too long, or there is none here.",
  InvalidStateError: "This device or key is among your passkeys already.",
  SecurityError: "The browser makes no passkey for this address.",
  NotSupportedError: "This device cannot make such a passkey.",
};

/** allauth's scripts tell of failures by an event; nobody would see them in the console. */
export function sayWhyNoPasskey(): void {
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    const reason: unknown = event instanceof CustomEvent ? event.detail?.exception : undefined;
    const name = reason instanceof Error ? reason.name : "";
    raiseError(WORDS[name] ?? "The browser could not use a passkey. Reload the page and try again.");
  });
}
