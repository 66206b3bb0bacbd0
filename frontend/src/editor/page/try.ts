// What the tests put in the place of the editor's script: the real page around actions in memory.
import { TryActions } from "./actions-try";
import { startChrome } from "./chrome";
import { postPublish, postRun } from "./requests";

const actions = new TryActions();
const chrome = startChrome(actions);
actions.onMenu = (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target?.closest("[data-canvas]")) return;
  event.preventDefault();
  const node = target.closest<HTMLElement>("[data-node]")?.dataset["node"];
  chrome.openMenu(node ? { node } : {}, { x: event.clientX, y: event.clientY });
};
// There is no canvas here that would say that its cards stand.
document.querySelector("[data-canvas]")?.toggleAttribute("data-started", true);
Object.assign(window, { actions, chrome, postPublish, postRun });
