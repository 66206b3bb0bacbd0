"""The editor's page as people get it: opened, moved about, a run streamed over it, undone."""

import json
from statistics import median
from uuid import uuid4

from playwright.sync_api import BrowserContext, Page, Route

from benchmarks.editor_flows import streaming_nodes
from benchmarks.editor_moves import Moved, drag, line_to, opened, pan, timed

STREAMS = 60
#: Frames of the run's line in a second, and tokens (of four letters) in all of them.
SENDS, TOKENS = 30, 2_000
#: Measured frames of a stream: four seconds.
STREAM_FRAMES = 240
#: In the place of a run's line: it streams into the nodes of `window.streamed`, as the server does.
FAKE_RUN = """
const Line = window.WebSocket;
class FakeRun extends EventTarget {
  readyState = 1;
  constructor() {
    super();
    setTimeout(() => this.begin());
  }
  give(frame) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }
  begin() {
    const { nodes, sends, tokens } = window.streamed;
    const at = new Date().toISOString();
    const usage = { input_tokens: 0, output_tokens: 0 };
    const run = { status: "running", error: null, started_at: at, duration_ms: null, usage };
    this.give({ snapshot: { run, nodes: [], seq: 0 } });
    let seq = 0;
    const started = (node) => ({ seq: (seq += 1), at, type: "node.started", node, attempt: 1 });
    this.give({ events: nodes.map(started) });
    let length = 0;
    const text = "tok ".repeat(Math.max(1, Math.round(tokens / sends / nodes.length)));
    this.timer = setInterval(() => {
      this.give({ deltas: nodes.map((node) => ({ node, attempt: 1, offset: length, text })) });
      length += text.length;
    }, 1000 / sends);
  }
  send() {}
  close() {
    clearInterval(this.timer);
  }
}
window.WebSocket = function (address) {
  return address.includes("/ws/runs/") ? new FakeRun() : new Line(address);
};
Object.assign(window.WebSocket, { OPEN: Line.OPEN, CONNECTING: 0, CLOSING: 2, CLOSED: 3 });
"""
#: Milliseconds from a press of Ctrl+Z until what it did is painted.
WATCH_UNDO = """
window.undoneAfter = null;
addEventListener("keydown", (event) => {
  if (event.key !== "z" || !event.ctrlKey) return;
  const began = performance.now();
  const painted = () => { window.undoneAfter = performance.now() - began; };
  requestAnimationFrame(() => setTimeout(painted));
}, { capture: true });
"""


#: A thousand moves of one node each, a step of undo for each; all are then taken back, one by one.
UNDO_STEPS = """async () => {
  const { sync, history, model } = window.fluxEditor;
  const ids = [...model.nodes.keys()];
  for (let step = 0; step < 1_000; step += 1) {
    const node = ids[step % ids.length];
    sync.commit("Move a node", [{ op: "place", node, place: { x: 10 * step, y: 10 } }]);
  }
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const began = performance.now();
  let undone = 0;
  while (undone < 1_000 && history.undo()) undone += 1;
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  if (undone < 1_000) throw new Error(`${undone} steps were kept`);
  return performance.now() - began;
}"""


def measure_page(
    context: BrowserContext, address: str, size: int
) -> tuple[float, dict[str, Moved], dict[str, float]]:
    """Milliseconds to open; what drags, pans and a stream cost; milliseconds of undoing."""
    page = context.new_page()
    page.add_init_script(FAKE_RUN)
    page.goto(address, wait_until="commit")
    open_ms = opened(page)
    page.wait_for_timeout(1_000)
    line = line_to(page)
    _tool(page, "fit")
    moved = {"pan_all": pan(page, line)}
    page.goto(f"{address}?debug&node=n7", wait_until="commit")
    opened(page)
    page.wait_for_timeout(1_000)
    _tool(page, "actual")
    moved |= {"drag": drag(page, line, "n7"), "pan": pan(page, line)}
    undo = {"undo_of_all_ms": _undo(page)}
    _run(page, size)
    moved["stream"] = timed(page, line, lambda _: None, STREAM_FRAMES)
    _tool(page, "fit")
    moved["stream_all"] = timed(page, line, lambda _: None, STREAM_FRAMES)
    undo["undo_of_1000_steps_ms"] = float(page.evaluate(UNDO_STEPS))
    _saved(page)
    page.close()
    return open_ms, moved, undo


def _tool(page: Page, name: str) -> None:
    page.locator(f"[data-canvas-tool={name}]").click()
    page.wait_for_timeout(600)


def _saved(page: Page) -> None:
    """Wait until the server has everything: else the next page opened would send it."""
    for _ in range(600):
        if page.evaluate("window.fluxEditor.sync.state.kind") == "saved":
            return
        page.wait_for_timeout(100)
    raise RuntimeError("The server did not take all changes within 60 s.")


def _undo(page: Page) -> float:
    """Move every node by the keys and take that back, three times."""
    page.evaluate(WATCH_UNDO)
    page.locator("[data-canvas]").focus()
    took = []
    for _ in range(3):
        page.keyboard.press("Control+a")
        page.wait_for_timeout(100)
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(1_500)
        page.keyboard.press("Control+z")
        page.wait_for_timeout(1_500)
        took.append(float(page.evaluate("window.undoneAfter")))
    page.keyboard.press("Escape")
    return median(took)


def _run(page: Page, size: int) -> None:
    """Lay a run over the canvas that was never started: its line is `FAKE_RUN`."""

    def answer(route: Route) -> None:
        route.fulfill(status=200, headers={"HX-Redirect": f"/runs/{uuid4()}/"}, body="")

    page.route("**/edit/run/", answer)
    nodes = streaming_nodes(size, STREAMS)
    streamed = {"nodes": nodes, "sends": SENDS, "tokens": TOKENS}
    page.evaluate(f"window.streamed = {json.dumps(streamed)}")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_label("Topic").fill("Tea")
    page.keyboard.press("Control+Enter")
    page.locator(f'#card-{nodes[0]}[data-state="running"]').wait_for(state="attached")
    page.wait_for_timeout(500)
