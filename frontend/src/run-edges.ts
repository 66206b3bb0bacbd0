// What a run makes of the wires, from the states of the nodes at their ends.

/** A guess until the run ends: which port was taken shows only by what starts or is skipped. */
function flowOf(source: string, target: string, edge: Element): string {
  // Behind a disabled node the run goes on as behind one that succeeded.
  const passes = source === "skipped" && edge.hasAttribute("data-passes");
  if ((source === "skipped" && !passes) || source === "cancelled" || target === "skipped") return "dead";
  if (source !== "succeeded" && source !== "failed" && !passes) return "";
  if (target === "running" || target === "waiting") return "active";
  if (passes) return target === "pending" || target === "unreached" ? "" : "live";
  const wayOn = source === "succeeded" || edge.hasAttribute("data-after-failure");
  if (!wayOn && (target === "pending" || target === "unreached")) return "broken";
  if (target === "pending") return source === "succeeded" && edge.hasAttribute("data-forks") ? "" : "live";
  return "live";
}

function setFlow(edge: Element, flow: string): void {
  if (edge.getAttribute("data-flow") === flow) return;
  if (flow) edge.setAttribute("data-flow", flow);
  else edge.removeAttribute("data-flow");
}

export function drawEdges(root: HTMLElement, states: ReadonlyMap<string, string>): void {
  for (const edge of root.querySelectorAll(".edge")) {
    const source = states.get(edge.getAttribute("data-source") ?? "") ?? "pending";
    const target = states.get(edge.getAttribute("data-target") ?? "") ?? "pending";
    setFlow(edge, flowOf(source, target, edge));
  }
}

/** The server's own word on every wire. */
export function setEdges(root: HTMLElement, flows: Record<string, string>): void {
  for (const [id, flow] of Object.entries(flows)) {
    const edge = root.querySelector(`#${CSS.escape(id)}`);
    if (edge) setFlow(edge, flow);
  }
}
